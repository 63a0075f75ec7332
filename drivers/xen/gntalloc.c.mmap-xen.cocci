// SPDX-License-Identifier: GPL-2.0-only
/// Make room for what describes the mapping instead.

// Fires: 1
@gntalloc_fops@
@@
 struct file_operations gntalloc_fops = {
-	.mmap = gntalloc_mmap,
 };
