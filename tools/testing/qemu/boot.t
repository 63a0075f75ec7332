#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# The boot as a test script: prove tools/testing/qemu/boot.t, with the
# variables of `make help` in the environment.
exec make -s --no-print-directory -C "$(dirname "$0")" boot
