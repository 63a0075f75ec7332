#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""What counts as a new finding, and which configuration compiles a file."""

import os
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
sys.path.insert(0, os.path.join(ROOT, "scripts", "overlay"))
sys.path.insert(0, HERE)

import findings
import kbuild
import tap

CHANGED = ("fs/a.c", "fs/b.c")


def entry(*lines, defined=(), undefined=(), module=True):
	"""An Entry of what a compiler says in @lines."""
	found = [[*what, count] for what, count in
		 findings.parse(lines).items()]
	return findings.Entry(found, defined, undefined, module, ())


def new(old, new):
	return findings.new_findings(old, new, CHANGED)


class Findings(unittest.TestCase):
	def test_line(self):
		"""the line does not matter, and the path may be absolute"""
		full = os.path.join(kbuild.COPY, "fs/a.c")
		self.assertEqual(new(
			{"a.o": entry("fs/a.c:3:5: warning: unused")},
			{"a.o": entry(f"{full}:9:1: warning: unused")}), [])

	def test_new(self):
		"""another finding is new, and one more of a kind is"""
		old = {"a.o": entry("fs/a.c:3:5: warning: unused")}
		self.assertEqual(new(old, {"a.o": entry(
			"fs/a.c:3:5: warning: unset")}),
			["a.o: fs/a.c: warning: unset"])
		self.assertEqual(new(old, {"a.o": entry(
			"fs/a.c:3:5: warning: unused",
			"fs/a.c:4:5: warning: unused")}),
			["a.o: fs/a.c: warning: unused"])

	def test_added(self):
		"""all is new in a file that the base does not have"""
		self.assertEqual(new({}, {"a.o": entry(
			"fs/a.c:3: warning: unset")}),
			["a.o: fs/a.c: warning: unset"])

	def test_renamed(self):
		"""a converted hook is still the same function"""
		self.assertEqual(new(
			{"a.o": entry("fs/a.c:3:5: warning: 'a_mmap' is long")},
			{"a.o": entry("fs/a.c:3:5: warning: 'a_mmap_proto' is "
				      "long")}), [])

	def test_moved(self):
		"""what is moved to another file is not new, a copy is"""
		line = "{}:3:5: error: odd"
		old = {"a.o": entry(line.format("fs/a.c")), "b.o": entry()}
		self.assertEqual(new(old, {
			"a.o": entry(), "b.o": entry(line.format("fs/b.c"))}), [])
		self.assertEqual(new(old, {
			"a.o": entry(line.format("fs/a.c")),
			"b.o": entry(line.format("fs/b.c"))}),
			["b.o: fs/b.c: error: odd"])

	def test_header(self):
		"""in a header that is not ours it matters whether, not how often"""
		line = "include/x.h:3:5: warning: odd"
		self.assertEqual(new({"a.o": entry(line)},
				     {"a.o": entry(line, line)}), [])
		self.assertEqual(new({"a.o": entry()}, {"a.o": entry(line)}),
				 ["a.o: include/x.h: warning: odd"])

	def test_note(self):
		"""notes are part of a finding, and none of their own"""
		self.assertFalse(findings.parse((
			"In file included from fs/a.c:3:",
			"fs/a.c:3:5: note: here",
			"fs/a.c: note: in included file:")))


class Symbols(unittest.TestCase):
	def comparison(self, old, new):
		made = findings.Comparison.__new__(findings.Comparison)
		made.old, made.new = old, new
		return made

	def test_wanted(self):
		"""a module's new symbol is defined beside it, or exported"""
		self.addCleanup(setattr, findings, "exported", findings.exported)
		findings.exported = lambda names: names & {"exported"}
		old = {"fs/a.o": entry(undefined=("old",))}
		wants = ("old", "exported", "beside", "__asan_load1", "nowhere")
		new = {"fs/a.o": entry(undefined=wants),
		       "fs/b.o": entry(defined=("beside",))}
		self.assertEqual(self.comparison(old, new).symbols(),
				 ["fs/a.o: nowhere is not exported"])
		new["fs/a.o"].module = False
		self.assertEqual(self.comparison(old, new).symbols(), [])

	def test_exported(self):
		"""exports are found in the tree, by whatever macro"""
		self.assertEqual(findings.exported({
			"vma_proto_hold", "vma_proto_describe", "iomem_resource"}),
			{"vma_proto_hold", "iomem_resource"})
		self.assertEqual(findings.exported(set()), set())

	def test_gone(self):
		"""a function that moves is not gone, one that is renamed is"""
		self.assertEqual(self.comparison(
			{"fs/a.o": entry(defined=("moved", "a_mmap"))},
			{"fs/a.o": entry(defined=("a_mmap_proto",)),
			 "fs/b.o": entry(defined=("moved",))}).gone(),
			{"a_mmap"})


class Table(unittest.TestCase):
	def test_own(self):
		"""the project's table names configurations that it has"""
		plan = kbuild.Plan()
		self.assertEqual(plan.place("fs/none.c"),
				 (plan.first.name, "fs/none.o"))
		self.figures = (f"{len(plan.configurations)} configurations, "
				f"{len(plan.files)} paths")

	def test_place(self):
		"""the nearest of a file and its folders counts"""
		with tempfile.NamedTemporaryFile("w", suffix=".table") as file:
			file.write("one: x86 - defconfig A=y B=m\n"
				   "two: arm arm- some_defconfig  # a comment\n"
				   "drivers/x two\n"
				   "drivers/x/y.c one drivers/x/../x/y.o\n")
			file.flush()
			plan = kbuild.Plan(file.name)
		self.assertEqual(plan.first.options, {"A": "y", "B": "m"})
		self.assertEqual([c.cross for c in plan.configurations],
				 ["", "arm-"])
		self.assertEqual(plan.place("drivers/x/z.c"),
				 ("two", "drivers/x/z.o"))
		self.assertEqual(plan.place("drivers/x/y.c"),
				 ("one", "drivers/x/../x/y.o"))
		self.assertEqual(plan.place("drivers/xy.c"),
				 ("one", "drivers/xy.o"))
		self.assertEqual(plan.goals("two", ["drivers/x/z.c", "a.c"]),
				 {"drivers/x/z.o": "drivers/x/z.c"})

	def test_unknown(self):
		"""a path with an unknown configuration is refused"""
		with tempfile.NamedTemporaryFile("w", suffix=".table") as file:
			file.write("one: x86 - defconfig\nfs three\n")
			file.flush()
			with self.assertRaisesRegex(AssertionError, "three"):
				kbuild.Plan(file.name)


if __name__ == "__main__":
	tap.main()
