/* SPDX-License-Identifier: GPL-2.0-only */
extern int home_mmap(struct file *file, struct vm_area_struct *vma);
