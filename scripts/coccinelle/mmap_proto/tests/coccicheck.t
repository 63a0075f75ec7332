#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""plain.cocci by itself, as `make coccicheck` runs it, in its four modes; and
the kernel's own `make coccicheck` with both semantic patches."""

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
TREE = os.environ.get("TREE", os.path.join(
    TOOL, "..", "..", "..", "build", "linux"))
# All that scan.cocci looks for.
HOOKS = """\
int f(struct file_operations *ops)
{
	ops->mmap = one;
	return 0;
}
static const struct file_operations y = {
	.open = x,
	.mmap_proto = two,
};
static const struct file_operations z[] = {
	{ .open = x, .mmap = three, },
	{ .mmap = four, },
};
static const struct proto_ops other = {
	.mmap = five,
};
"""
MARKED = ["ops->mmap = one;", ".mmap_proto = two,",
          "{ .open = x, .mmap = three, },", "{ .mmap = four, },"]


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


class Kernel(unittest.TestCase):
    """`make coccicheck` of the kernel, on a driver that is out of it."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="mmap-coccicheck-")
        cls.driver = os.path.join(cls.folder, "driver")
        os.mkdir(cls.driver)
        shutil.copy(os.path.join(HERE, "plain", "early_return.c"),
                    os.path.join(cls.driver, "good.c"))
        shutil.copy(os.path.join(HERE, "refused", "counts.c"),
                    os.path.join(cls.driver, "bad.c"))
        with open(os.path.join(cls.driver, "hooks.c"), "w",
                  encoding="utf-8") as stream:
            stream.write(HOOKS)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def check(self, rules, mode):
        """Return the lines that `make coccicheck` gives, without its own."""
        environment = {name: value for name, value in os.environ.items()
                       if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "V",
                                       "C", "KBUILD_OUTPUT", "DEBUG_FILE")}
        done = subprocess.run(
            ["make", "-s", "-C", TREE, "O=" + os.path.join(self.folder, "made"),
             "coccicheck", "COCCI=" + os.path.join(TOOL, rules),
             "MODE=" + mode, "M=" + self.driver], env=environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        self.assertEqual(done.returncode, 0, done.stdout)
        # It ends what it says itself with the command that it runs.
        command = re.search(rf"^\S*spatch -D {mode} .*{rules} .*--dir "
                            rf"{self.driver} .*\n", done.stdout, re.MULTILINE)
        return done.stdout[command.end():].splitlines()

    def test_plain_report(self):
        """make coccicheck: plain.cocci, report"""
        self.assertEqual(self.check("plain.cocci", "report"), [
            f"{self.driver}/good.c:32:9-19: opportunity for .mmap_proto: "
            "early_mmap only describes the mapping"])

    def test_plain_org(self):
        """make coccicheck: plain.cocci, org"""
        lines = self.check("plain.cocci", "org")
        self.assertEqual(len(lines), 1)
        self.assertIn(f"[[view:{self.driver}/good.c::", lines[0])

    def test_plain_context(self):
        """make coccicheck: plain.cocci, context"""
        self.assertEqual(self.removed(self.check("plain.cocci", "context")),
                         [".mmap\t= early_mmap,"])

    def test_plain_patch(self):
        """make coccicheck: plain.cocci, patch: what it prints applies"""
        text = "\n".join(self.check("plain.cocci", "patch")) + "\n"
        self.assertEqual(re.findall(r"^\+\+\+ (\S+)", text, re.MULTILINE),
                         [f"b{self.driver}/good.c"])
        subprocess.run(["patch", "-s", "-o", os.path.join(self.folder, "good"),
                        os.path.join(self.driver, "good.c")], input=text,
                       text=True, check=True)
        with open(os.path.join(self.folder, "good"),
                  encoding="utf-8") as stream:
            self.assertIn("early_mmap_proto(struct vma_proto *proto)",
                          stream.read())

    def test_scan_report(self):
        """make coccicheck: scan.cocci, report"""
        self.assertEqual(sorted(self.check("scan.cocci", "report")), [
            f"{self.driver}/{line}" for line in (
                "bad.c:17:mmap:x_fops:x_mmap",
                "good.c:32:mmap:early_fops:early_mmap",
                "hooks.c:11:mmap:z:three", "hooks.c:12:mmap:z:four",
                "hooks.c:3:mmap::one", "hooks.c:8:mmap_proto:y:two")])

    def test_scan_org(self):
        """make coccicheck: scan.cocci, org"""
        self.assertEqual(
            sorted(re.search(r"\[(\w+)\]\]$", line).group(1)
                   for line in self.check("scan.cocci", "org")),
            ["early_mmap", "four", "one", "three", "two", "x_mmap"])

    def test_scan_context(self):
        """make coccicheck: scan.cocci, context"""
        self.assertEqual(
            sorted(self.removed(self.check("scan.cocci", "context"))),
            sorted([".mmap\t= early_mmap,", ".mmap = x_mmap,", *MARKED]))

    def test_scan_patch(self):
        """make coccicheck: scan.cocci, patch: it has nothing to say"""
        self.assertEqual(self.check("scan.cocci", "patch"), [])

    @staticmethod
    def removed(lines):
        """Return what a diff takes away, without white space around it."""
        return [line[1:].strip() for line in lines
                if line.startswith("-") and not line.startswith("---")]


if __name__ == "__main__":
    tap.main()
