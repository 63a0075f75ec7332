#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The makefile builds what has changed and nothing else, outside of KSRC.

KSRC, BUILD and QEMU are taken from the environment, as `make check` sets them.
"""

import os
import re
import subprocess
import sys
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(HERE)
sys.path.insert(0, os.path.join(HERE, "../../../../scripts/overlay"))

import tap  # noqa: E402

ROOT = os.path.join(TOP, "../../..")
KSRC = os.environ.get("KSRC") or os.path.join(ROOT, "build/linux")
BUILD = os.environ.get("BUILD") or os.path.join(ROOT, "build/qemu")
STAMPS = ("kernel.done", "headers.done", "kvm.done")
BUILT = ("kernel/vmlinux", "kernel/arch/x86/boot/bzImage", "init",
         "initramfs.cpio", "tests/machine_test", "tests/guest_memfd_test",
         "kernel/.config") + STAMPS

GOOD_TEST = "int main(void)\n{\n\treturn 0;\n}\n"
BAD_TEST = "int main(void)\n{\n\tint unused;\n\n\treturn 0;\n}\n"


def make(*words):
    """Run make with these words: exit status, and all it printed."""
    done = subprocess.run(["make", "-s", "--no-print-directory", "-C", TOP]
                          + list(words), stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    return done.returncode, done.stdout


def ages():
    """Modification times of what is built."""
    return {name: os.stat(os.path.join(BUILD, name)).st_mtime_ns
            for name in BUILT}


class Again(unittest.TestCase):
    def setUp(self):
        status, text = make("build")
        self.assertEqual(status, 0, text)

    def test_nothing(self):
        """a second make does nothing, quickly"""
        before = ages()
        begun = time.monotonic()
        self.assertEqual(make("build"), (0, ""))
        seconds = time.monotonic() - begun
        self.figures = f"{seconds:.2f} s"
        self.assertEqual(ages(), before)
        self.assertLess(seconds, 10)

    def test_older_stamps(self):
        """when sources are newer the steps run, and KSRC stays untouched"""
        before = ages()
        with tempfile.NamedTemporaryFile() as now:
            for stamp in STAMPS:
                os.utime(os.path.join(BUILD, stamp), (1, 1))
            status, text = make("build")
            written = subprocess.run(
                ["find", KSRC, "-newer", now.name, "-not", "-path", "*/.git*"],
                capture_output=True, text=True, check=True).stdout
        self.assertEqual(status, 0, text)
        for step in ("KERNEL", "HEADERS", "KVMTESTS"):
            self.assertIn(f"  {step} ", text)
        self.assertEqual(written, "")
        for name in ("kernel/vmlinux", "kernel/arch/x86/boot/bzImage"):
            self.assertEqual(ages()[name], before[name], name)

    def test_init_changed(self):
        """one newer source of the guest: the initramfs, not the kernel"""
        before = ages()
        os.utime(os.path.join(BUILD, "init"), (1, 1))
        status, text = make("build")
        self.assertEqual(status, 0, text)
        after = ages()
        self.assertNotEqual(after["initramfs.cpio"], before["initramfs.cpio"])
        self.assertEqual(after["kernel.done"], before["kernel.done"])
        self.assertEqual(after["tests/machine_test"],
                         before["tests/machine_test"])


class GuestTests(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.source = os.path.join(folder.name, "made_up_test.c")
        self.addCleanup(make, "build")

    def build(self, text):
        """Make with a test program of this text."""
        with open(self.source, "w", encoding="utf-8") as stream:
            stream.write(text)
        return make("build", f"GUEST_TESTS={self.source}")

    def test_good(self):
        """a program of GUEST_TESTS gets into the initramfs, and out again"""
        kernel = ages()["kernel.done"]
        status, text = self.build(GOOD_TEST)
        self.assertEqual(status, 0, text)
        self.assertTrue(self.in_initramfs())
        self.assertEqual(make("build")[0], 0)
        self.assertFalse(self.in_initramfs())
        self.assertEqual(ages()["kernel.done"], kernel)

    def in_initramfs(self):
        """Is the test program in the initramfs?"""
        with open(os.path.join(BUILD, "initramfs.cpio"), "rb") as stream:
            return b"tests/made_up_test\0" in stream.read()

    def test_header(self):
        """a program is built again when a header of its changes"""
        header = os.path.join(os.path.dirname(self.source), "made_up.h")
        with open(header, "w", encoding="utf-8") as stream:
            stream.write("#define STATUS 0\n")
        text = '#include "made_up.h"\n' + GOOD_TEST.replace("0", "STATUS")
        self.assertIn("made_up_test", self.build(text)[1])
        words = ("build", f"GUEST_TESTS={self.source}")
        self.assertEqual(make(*words), (0, ""))
        os.utime(header)
        self.assertIn("made_up_test", make(*words)[1])

    def test_warning(self):
        """a program that the compiler warns about does not build"""
        status, text = self.build(BAD_TEST)
        self.assertNotEqual(status, 0)
        self.assertIn("unused variable", text)

    def test_same_name(self):
        """two programs of the same name: an error"""
        status, text = make("build", "GUEST_TESTS=a/one.c b/one.c")
        self.assertNotEqual(status, 0)
        self.assertIn("Two test programs have the same name", text)


class Chosen(unittest.TestCase):
    def chosen(self, *words):
        """The programs that a boot is told to run, and those that must."""
        status, text = make("-n", "boot", *words)
        self.assertEqual(status, 0, text)
        return [re.search(rf'--{name} "([^"]*)"', text).group(1).split()
                for name in ("tests", "must-run")]

    def test_all(self):
        """all programs run, without being named, and must"""
        tests, must = self.chosen("LONG_TESTS=")
        self.assertEqual(tests, [])
        self.assertIn("machine_test", must)
        self.assertIn("guest_memfd_test", must)

    def test_long(self):
        """a long one does not run unless it is named"""
        tests, must = self.chosen("LONG_TESTS=guest_memfd_test")
        for names in (tests, must):
            self.assertIn("machine_test", names)
            self.assertNotIn("guest_memfd_test", names)

    def test_named(self):
        """one that is named runs alone, and must, long or not"""
        for words in ((), ("LONG_TESTS=guest_memfd_test",)):
            self.assertEqual(self.chosen("TESTS=guest_memfd_test", *words),
                             [["guest_memfd_test"]] * 2)


class Errors(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def test_option(self):
        """an option that cannot be set stops the build, by name, each time"""
        fragment = os.path.join(self.folder, "extra.config")
        with open(fragment, "w", encoding="utf-8") as stream:
            stream.write("CONFIG_NO_SUCH_OPTION=y\n")
        for _ in range(2):
            status, text = make("build", f"BUILD={self.folder}/build",
                                f"EXTRA_CONFIGS={fragment}")
            self.assertNotEqual(status, 0)
            self.assertIn("extra.config:1: CONFIG_NO_SUCH_OPTION=y was asked "
                          "for, but it is n", text)

    def test_no_tree(self):
        """KSRC is not a kernel tree"""
        status, text = make("build", f"BUILD={self.folder}",
                            f"KSRC={self.folder}")
        self.assertNotEqual(status, 0)
        self.assertIn("is not a kernel tree: set KSRC to one", text)

    def test_kernel_fails(self):
        """a build that fails shows the end of its log and where it is"""
        status, text = make("build", f"BUILD={self.folder}", "CC=false",
                            "CCACHE=")
        self.assertNotEqual(status, 0)
        self.assertRegex(text, "error: .* failed; all of its output is in .*log")

    def test_busybox(self):
        """a busybox that is not static is refused before the boot"""
        self.addCleanup(make, "shell.cpio")
        status, text = make(os.path.join(BUILD, "shell.cpio"),
                            "BUSYBOX=/bin/ls")
        self.assertNotEqual(status, 0)
        self.assertIn("/bin/ls is not static: install the package "
                      "busybox-static", text)


class Help(unittest.TestCase):
    def test_help(self):
        """help names the targets and the variables"""
        status, text = make("help")
        self.assertEqual(status, 0)
        for word in ("make boot", "make shell", "KSRC", "BUILD", "QEMU",
                     "JOBS", "TIMEOUT", "GUEST_TESTS", "MUST_RUN"):
            self.assertIn(word, text)


if __name__ == "__main__":
    tap.main()
