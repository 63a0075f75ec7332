// SPDX-License-Identifier: GPL-2.0-only
/// The file describes its mappings, with an MMU and without.

// Fires: 2
@cramfs_physmem_mmap@
identifier file, vma;
@@
-static int cramfs_physmem_mmap(struct file *file, struct vm_area_struct *vma)
-{ ... }

// Fires: 1
@cramfs_physmem_fops@
@@
 struct file_operations cramfs_physmem_fops = {
 ...,
-.mmap = cramfs_physmem_mmap,
 ...,
 };
