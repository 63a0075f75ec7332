// SPDX-License-Identifier: GPL-2.0-only
/// Its counterpart is inserted.

// Fires: 1
@vme_master_mmap@
@@
-int vme_master_mmap(struct vme_resource *resource, struct vm_area_struct *vma);
