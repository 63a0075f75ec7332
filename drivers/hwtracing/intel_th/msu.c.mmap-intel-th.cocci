// SPDX-License-Identifier: GPL-2.0-only
/// Make room for what describes the mapping instead.

// Fires: 1
@intel_th_msc_fops@
@@
 struct file_operations intel_th_msc_fops = {
-	.mmap = intel_th_msc_mmap,
 };
