#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# KVM as modules: loaded and unloaded while files of guest_memfd come and go.
exec make -s --no-print-directory -C "$(dirname "$0")" boot-module
