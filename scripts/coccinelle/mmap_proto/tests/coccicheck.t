#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""plain.cocci by itself, as `make coccicheck` runs it, in its four modes."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
TOOL = os.path.dirname(HERE)
sys.path.insert(0, os.path.join(TOOL, "..", "..", "overlay"))

import tap  # noqa: E402

RULES = os.path.join(TOOL, "plain.cocci")


def options():
    """Return the options that coccicheck reads off the semantic patch."""
    with open(RULES, encoding="utf-8") as stream:
        return re.search(r"^// Options: (.*)$", stream.read(),
                         re.MULTILINE).group(1).split()


class Modes(unittest.TestCase):
    """One file that converts, one that is refused."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="mmap-modes-")
        shutil.copy(os.path.join(HERE, "plain", "early_return.c"),
                    os.path.join(cls.folder, "good.c"))
        shutil.copy(os.path.join(HERE, "refused", "counts.c"),
                    os.path.join(cls.folder, "bad.c"))
        shutil.copy(os.path.join(HERE, "refused", "unparsable_initialiser.c"),
                    os.path.join(cls.folder, "half.c"))
        with open(os.path.join(cls.folder, "half.c"), "a",
                  encoding="utf-8") as stream:
            stream.write("\nstatic const struct file_operations y_fops = {\n"
                         "\t.mmap = x_mmap,\n};\n")

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def run_mode(self, mode):
        """Return what spatch prints in @mode."""
        quiet = ["--no-show-diff"] if mode in ("report", "org") else []
        done = subprocess.run(
            ["spatch", "-D", mode, *quiet, "--very-quiet", "--cocci-file",
             RULES, *options(), "--dir", ".", "--jobs", "2",
             "--chunksize", "1"], cwd=self.folder, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=True)
        return done.stdout

    def test_report(self):
        """report: one line for the hook that converts"""
        self.assertEqual(
            self.run_mode("report"),
            "./good.c:32:9-19: opportunity for .mmap_proto: early_mmap only "
            "describes the mapping\n")

    def test_org(self):
        """org: one entry for the hook that converts"""
        text = self.run_mode("org")
        self.assertIn("[[view:./good.c::", text)
        self.assertEqual(len(text.splitlines()), 1)

    def test_context(self):
        """context: the initialiser is marked"""
        text = self.run_mode("context")
        self.assertEqual([line for line in text.splitlines()
                          if line.startswith("-") and line[1:2] != "-"],
                         ["-\t.mmap\t= early_mmap,"])

    def test_patch(self):
        """patch: applies, and gives what convert.py gives but for columns"""
        text = self.run_mode("patch")
        subprocess.run(["patch", "-s", "-o", "made.out", "good.c"],
                       cwd=self.folder, input=text, text=True, check=True)
        with open(os.path.join(self.folder, "made.out"),
                  encoding="utf-8") as stream:
            made = stream.read().replace("mmap_proto\t=", "mmap_proto =")
        with open(os.path.join(HERE, "plain", "early_return.out"),
                  encoding="utf-8") as stream:
            self.assertEqual(made, stream.read())
        self.assertNotIn("bad.c", text)
        self.assertNotIn("half.c", text)


if __name__ == "__main__":
    tap.main()
