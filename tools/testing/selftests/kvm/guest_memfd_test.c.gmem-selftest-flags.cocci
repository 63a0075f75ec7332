// SPDX-License-Identifier: GPL-2.0-only
/// Only the create flags that KVM does not offer must fail.

// Fires: 2
@unsupported@
identifier vm, flag, fd;
@@
 test_create_guest_memfd_invalid(struct kvm_vm *vm)
 {
 size_t page_size = getpagesize();
+	uint64_t valid = vm_check_cap(vm, KVM_CAP_GUEST_MEMFD_FLAGS);
 ...
 for (flag = BIT(0); flag; flag <<= 1) {
+		if (flag & valid)
+			continue;
 	fd = __vm_create_guest_memfd(...);
 	...
 }
 }
