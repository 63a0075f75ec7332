// SPDX-License-Identifier: GPL-2.0-only
/// Make room for what describes the mapping instead.

// Fires: 1
@vfio_device_fops@
@@
 struct file_operations vfio_device_fops = {
-	.mmap = vfio_device_fops_mmap,
 };
