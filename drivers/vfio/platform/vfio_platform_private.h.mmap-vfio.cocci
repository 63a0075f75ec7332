// SPDX-License-Identifier: GPL-2.0-only
/// Make room for what describes the mapping instead.

// Fires: 1
@vfio_platform_mmap@
@@
-int vfio_platform_mmap(struct vfio_device *core_vdev,
-		       struct vm_area_struct *vma);
