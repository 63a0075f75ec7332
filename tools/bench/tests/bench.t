#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The benchmarks measure what they say, as far as no kernel is booted for it.

Speed is not judged here: `make bench` does that.
"""

import contextlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
BENCH = os.path.dirname(HERE)
ROOT = os.path.dirname(os.path.dirname(BENCH))
sys.path[:0] = [BENCH, os.path.join(ROOT, "scripts", "overlay")]

import bench
import library
import tap

TREE = os.environ.get("TREE", os.path.join(ROOT, "build", "linux"))
# Has 100000 instructions counted, as those of 100 operations.
KNOWN = """
#include <valgrind/callgrind.h>
int main(void)
{
	CALLGRIND_TOGGLE_COLLECT;
	__asm__ volatile(".rept 100000; nop; .endr");
	CALLGRIND_TOGGLE_COLLECT;
	CALLGRIND_DUMP_STATS_AT("known/100");
	return 0;
}
"""


class Counts(unittest.TestCase):
	@classmethod
	def setUpClass(cls):
		cls.folder = tempfile.TemporaryDirectory()
		cls.programs = bench.build_harness(
			TREE, os.path.join(cls.folder.name, "harness"))

	@classmethod
	def tearDownClass(cls):
		cls.folder.cleanup()

	def count(self, name):
		return bench.count(self.programs[name],
				   os.path.join(self.folder.name, name))

	def test_known(self):
		"""a program of known length is counted right"""
		program = os.path.join(self.folder.name, "known")
		subprocess.run(["gcc", "-x", "c", "-", "-o", program],
			       input=KNOWN, text=True, check=True)
		found = bench.count(program, program + ".callgrind")
		self.assertEqual(list(found), ["known"])
		# Where it begins and ends is not known to the instruction.
		self.assertAlmostEqual(found["known"], 1000, delta=1)

	def test_cases(self):
		"""every case that has a target is counted, twice the same"""
		found = {}
		for name in bench.NAMES:
			first = self.count(name)
			self.assertEqual(first, self.count(name))
			found.update((f"harness.{name}.{case}", instructions)
				     for case, instructions in first.items())
		wanted = {name for row in bench.read_targets(bench.TARGETS)
			  if not isinstance(row, str) for name in row[:2]
			  if name.startswith("harness.")}
		self.assertLessEqual(wanted, set(found))
		for name in wanted:
			self.assertGreater(found[name], 500, name)
			self.assertLess(found[name], 50000, name)
		# mmap() has merged late, with a VMA that is thrown away.
		self.assertGreater(found["harness.tree.mmap-flags-merging"],
				   1.3 * found["harness.tree.mmap-merging"])
		self.figures = f"{len(found)} cases"


class Table(unittest.TestCase):
	def table(self, found):
		"""(misses, lines) of a table of one row with the target 1.01."""
		out = io.StringIO()
		with contextlib.redirect_stdout(out):
			missed = bench.print_table(
				["Of old and new", ("new", "old", 1.01, "text")],
				found)
		return missed, out.getvalue().splitlines()

	def test_met(self):
		"""a ratio up to the target passes"""
		missed, lines = self.table({"old": 1000, "new": 1010})
		self.assertEqual(missed, 0)
		self.assertRegex(lines[2], r"text +1000 +1010 +1\.010 +1\.010 PASS$")
		self.assertEqual(lines[-1], "1 target met, 0 missed")

	def test_missed(self):
		"""one above it does not"""
		missed, lines = self.table({"old": 1000, "new": 1011})
		self.assertEqual(missed, 1)
		self.assertRegex(lines[2], r"1\.011 +1\.010 MISS$")
		self.assertEqual(lines[-1], "0 targets met, 1 missed")

	def test_any(self):
		"""a row without a target is not judged"""
		out = io.StringIO()
		with contextlib.redirect_stdout(out):
			bench.print_table([("new", "old", None, "text")],
					  {"old": 10, "new": 20})
		self.assertRegex(out.getvalue(), r"(?m)text +10 +20 +2\.000$")
		self.assertIn("0 targets met, 0 missed", out.getvalue())

	def test_number(self):
		"""a figure may be compared with a number"""
		out = io.StringIO()
		with contextlib.redirect_stdout(out):
			missed = bench.print_table([("new", "50", 1, "text")],
						   {"new": 51})
		self.assertEqual(missed, 1)
		self.assertRegex(out.getvalue(),
				 r"text +50 +51 +1\.020 +1\.000 MISS\n")

	def test_malformed(self):
		"""a line that is no target is an error that names it"""
		with tempfile.NamedTemporaryFile("w") as file:
			file.write("# Of old and new\nnew old 1.01\n")
			file.flush()
			with self.assertRaisesRegex(bench.BenchError,
						    re.escape(file.name) + ":2: "):
				bench.read_targets(file.name)

	def test_targets(self):
		"""the file of targets can be read, and fits 80 columns"""
		rows = bench.read_targets(bench.TARGETS)
		targets = [row for row in rows if not isinstance(row, str)]
		self.assertGreater(len(targets), 10)
		found = {name: 99999 for row in targets for name in row[:2]}
		out = io.StringIO()
		with contextlib.redirect_stdout(out):
			bench.print_table(rows, found)
		self.assertLessEqual(max(map(len, out.getvalue().splitlines())),
				     80)
		self.figures = f"{len(targets)} targets"

	def test_lacking(self):
		"""a target that was not measured is an error, not left out"""
		measures = bench.MEASURES
		bench.MEASURES = {part: lambda build: {} for part in measures}
		argv, sys.argv = sys.argv, ["bench.py", "--build", "none"]
		said = io.StringIO()
		try:
			with contextlib.redirect_stderr(said):
				self.assertEqual(bench.main(), 2)
		finally:
			bench.MEASURES, sys.argv = measures, argv
		self.assertIn("not measured: harness.base.anonymous-merging",
			      said.getvalue())


# Takes the memory that it is told to, in a process of a process of it.
LIBRARY = """#!/usr/bin/env python3
import json, os, subprocess, sys
options = dict(zip(sys.argv[2::2], sys.argv[3::2]))
folder = options["--report"]
os.makedirs(folder, exist_ok=True)
seen = os.path.join(options["--tree"], "a.c")
with open(os.path.join(folder, "seen"), "a") as file:
	file.write(repr(open(seen).read()) + chr(10))
with open(seen, "w") as file:
	file.write("converted")
with open(os.path.join(folder, "commits.json"), "w") as file:
	json.dump([{"files": ["b.c", "a.c"]}], file)
subprocess.run([sys.executable, "-c", "import subprocess, sys; subprocess.run("
		"[sys.executable, '-c', 'len(bytearray(200 << 20))'])"])
"""


class Library(unittest.TestCase):
	def setUp(self):
		self.folder = tempfile.mkdtemp()
		self.addCleanup(shutil.rmtree, self.folder)
		self.build = os.path.join(self.folder, "build")
		tree = os.path.join(self.build, "linux")
		self.write("build/linux/a.c", "old\n")
		self.write("build/linux/b.c", "old\n")
		self.write("build/convert/tree/a.c", "converted\n")
		self.git(tree, "init", "-q")
		self.git(tree, "add", ".")
		self.commit(tree)
		self.write("build/linux/a.c", "converted\n")
		self.commit(tree)
		commit = self.git(tree, "rev-parse", "HEAD").strip()
		self.write("build/report/overlay.json",
			   json.dumps({"conversions": [commit]}))
		self.write(library.PROGRAM, LIBRARY)
		os.chmod(os.path.join(self.folder, library.PROGRAM), 0o755)

	def write(self, path, text):
		target = os.path.join(self.folder, path)
		os.makedirs(os.path.dirname(target), exist_ok=True)
		with open(target, "w", encoding="utf-8") as file:
			file.write(text)

	def git(self, tree, *argv):
		return subprocess.run(["git", "-C", tree, *argv], text=True,
				      check=True, capture_output=True).stdout

	def commit(self, tree):
		self.git(tree, "-c", "user.name=x", "-c", "user.email=x@x",
			 "commit", "-qam", "x")

	def test_measures(self):
		"""the library sees what was there before, then one line more"""
		found = library.measure(self.folder, self.build)
		with open(os.path.join(self.build, "bench", "library", "report",
				       "seen"), encoding="utf-8") as file:
			self.assertEqual(file.read().splitlines(), [
				repr("old\n"),
				repr("old\n\n/* one line more */\n")])
		self.assertGreater(found["library.memory"], 200)
		self.assertLess(found["library.memory"], 260)
		wanted = {row[0] for row in bench.read_targets(bench.TARGETS)
			  if row[0].startswith("library.")}
		self.assertEqual(set(found), wanted)
		self.assertTrue(all(found.values()))

	def test_fails(self):
		"""a library that fails is an error, not a fast one"""
		self.write(library.PROGRAM, "#!/bin/sh\nexit 3\n")
		with self.assertRaisesRegex(library.LibraryError, "with 3"):
			library.measure(self.folder, self.build)

	def test_no_tree(self):
		"""without a tree nothing is measured"""
		with self.assertRaisesRegex(library.LibraryError, "make tree"):
			library.measure(self.folder, self.folder)


if __name__ == "__main__":
	tap.main()
