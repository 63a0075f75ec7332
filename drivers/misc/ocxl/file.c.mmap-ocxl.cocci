// SPDX-License-Identifier: GPL-2.0-only
/// The new line is inserted, for the sake of its alignment.

// Fires: 1
@afu_mmap_ini@
identifier ops;
@@
 struct file_operations ops = {
-	.mmap = afu_mmap,
 };
