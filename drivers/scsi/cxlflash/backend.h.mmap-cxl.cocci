// SPDX-License-Identifier: GPL-2.0-only
/// The counterpart is inserted.

// Fires: 1
@fd_mmap@
@@
 struct cxlflash_backend_ops {
 ...
-int (*fd_mmap)(struct file *file, struct vm_area_struct *vm);
 ...
 };
