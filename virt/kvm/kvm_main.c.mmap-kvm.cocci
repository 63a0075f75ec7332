// SPDX-License-Identifier: GPL-2.0-only
/// Make room for what describes the mapping instead.

// Fires: 1
@kvm_vcpu_fops@
@@
 struct file_operations kvm_vcpu_fops = {
-	.mmap = kvm_vcpu_mmap,
 };

// Fires: 1
@kvm_device_fops@
@@
 struct file_operations kvm_device_fops = {
-	.mmap = kvm_device_mmap,
 };
