// SPDX-License-Identifier: GPL-2.0-only
/// Make room for what describes the mapping instead.

// Fires: 1
@binder_fops@
@@
 struct file_operations binder_fops = {
-	.mmap = binder_mmap,
 };
