#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# The KUnit suites with the kernel's checks of memory, page tables and locks.
exec "$(dirname "$0")/kunit.t" x86_64-debug
