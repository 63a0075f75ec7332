#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# A boot in which KASAN must report the use of an object that no hold has kept.
exec make -s --no-print-directory -C "$(dirname "$0")" boot-debug \
	TESTS=mmap_proto_freed \
	EXPECT_REPORT="BUG: KASAN: slab-use-after-free in test_mapped_object"
