// SPDX-License-Identifier: GPL-2.0-only
/// The counterpart is inserted.

// Fires: 1
@cxl_fd_mmap@
@@
-int cxl_fd_mmap(struct file *file, struct vm_area_struct *vm);
