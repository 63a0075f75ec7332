// SPDX-License-Identifier: GPL-2.0-only
/// Make room for what describes the mapping instead.

// Fires: 1
@kvm_xive_native_ops@
@@
 struct kvm_device_ops kvm_xive_native_ops = {
-	.mmap = kvmppc_xive_native_mmap,
 };
