#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# All of the matrix.
exec "$(dirname "$0")/ab.t" --full
