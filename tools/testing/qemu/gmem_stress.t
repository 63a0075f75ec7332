#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# A boot for a minute of random operations on guest_memfd by several threads.
exec make -s --no-print-directory -C "$(dirname "$0")" boot \
	APPEND=guest_env=gmem_stress_seconds=60 \
	TESTS=guest_memfd_stress_test TEST_TIMEOUT=400 TIMEOUT=460
