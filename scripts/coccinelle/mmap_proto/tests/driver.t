#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""`convert.py dir` and `make convert`: a driver out of the tree."""

import os
import pty
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
TOOL = os.path.dirname(HERE)
ROOT = os.path.abspath(os.path.join(TOOL, "..", "..", ".."))
sys.path.insert(0, os.path.join(ROOT, "scripts", "overlay"))

import tap  # noqa: E402

GOOD = """\
#include <linux/fs.h>
#include <linux/mm.h>
#include "good.h"

static const struct vm_operations_struct good_ops = {
	.fault = good_fault,
};

static int good_mmap(struct file *file, struct vm_area_struct *vma)
{
	if (vma->vm_end - vma->vm_start > GOOD_SIZE)
		return -EINVAL;
	vma->vm_ops = &good_ops;
	return 0;
}

static const struct file_operations good_fops = {
	.mmap = good_mmap,
};
"""
# The same, but that it counts.
BAD = GOOD.replace("good", "bad").replace("\tvma->vm_ops", "\tmapped++;\n"
                                          "\tvma->vm_ops")
REASON = "bad_mmap: changes state: it counts something"


class Driver(unittest.TestCase):
    """A folder with a driver of two files."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="mmap driver ")
        self.addCleanup(shutil.rmtree, self.folder)
        self.write("good.h", "#define GOOD_SIZE 4096\n")
        self.write("sub/good.c", GOOD.replace('"good.h"', '"../good.h"'))
        self.write("Makefile", "obj-m := good.o # mmap\n")

    def write(self, path, text):
        """Make the file @path of the driver."""
        target = os.path.join(self.folder, path)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "w", encoding="utf-8",
                  errors="surrogateescape") as stream:
            stream.write(text)

    def files(self):
        """Return {path: text} of the driver."""
        found = {}
        for where, _, names in os.walk(self.folder):
            for name in names:
                path = os.path.join(where, name)
                with open(path, encoding="utf-8", newline="",
                          errors="surrogateescape") as stream:
                    found[os.path.relpath(path, self.folder)] = stream.read()
        return found

    def run_tool(self, *arguments):
        """Run `convert.py dir`; return (status, output, messages)."""
        done = subprocess.run(
            [os.path.join(TOOL, "convert.py"), "dir", *arguments],
            cwd=self.folder, capture_output=True, check=False)
        return (done.returncode, done.stdout.decode("utf-8", "surrogateescape"),
                done.stderr.decode())

    def run_make(self, *arguments):
        """Run `make convert`; return (status, output, messages)."""
        environment = {name: value for name, value in os.environ.items()
                       if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
        done = subprocess.run(
            ["make", "-s", "--no-print-directory", "-C", ROOT, "PACKAGES=no",
             "convert", *arguments], env=environment, capture_output=True,
            text=True, check=False)
        return done.returncode, done.stdout, done.stderr

    def test_diff(self):
        """dir: prints a diff that git applies, and changes nothing"""
        before = self.files()
        status, diff, messages = self.run_tool(self.folder)
        self.assertEqual((status, messages), (
            0, "convert.py: 1 found, 1 converted, 0 refused\n"))
        self.assertEqual(self.files(), before)
        subprocess.run(["git", "apply"], cwd=self.folder, input=diff,
                       text=True, check=True)
        applied = self.files()
        self.assertIn("good_mmap_proto", applied["sub/good.c"])
        for path, text in before.items():
            self.write(path, text)
        self.assertEqual(self.run_tool("--in-place", self.folder)[:2], (0, ""))
        self.assertEqual(self.files(), applied)

    def test_odd_diff(self):
        """dir: no newline at the end, form feeds, bytes that are no UTF-8"""
        text = GOOD + "/* \udce9\f page\x0b */\r\n/* the end */"
        self.write("odd.c", text)
        status, diff, _ = self.run_tool(".")
        self.assertEqual(status, 0)
        subprocess.run(["git", "apply"], cwd=self.folder, check=True,
                       input=diff.encode("utf-8", "surrogateescape"))
        made = self.files()["odd.c"]
        self.assertTrue(made.endswith(text[len(GOOD):]))
        self.assertIn("good_mmap_proto", made)

    def test_refused(self):
        """dir: a refused hook has its place and reason, and status 2"""
        self.write("bad.c", BAD)
        status, diff, messages = self.run_tool(".")
        self.assertEqual((status, messages.splitlines()), (2, [
            f"bad.c:19: {REASON}",
            "convert.py: 2 found, 1 converted, 1 refused"]))
        self.assertIn("+++ b/sub/good.c\n", diff)
        self.assertNotIn("bad.c", diff)

    def test_refused_in_place(self):
        """dir: a file with a refused hook is not written at all"""
        self.write("bad.c", BAD + GOOD)
        before = self.files()
        status, output, messages = self.run_tool("--in-place", ".")
        self.assertEqual((status, output), (2, ""))
        self.assertEqual(messages.splitlines(), [
            f"bad.c:19: {REASON}", "bad.c:38: good_mmap: another hook of the "
            "file is refused", "convert.py: 3 found, 1 converted, 2 refused"])
        after = self.files()
        self.assertEqual([path for path in after
                          if after[path] != before[path]], ["sub/good.c"])

    def test_header(self):
        """dir: a header of the driver may have hooks, and hide parameters"""
        self.write("hooks.h", GOOD.replace("good_", "head_"))
        status, diff, _ = self.run_tool(".")
        self.assertEqual(status, 0)
        self.assertIn("+++ b/hooks.h\n", diff)
        self.write("good.h", "#define GOOD_SIZE \\\n\tvma->vm_mm->total_vm\n")
        status, diff, messages = self.run_tool(".")
        self.assertEqual(status, 2)
        self.assertIn("sub/good.c:18: good_mmap: a macro hides a parameter: "
                      "GOOD_SIZE\n", messages)
        # Of another header, that is included by this one.
        self.write("good.h", '#include "deep.h"\n')
        self.write("deep.h", '#include "good.h"\n#define GOOD_SIZE file->x\n')
        status, diff, messages = self.run_tool(".")
        self.assertEqual(status, 2)
        self.assertIn("good_mmap: a macro hides", messages)
        self.assertEqual(diff, "")

    def test_again(self):
        """dir: what is converted stays as it is"""
        self.run_tool("--in-place", ".")
        before = self.files()
        self.assertEqual(self.run_tool("--in-place", "."), (
            0, "", "convert.py: 1 found, 1 converted, 0 refused\n"))
        self.assertEqual(self.files(), before)

    def test_no_hook(self):
        """dir: a folder without hooks"""
        self.write("sub/good.c", "int mmap;\n")
        self.assertEqual(self.run_tool("sub"), (
            0, "", "convert.py: sub has no .mmap hook of struct "
            "file_operations.\n"))

    def test_link(self):
        """dir: a link stays one"""
        os.symlink("sub/good.c", os.path.join(self.folder, "link.c"))
        self.assertEqual(self.run_tool("--in-place", ".")[0], 0)
        self.assertTrue(os.path.islink(os.path.join(self.folder, "link.c")))
        self.assertIn("good_mmap_proto", self.files()["sub/good.c"])

    def test_dialect(self):
        """dir: the other dialect"""
        status, diff, _ = self.run_tool("--dialect", "mmap_prepare", ".")
        self.assertEqual(status, 0)
        self.assertIn("+\t.mmap_prepare = good_mmap_prepare,\n", diff)

    def test_errors(self):
        """dir: arguments that are wrong: status 1 and a sentence"""
        for arguments, message in (
                (["nowhere"], "There is no folder nowhere"),
                (["good.h"], "There is no folder good.h"),
                ([], "required: DIR"), (["--jobs", "0", "."], "at least one"),
                (["--dialect", "x", "."], "invalid choice: 'x'"),
                (["--what", "."], "unrecognized arguments: --what")):
            status, output, messages = self.run_tool(*arguments)
            self.assertEqual((status, output), (1, ""), arguments)
            self.assertIn(message, messages)
            self.assertNotIn("Traceback", messages)

    def test_make(self):
        """make convert: the diff, and the files in place"""
        status, diff, messages = self.run_make("M=" + self.folder)
        self.assertEqual((status, messages), (
            0, "convert.py: 1 found, 1 converted, 0 refused\n"))
        self.assertTrue(diff.startswith("diff --git a/sub/good.c b/sub/good.c"))
        self.assertIn("good_mmap,", self.files()["sub/good.c"])
        status, output, _ = self.run_make("M=" + self.folder, "IN_PLACE=yes")
        self.assertEqual((status, output), (0, ""))
        self.assertIn("good_mmap_proto,", self.files()["sub/good.c"])

    def test_make_errors(self):
        """make convert: no folder, an odd IN_PLACE, a refused hook"""
        self.assertIn("make convert M=", self.run_make()[2])
        self.assertIn("IN_PLACE is yes or no",
                      self.run_make("M=" + self.folder, "IN_PLACE=1")[2])
        self.write("bad.c", BAD)
        status, _, messages = self.run_make("M=" + self.folder)
        self.assertIn(REASON, messages)
        self.assertEqual(status, 2)

    def test_terminal(self):
        """dir: a terminal sees how far it is, and is left clean"""
        ours, theirs = pty.openpty()
        with subprocess.Popen(
                [os.path.join(TOOL, "convert.py"), "dir", "."],
                cwd=self.folder, stdout=subprocess.DEVNULL,
                stderr=theirs) as process:
            os.close(theirs)
            text = b""
            while True:
                try:
                    chunk = os.read(ours, 4096)
                except OSError:
                    break       # the other end is closed
                if not chunk:
                    break
                text += chunk
        os.close(ours)
        self.assertEqual(process.returncode, 0)
        self.assertIn(b"\rlooking for hooks in 1 files", text)
        shown, message = text.decode().rsplit("\r", 1)[0], text.split(b"\r")
        self.assertEqual(shown.rsplit("\r", 2)[1].strip(), "")
        self.assertTrue(message[-2].startswith(b"convert.py: 1 found"))


if __name__ == "__main__":
    tap.main()
