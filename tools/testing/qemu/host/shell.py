#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The test machine with a prompt on this terminal. Ctrl-A X quits."""

import argparse
import shutil
import subprocess
import sys
import termios

import machine


def main():
    """Run QEMU on the terminal, and leave the terminal as it was."""
    parser = argparse.ArgumentParser(description=__doc__)
    machine.add_arguments(parser)
    size = shutil.get_terminal_size()
    try:
        # quiet: what the kernel has to say is in dmesg.
        guest = machine.Machine(parser.parse_args(), [
            "quiet", "guest_mode=shell", f"guest_rows={size.lines}",
            f"guest_columns={size.columns}"])
    except machine.MachineError as error:
        sys.exit(f"error: {error}")
    terminal = sys.stdin.isatty()
    if terminal:
        settings = termios.tcgetattr(sys.stdin)
    try:
        return subprocess.call(guest.command(["-serial", "mon:stdio"]),
                               preexec_fn=machine.die_with_parent)
    except OSError as error:
        sys.exit(f"error: cannot start {guest.qemu}: {error.strerror}: install "
                 f"the package qemu-system-x86 or set QEMU")
    finally:
        # QEMU does so itself, unless it was killed.
        if terminal:
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, settings)


if __name__ == "__main__":
    sys.exit(main())
