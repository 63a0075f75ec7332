// SPDX-License-Identifier: GPL-2.0-only
/// Make room for what describes the mapping instead.

// Fires: 1
@vfio_pci_regops@
@@
 struct vfio_pci_regops {
 ...
-	int	(*mmap)(struct vfio_pci_core_device *vdev,
-			struct vfio_pci_region *region,
-			struct vm_area_struct *vma);
 ...
 };

// Fires: 1
@vfio_pci_core_mmap@
@@
-int vfio_pci_core_mmap(struct vfio_device *core_vdev, struct vm_area_struct *vma);
