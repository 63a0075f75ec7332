// SPDX-License-Identifier: GPL-2.0-only
/// Make room for what describes the mapping instead.

// Fires: 1
@pseudo_lock_dev_fops@
@@
 struct file_operations pseudo_lock_dev_fops = {
-	.mmap = pseudo_lock_dev_mmap,
 };
