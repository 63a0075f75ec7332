// SPDX-License-Identifier: GPL-2.0-only
/// The counterpart is inserted.

// Fires: 1
@ocxl_context_mmap@
@@
-int ocxl_context_mmap(struct ocxl_context *ctx, struct vm_area_struct *vma);
