// SPDX-License-Identifier: GPL-2.0-only
/// The counterparts are inserted.

// Fires: 1
@cxl_context_iomap@
@@
-int cxl_context_iomap(struct cxl_context *ctx, struct vm_area_struct *vma);

// Fires: 1
@afu_mmap@
@@
-int afu_mmap(struct file *file, struct vm_area_struct *vm);
