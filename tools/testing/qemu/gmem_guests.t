#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# A boot for guests that run on guest_memfd while the host converts their memory
# and attacks it. How far they get depends on how busy the machine is. The exits
# of a guest that shuts down are shown: there is nothing else to find the cause.
exec make -s --no-print-directory -C "$(dirname "$0")" boot \
	APPEND="trace_event=kvm:kvm_exit trace_buf_size=128K" \
	TESTS="guest_memfd_guest_test guest_memfd_attack_test \
		guest_memfd_attack_proc_test guest_memfd_attack_io_test \
		guest_memfd_attack_kvm_test"
