// SPDX-License-Identifier: GPL-2.0-only
/// Make room for what describes the mapping instead.

// Fires: 1
@vfio_device_ops@
@@
 struct vfio_device_ops {
 ...
-	int	(*mmap)(struct vfio_device *vdev, struct vm_area_struct *vma);
 ...
 };
