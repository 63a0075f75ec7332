// SPDX-License-Identifier: GPL-2.0-only
/// The new line is inserted, for the sake of its alignment.

// Fires: 1
@bcm_vk_mmap_ini@
identifier ops;
@@
 struct file_operations ops = {
-	.mmap = bcm_vk_mmap,
 };
