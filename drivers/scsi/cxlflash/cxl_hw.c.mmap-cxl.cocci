// SPDX-License-Identifier: GPL-2.0-only
/// The new line is inserted, for the sake of its alignment.

// Fires: 1
@cxlflash_fd_mmap_ini@
identifier ops;
@@
 struct cxlflash_backend_ops ops = {
-	.fd_mmap = cxlflash_fd_mmap,
 };
