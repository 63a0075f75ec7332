#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""What holds for every file of the repository, and what make offers.

The files are those that git tracks or would track.
"""

import ast
import os
import re
import shutil
import subprocess
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
TREE = os.environ.get("TREE", os.path.join(ROOT, "build", "linux"))
TOOL = os.path.join(ROOT, "scripts", "overlay")
sys.path.insert(0, TOOL)

import packages
import tap

LICENCE = "GPL-2.0-only"
# What is below a uapi folder, user space includes.
NOTE = " WITH Linux-syscall-note"
UAPI = re.compile(r"(?:arch/[^/]+/)?include/uapi/")
TAG = re.compile(r"SPDX-License-Identifier: (.*?)\s*(?:\*/|-->)?$")
# Lines that may come before the tag: #! and one that opens a comment.
FIRST = 3
SIZE = 200000
# Written so that this file does not have them.
UNDONE = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")
# The one of them that TAP gives a meaning, and who reads TAP.
DIRECTIVE = {"tools/testing/qemu/guest/subtest.c",
	     "tools/testing/qemu/guest/subtest.h"}
# Where people keep their work. Not a part of another path.
PLACE = re.compile(r"(?<![\w.)}/*-])/(?:home|root|work|Users|tmp/w)/")
# What a fuzzer was fed: bytes that are no text, nobody's work.
CORPUS = "tools/testing/vma/corpus/"
PHONY = re.compile(r"^\.PHONY:((?:.*\\\n)*.*)$", re.M)


def run(*argv, **options):
	"""The output of @argv, run at the root; must succeed."""
	env = dict(os.environ, LC_ALL="C")
	for name in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "BUILD"):
		env.pop(name, None)
	done = subprocess.run(argv, cwd=ROOT, env=env, text=True,
			      stdout=subprocess.PIPE, stderr=subprocess.PIPE,
			      **options)
	if done.returncode:
		raise AssertionError(f"{' '.join(argv)} exited with "
				     f"{done.returncode}: {done.stderr}")
	return done.stdout


def list_files():
	"""{path: bytes} of every file that is, or would be, tracked."""
	files = {}
	for path in run("git", "-c", "safe.directory=*", "ls-files", "-coz",
			"--exclude-standard").split("\0"):
		full = os.path.join(ROOT, path)
		if path.startswith(CORPUS):
			continue
		if path and os.path.lexists(full):
			with open(full, "rb") as file:
				files[path] = file.read()
	return files


FILES = list_files()
TEXTS = {path: data.decode("utf-8", "replace")
	 for path, data in FILES.items()}


def matches(pattern, paths):
	"""'path:line: text' of each line of @paths that has @pattern."""
	return [f"{path}:{number}: {line.strip()}" for path in paths
		for number, line in enumerate(TEXTS[path].splitlines(), 1)
		if pattern.search(line)]


def variable(name):
	"""The words of the variable @name of the Makefile."""
	return run("make", "-s", "--no-print-directory", "--eval",
		   f"print-variable: ; @echo $({name})",
		   "print-variable").split()


class Files(unittest.TestCase):
	def nothing(self, found):
		self.assertEqual(found, [], "\n" + "\n".join(found))

	def test_license(self):
		"""every file says GPL-2.0-only near its top"""
		bad = []
		for path, text in TEXTS.items():
			lines = text.splitlines()
			if path != "COPYING":
				lines = lines[:FIRST]
			found = [match.group(1) for match in
				 map(TAG.search, lines) if match]
			wanted = LICENCE + (NOTE if UAPI.match(path) else "")
			if wanted not in found or (path != "COPYING"
						   and len(found) > 1):
				bad.append(f"{path}: {found or 'no tag'}")
		self.nothing(bad)
		self.figures = f"{len(TEXTS)} files"

	def test_text(self):
		"""every file is text, and ends with a line's end"""
		self.nothing([
			path for path, data in FILES.items()
			if b"\0" in data or "\ufffd" in TEXTS[path]
			or b"\r" in data or not data.endswith(b"\n")])

	def test_size(self):
		"""no file is large"""
		self.nothing([f"{path}: {len(data)} bytes"
			      for path, data in FILES.items()
			      if len(data) > SIZE])
		self.figures = f"largest {max(map(len, FILES.values()))} bytes"

	def test_corpus(self):
		"""the fuzzer's corpus is small"""
		folder = os.path.join(ROOT, CORPUS)
		sizes = [os.path.getsize(os.path.join(folder, name))
			 for name in os.listdir(folder)]
		self.assertLess(len(sizes), 150)
		self.assertLess(sum(sizes), 100000)
		self.figures = f"{len(sizes)} files, {sum(sizes)} bytes"

	def test_undone(self):
		"""nothing is marked as left to be done"""
		self.nothing(matches(UNDONE, sorted(set(TEXTS) - DIRECTIVE)))
		for path in DIRECTIVE:
			found = matches(UNDONE, [path])
			self.assertEqual(len(found), 1, found)
			self.assertRegex(found[0], "# TO" r'DO"|"not ok", TO'
					 "DO")

	def test_place(self):
		"""no file names a place of some machine"""
		self.nothing(matches(PLACE, TEXTS))
		for place in (ROOT, os.path.expanduser("~")):
			if place.count("/") > 1:
				self.nothing(matches(re.compile(re.escape(
					place) + r"\b"), TEXTS))


class Python(unittest.TestCase):
	def setUp(self):
		self.paths = [path for path, text in TEXTS.items()
			      if path.endswith(".py")
			      or text.startswith("#!/usr/bin/env python3")]
		self.assertGreater(len(self.paths), 20)

	def test_imports(self):
		"""nothing but the standard library and our own is imported"""
		own = {os.path.basename(path)[:-3] for path in self.paths}
		known = own | set(sys.stdlib_module_names)
		for path in self.paths:
			for node in ast.walk(ast.parse(TEXTS[path], path)):
				names = []
				if isinstance(node, ast.Import):
					names = [one.name for one in node.names]
				# A relative one is of a package of the kernel's.
				elif (isinstance(node, ast.ImportFrom)
				      and not node.level):
					names = [node.module]
				for name in names:
					self.assertIn(name.split(".")[0], known,
						      path)

	def test_syntax(self):
		"""of Debian 12's version of the language"""
		for path in self.paths:
			ast.parse(TEXTS[path], path, feature_version=(3, 11))
		self.figures = f"{len(self.paths)} files"


class KernelDoc(unittest.TestCase):
	def test_complaints(self):
		"""kernel-doc has nothing to say of the comments meant for it"""
		script = os.path.join(TREE, "scripts", "kernel-doc")
		paths = [path for path, text in TEXTS.items()
			 if path.endswith((".c", ".h")) and "\n/**\n" in text]
		self.assertIn("include/linux/vma_proto.h", paths)
		for path in paths:
			done = subprocess.run(
				[script, "-none", os.path.join(ROOT, path)],
				stdout=subprocess.PIPE,
				stderr=subprocess.STDOUT, text=True, check=False)
			self.assertEqual((done.returncode, done.stdout), (0, ""))
		self.figures = f"{len(paths)} files"


class Tests(unittest.TestCase):
	def test_run(self):
		"""make runs every test, once, and those are all there"""
		fast = variable("FAST_TESTS")
		slow = variable("KERNEL_TESTS") + variable("FUZZ_TESTS")
		full = variable("FULL_TESTS")
		self.assertEqual(sorted(fast + slow + full), sorted(
			path for path in FILES if path.endswith(".t")))
		self.figures = (f"{len(fast)} fast, {len(slow)} that are not, "
				f"{len(full)} with a debug kernel")

	def test_executable(self):
		"""a file is executable if and only if it begins with #!"""
		for path, text in TEXTS.items():
			full = os.path.join(ROOT, path)
			self.assertEqual(os.access(full, os.X_OK),
					 text.startswith("#!"), path)
			if path.endswith(".t"):
				self.assertTrue(text.startswith("#!"), path)


class Make(unittest.TestCase):
	def setUp(self):
		self.help = run("make", "-s", "--no-print-directory", "help")
		self.targets = set(PHONY.search(TEXTS["Makefile"]).group(1)
				   .replace("\\\n", " ").split())

	def test_help(self):
		"""make help has every target, and none that is not there"""
		named = set(re.findall(r"^  make (\S+) {2,}\S", self.help, re.M))
		# `make` is all; who reads the help knows how.
		self.assertEqual(named, self.targets - {"all", "help"})
		self.assertRegex(self.help, r"(?m)^  make {2,}\S")

	def test_phony(self):
		"""every target is phony: a file of its name hides none"""
		rules = set(re.findall(r"^([\w-]+(?: [\w-]+)*):(?!=| export)",
				       TEXTS["Makefile"], re.M))
		self.assertEqual({name for rule in rules
				  for name in rule.split()}, self.targets)

	def test_settings(self):
		"""make help has every setting of the Makefile"""
		settings = re.findall(r"^(\w+) \?=", TEXTS["Makefile"], re.M)
		self.assertIn("KDIR", settings)
		for name in settings:
			self.assertRegex(self.help, rf"(?m)^  {name}=\S* {{2,}}\S")

	def test_width(self):
		"""make help fits 80 columns and 24 lines"""
		lines = self.help.splitlines()
		self.assertLess(max(map(len, lines)), 80)
		self.assertLess(len(lines), 24)

	def test_packages(self):
		"""apt has every package that may be installed"""
		if not shutil.which("apt-cache"):
			self.skipTest("there is no apt-cache")
		groups = packages.read_packages(os.path.join(ROOT, "packages"))
		names = sum(groups.values(), [])
		said = run("apt-cache", "policy", *names)
		known = re.findall(r"^(\S+):\n.*\n  Candidate: (?!\(none\))",
				   said, re.M)
		self.assertEqual(sorted(known), sorted(names))
		self.figures = f"{len(names)} packages"

	def test_overlay(self):
		"""the overlay can be read: series, steps and names"""
		self.figures = run(os.path.join(TOOL, "overlay.py"),
				   "check").strip()


if __name__ == "__main__":
	tap.main()
