// SPDX-License-Identifier: GPL-2.0-only
/// Make room for what describes the mapping instead.

// Fires: 1
@kvm_device_ops@
@@
 struct kvm_device_ops {
 ...
-	int (*mmap)(struct kvm_device *dev, struct vm_area_struct *vma);
 };
