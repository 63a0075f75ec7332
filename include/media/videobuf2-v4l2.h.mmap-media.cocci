// SPDX-License-Identifier: GPL-2.0-only
/// Make room for what describes the mapping instead.

// Fires: 1
@vb2_fop_mmap@
@@
-int vb2_fop_mmap(struct file *file, struct vm_area_struct *vma);
