#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# The stress of guest_memfd on a kernel that reports data races in it.
exec make -s --no-print-directory -C "$(dirname "$0")" boot-kcsan \
	APPEND=guest_env=gmem_stress_seconds=180 \
	TESTS="guest_memfd_stress_test guest_memfd_attack_test"
