#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# The tests of mmap_proto() on the kernel that checks all it can.
exec make -s --no-print-directory -C "$(dirname "$0")" boot-debug \
	TESTS="machine_test mmap_proto mmap_proto_driver \
		mmap_proto_compare mmap_proto_faults mmap_proto_stress"
