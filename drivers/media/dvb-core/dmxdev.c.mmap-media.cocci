// SPDX-License-Identifier: GPL-2.0-only
/// Make room for what describes the mapping instead.

// Fires: 1
@dvb_demux_fops@
@@
 struct file_operations dvb_demux_fops = {
-	.mmap = dvb_demux_mmap,
 };

// Fires: 1
@dvb_dvr_fops@
@@
 struct file_operations dvb_dvr_fops = {
-	.mmap = dvb_dvr_mmap,
 };
