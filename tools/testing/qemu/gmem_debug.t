#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# All tests of guest_memfd, the attack and the stress among them, on the kernel
# that checks all it can.
exec make -s --no-print-directory -C "$(dirname "$0")" boot-debug \
	APPEND=guest_env=gmem_stress_seconds=180 \
	TESTS="guest_memfd_stress_test guest_memfd_attack_test \
		guest_memfd_attack_proc_test guest_memfd_attack_io_test \
		guest_memfd_attack_kvm_test guest_memfd_conversion_test \
		guest_memfd_guest_test guest_memfd_madvise_test \
		guest_memfd_mmap_test guest_memfd_pin_test \
		guest_memfd_poison_test guest_memfd_populate_test \
		guest_memfd_pressure_test guest_memfd_slot_test \
		guest_memfd_test guest_memfd_thp_test \
		private_mem_conversions_test pre_fault_memory_test"
