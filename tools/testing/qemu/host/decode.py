# SPDX-License-Identifier: GPL-2.0-only
"""Adds source files and line numbers to the kernel's stack traces."""

import os
import subprocess

SCRIPT = "scripts/decode_stacktrace.sh"
TIMEOUT = 120


def decode(lines, vmlinux, ksrc):
    """Return the lines with the kernel's symbols decoded.

    Never fails: what cannot be decoded comes back as it is, with a line
    above it that says why. Dumps of machine code are left out: disassembled,
    they fill the screen.
    """
    lines = [line for line in lines if " Code: " not in line]
    script = os.path.join(ksrc, SCRIPT)
    for path in (script, vmlinux):
        if not os.path.exists(path):
            return [f"(not decoded: {path} does not exist)"] + lines
    # It must not ask servers on the internet for debug information.
    environment = dict(os.environ, DEBUGINFOD_URLS="", LC_ALL="C")
    environment.pop("LLVM", None)
    try:
        done = subprocess.run(
            ["bash", script, vmlinux, ksrc], input="\n".join(lines) + "\n",
            capture_output=True, text=True, errors="replace",
            timeout=TIMEOUT, env=environment, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        return [f"(not decoded: {error})"] + lines
    return done.stdout.splitlines()
