#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""`make shell` gives a prompt, runs commands and leaves the terminal whole.

KSRC, BUILD and QEMU are taken from the environment, as `make check` sets them.
"""

import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(HERE)
sys.path.insert(0, os.path.join(HERE, "../../../../scripts/overlay"))

import tap  # noqa: E402

PROMPT = re.compile(rb"/tests # (\x1b\[6n)?$")
TIMEOUT = 60


def last_descendant(pid):
    """The process at the end of the chain of children below one."""
    while True:
        with open(f"/proc/{pid}/task/{pid}/children",
                  encoding="ascii") as stream:
            children = stream.read().split()
        if not children:
            return int(pid)
        pid = children[0]


def setUpModule():
    """Build what is missing, before the time counts."""
    subprocess.run(["make", "-s", "--no-print-directory", "-C", TOP, "build"],
                   check=True, stdout=sys.stderr)


class Shell(unittest.TestCase):
    def setUp(self):
        self.master, self.slave = pty.openpty()
        self.addCleanup(os.close, self.master)
        self.addCleanup(os.close, self.slave)
        termios.tcsetwinsize(self.slave, (33, 99))
        self.before = termios.tcgetattr(self.slave)
        self.seen = b""
        self.process = subprocess.Popen(
            ["make", "-s", "--no-print-directory", "-C", TOP, "shell"],
            stdin=self.slave, stdout=self.slave, stderr=self.slave,
            start_new_session=True)
        self.addCleanup(self.kill_all)

    def kill_all(self):
        """Leave nothing behind, QEMU included, when a test fails."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()

    def read_until(self, pattern):
        """What the terminal shows, up to a match at its end."""
        deadline = time.monotonic() + TIMEOUT
        self.seen = b""
        while not pattern.search(self.seen):
            self.assertLess(time.monotonic(), deadline, self.seen)
            if select.select([self.master], [], [], 0.1)[0]:
                self.seen += os.read(self.master, 4096)
            elif self.process.poll() is not None:
                self.fail(f"it ended: {self.seen}")
        return self.seen.decode(errors="replace").replace("\r", "")

    def type(self, text):
        """Type text and return what comes up to the next prompt."""
        os.write(self.master, text.encode() + b"\n")
        return self.read_until(PROMPT)

    def wait_end(self):
        """Wait for the end; the terminal must be as it was. Returns status."""
        deadline = time.monotonic() + TIMEOUT
        while self.process.poll() is None:
            self.assertLess(time.monotonic(), deadline, "it does not end")
            if select.select([self.master], [], [], 0.1)[0]:
                os.read(self.master, 4096)
        self.assertEqual(termios.tcgetattr(self.slave), self.before)
        return self.process.returncode

    def test_commands(self):
        """a prompt, commands, Ctrl-C, the tests, and exit"""
        begun = time.monotonic()
        self.assertIn("The tests are in /tests.", self.read_until(PROMPT))
        self.figures = f"prompt after {time.monotonic() - begun:.1f} s"
        self.assertNotEqual(termios.tcgetattr(self.slave), self.before)
        self.assertIn("\n42\n", self.type("echo $((6 * 7))"))
        self.assertIn("machine_test\n", self.type("ls -1 /tests"))
        self.assertIn("rows 33; columns 99;", self.type("stty -a"))
        self.assertIn("ok 6 - KVM has guest_memfd", self.type("machine_test"))
        os.write(self.master, b"sleep 1000\n")
        self.read_until(re.compile(rb"sleep 1000\r*\n$"))
        time.sleep(0.5)
        os.write(self.master, b"\x03")
        self.read_until(PROMPT)
        self.assertIn("\n130\n", self.type("echo $?"))
        os.write(self.master, b"exit\n")
        self.assertEqual(self.wait_end(), 0)

    def test_quit(self):
        """Ctrl-A X quits"""
        self.read_until(PROMPT)
        os.write(self.master, b"\x01x")
        self.assertEqual(self.wait_end(), 0)

    def test_killed(self):
        """the terminal is whole even if QEMU was killed"""
        self.read_until(PROMPT)
        self.assertNotEqual(termios.tcgetattr(self.slave), self.before)
        os.kill(last_descendant(self.process.pid), signal.SIGKILL)
        self.assertNotEqual(self.wait_end(), 0)


if __name__ == "__main__":
    tap.main()
