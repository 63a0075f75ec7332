#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""README.rst: each command in it works, and each reason for which a hook is
refused is explained."""

import ast
import os
import re
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

TREE = os.path.abspath(os.environ.get(
    "TREE", os.path.join(ROOT, "build", "linux")))
# Their first argument is a reason.
RAISED = {"Refusal", "Incomplete"}
REPORTED = re.compile(r"(?:is refused|in (?:another|several) files?"
                      r"|may use it|others use: \.\.\.)$")


def readme():
    """Return the text of the README."""
    with open(os.path.join(TOOL, "README.rst"), encoding="utf-8") as stream:
        return stream.read()


def commands():
    """Return the commands of the README, in order."""
    return re.findall(r"^\t\$ (.*)$", readme(), re.MULTILINE)


def spelt(node):
    """Return the text of a string in a program, "..." for what is put in."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(spelt(part) for part in node.values)
    if isinstance(node, ast.BinOp):
        return spelt(node.left) + spelt(node.right)
    return "..."


def reasons():
    """Return the reasons that the programs can give, without what follows a
    colon."""
    found = set()
    for name in os.listdir(TOOL):
        if not name.endswith(".py"):
            continue
        with open(os.path.join(TOOL, name), encoding="utf-8") as stream:
            tree = ast.parse(stream.read())
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and node.args and \
                    isinstance(node.func, ast.Name) and node.func.id in RAISED:
                found.add(spelt(node.args[0]))
            elif isinstance(node, (ast.Constant, ast.JoinedStr)) and \
                    "\n" not in spelt(node) and REPORTED.search(spelt(node)):
                found.add(spelt(node))
    # Those that hand on a reason are made of no text of their own.
    return {reason.split(":")[0] for reason in found} - {"..."}


class Commands(unittest.TestCase):
    """The commands, one after the other, in a folder that has a driver."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="mmap-readme-")
        os.symlink(os.path.join(ROOT, "scripts"),
                   os.path.join(cls.folder, "scripts"))
        for path in ("path/to/driver", "path/to/tree/mm"):
            os.makedirs(os.path.join(cls.folder, path))
            shutil.copy(os.path.join(HERE, "plain", "flags.c"),
                        os.path.join(cls.folder, path, "flags.c"))
        subprocess.run(["git", "init", "-q", cls.folder], check=True)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def run_command(self, command):
        """Run @command; return what it prints. It must succeed."""
        if command.startswith("make "):
            # In the kernel tree; what it makes is to be elsewhere.
            made = os.path.join(self.folder, "made")
            command = command.replace("make ", f"make -s -C {TREE} O={made} ") \
                .replace("COCCI=", f"COCCI={self.folder}/") \
                .replace("M=path", f"M={self.folder}/path")
        environment = {name: value for name, value in os.environ.items()
                       if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
        done = subprocess.run(["sh", "-ec", command], cwd=self.folder,
                              env=environment, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              check=False)
        self.assertEqual(done.returncode, 0, f"{command}\n{done.stdout}")
        return done.stdout

    def driver(self):
        """Return the text of the driver."""
        with open(os.path.join(self.folder, "path/to/driver/flags.c"),
                  encoding="utf-8") as stream:
            return stream.read()

    def test_commands(self):
        """README: each command works, and does what is said of it"""
        said = {command: self.run_command(command)
                if "tests/" not in command else ""
                for command in commands()}
        self.assertGreater(len(said), 8)
        self.assertIn("mmap_proto", self.driver())
        first = commands()[0]
        self.assertIn("+++ b/flags.c", said[first])
        for command, text in said.items():
            if "status" in command:
                self.assertIn("converted, 0 refused", text)
            if "scan.cocci" in command:
                self.assertIn(":mmap_proto:", text)
        self.figures = f"{len(said)} commands"

    def test_tests(self):
        """README: the test that it names is there"""
        named = [command for command in commands() if "tests/" in command]
        self.assertEqual(len(named), 1)
        self.assertIn("ok 1", self.run_command(named[0]))


class Reasons(unittest.TestCase):
    """What the programs say, beside what the README says of it."""

    def test_reasons(self):
        """README: every reason is explained, and there are no others"""
        text = readme().split("What a refusal means\n")[1].split(
            "Adding to it\n")[0]
        terms = set(re.findall(r"^(\S.*)\n\t", text, re.MULTILINE))
        nested = set(re.findall(r'"([^"]+)"', " ".join(text.split())))
        known = terms | nested
        found = reasons()
        self.assertGreater(len(found), 50)
        self.assertEqual({reason for reason in found if not any(
            reason == term or reason.startswith(term + " ")
            for term in known)}, set())
        self.assertEqual({term for term in terms if not any(
            reason == term or reason.startswith(term + " ")
            for reason in found)}, set())
        self.figures = f"{len(found)} reasons"


if __name__ == "__main__":
    tap.main()
