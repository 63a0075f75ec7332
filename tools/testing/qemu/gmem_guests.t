#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# A boot for guests that run on guest_memfd while the host converts their memory
# and attacks it. How far they get depends on how busy the machine is.
exec make -s --no-print-directory -C "$(dirname "$0")" boot \
	TESTS="guest_memfd_guest_test guest_memfd_attack_test \
		guest_memfd_attack_proc_test guest_memfd_attack_io_test \
		guest_memfd_attack_kvm_test"
