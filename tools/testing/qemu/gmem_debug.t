#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# The attack and the stress of guest_memfd on the kernel that checks all it can.
exec make -s --no-print-directory -C "$(dirname "$0")" boot-debug \
	APPEND=guest_env=gmem_stress_seconds=180 \
	TESTS="guest_memfd_stress_test guest_memfd_attack_test \
		guest_memfd_attack_proc_test guest_memfd_attack_io_test \
		guest_memfd_attack_kvm_test"
