// SPDX-License-Identifier: GPL-2.0-only
/// Make room for what describes the mapping instead.

// Fires: 1
@v4l2_fops@
@@
 struct file_operations v4l2_fops = {
-	.mmap = v4l2_mmap,
 };
