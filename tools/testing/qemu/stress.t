#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# A boot for the test that maps a million times.
exec make -s --no-print-directory -C "$(dirname "$0")" boot \
	TESTS=mmap_proto_stress APPEND=guest_env=mmap_proto_faults=no \
	TEST_TIMEOUT=1200 TIMEOUT=1260
