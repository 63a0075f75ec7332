// SPDX-License-Identifier: GPL-2.0-only
/// Make room for what describes the mapping instead.

// Fires: 1
@io_uring_fops@
@@
 struct file_operations io_uring_fops = {
-	.mmap = io_uring_mmap,
 };
