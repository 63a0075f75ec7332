// SPDX-License-Identifier: GPL-2.0-only
/// Make room for what describes the mapping instead.

// Fires: 1
@ublk_ch_fops@
@@
 struct file_operations ublk_ch_fops = {
-	.mmap = ublk_ch_mmap,
 };
