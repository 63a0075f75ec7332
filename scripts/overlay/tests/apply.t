#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Making the steps of a series on a base."""

import os

import fixture
from fixture import LICENCE, MMAP_C, step
import tap
import edits
from apply import Kernel
from failure import Failure
from repository import Base
from semantic import Spatch
from series import Series


class Case(fixture.Case):
	def setUp(self):
		super().setUp()
		fixture.make_base(self.base)

	def kernel(self, files, steps=("s",)):
		"""The Kernel after @steps (names) of an overlay of @files."""
		series = "# " + LICENCE + "".join(f"step mm/{name}.step\n"
						  for name in steps)
		self.write({"series": series,
			    **{f"mm/{name}.step": step() for name in steps},
			    **files})
		base = Base(self.base)
		self.addCleanup(base.close)
		kernel = Kernel(Series(self.overlay, base.folders), base, Spatch(
			None, os.path.join(self.top, "scratch")), 2)
		self.commits = []
		for one in kernel.series.steps:
			self.commits.append(kernel.step(one))
		return kernel

	def text(self, kernel, path):
		return kernel.file(path)[1].decode()

	def refused(self, files, *words, steps=("s",)):
		with self.assertRaises(Failure) as caught:
			self.kernel(files, steps)
		for word in words:
			self.assertIn(word, str(caught.exception))


class Reader(Case):
	def test_close(self):
		"""a reader that died with a question unasked can be closed"""
		base = Base(self.base)
		base.read(base.commit)
		child = base._reader
		child.stdin.write(b"x")
		child.kill()
		child.wait()
		base.close()
		self.assertTrue(child.stdin.closed)
		self.assertEqual(base.version, "6.12.117")
		base.close()


class Add(Case):
	def adding(self, path, *words):
		self.refused({path: "x\n", "mm/s.step": step(keys=f"adds: {path}\n")},
			     path, *words)

	def test_exists(self):
		"""a file that the base has"""
		self.adding("mm/vma.c", "has this file already", "step s")

	def test_folder(self):
		"""a file where the base has a folder"""
		self.adding("drivers/char", "folder of that name")

	def test_below_file(self):
		"""a file below what is a file in the base"""
		self.adding("mm/vma.c/x.h", "a file mm/vma.c")

	def test_modes(self):
		"""modes and links are kept"""
		self.write({"mm/x.sh": "x\n"})
		os.chmod(os.path.join(self.overlay, "mm/x.sh"), 0o755)
		os.symlink("x.sh", os.path.join(self.overlay, "mm/y"))
		kernel = self.kernel({"mm/s.step": step(keys="adds: mm/\n")})
		self.assertEqual(kernel.file("mm/x.sh"), ("100755", b"x\n"))
		self.assertEqual(kernel.file("mm/y"), ("120000", b"x.sh"))

	def test_then_edit(self):
		"""a file that a step adds can be edited by the next one"""
		kernel = self.kernel({
			"mm/x.c": "x\n", "mm/s.step": step(keys="adds: mm/x.c\n"),
			"mm/x.c.t.append": LICENCE + "---\ny\n"}, ("s", "t"))
		self.assertEqual(self.text(kernel, "mm/x.c"), "x\ny\n")
		self.assertEqual([list(c.changes) for c in self.commits],
				 [["mm/x.c"]] * 2)


class Edit(Case):
	def test_missing(self):
		"""every kind of edit of a file that is not there"""
		bodies = {
			"insert": "Before: x\n---\ny\n", "append": "---\ny\n",
			"move": "From: mm/mmap.c\nFunction: last\n",
			"supersede": "Function: f\n",
			"cocci": "// Fires: 1\n@a@\n@@\n- a();\n"}
		for kind, body in bodies.items():
			with self.subTest(kind=kind):
				name = f"mm/none.c.s.{kind}"
				self.refused({name: "// " + LICENCE + body}, name,
					     "no mm/none.c")
				os.unlink(os.path.join(self.overlay, name))

	def test_link(self):
		"""an edit of a symbolic link"""
		self.refused({"fs/link.c.s.append": LICENCE + "---\ny\n"},
			     "fs/link.c.s.append", "symbolic link")

	def test_mode_kept(self):
		"""an edit keeps the mode of the file"""
		kernel = self.kernel({"scripts/tool.sh.s.append":
				      LICENCE + "---\necho more\n"})
		self.assertEqual(kernel.file("scripts/tool.sh"), (
			"100755", b"#!/bin/sh\necho tool\necho more\n"))

	def test_order(self):
		"""in a step: add, supersede, move, cocci, insert, append"""
		bare = "// " + LICENCE + "Function: last\n"
		kernel = self.kernel({
			"mm/s.step": step(keys="adds: mm/new.c\n"),
			"mm/new.c": "int a;\n",
			"mm/mmap.c.s.supersede": edits.record(
				"f", bare, "mm/mmap.c", MMAP_C, "6.12.117"),
			"mm/new.c.s.move": "// " + LICENCE + "From: mm/mmap.c\n"
					   "Function: map_region\n",
			"mm/new.c.s.cocci": "// " + LICENCE + "// Fires: 1\n@a@\n@@\n"
					    "- charge(limit);\n+ pay();\n",
			"mm/new.c.s.insert": LICENCE + "After: \t\tpay();\n---\n\t\t;\n",
			"mm/new.c.s.append": LICENCE + "---\n/* end */\n"})
		body = MMAP_C[MMAP_C.index("/**"):MMAP_C.index("\nint last")]
		self.assertEqual(self.text(kernel, "mm/new.c"), "int a;\n\n"
				 + body.replace("\t\tcharge(limit);\n",
						"\t\tpay();\n\t\t;\n")
				 + "/* end */\n")
		self.assertEqual(self.text(kernel, "mm/mmap.c"),
				 MMAP_C[:MMAP_C.index("\n/**")])

	def test_no_change(self):
		"""a step that changes nothing in the end"""
		text = MMAP_C[MMAP_C.index("int last"):]
		self.refused({"mm/mmap.c.s.supersede": edits.record(
				"f", "// " + LICENCE + "Function: last\n",
				"mm/mmap.c", MMAP_C, "6"),
			      "mm/mmap.c.s.append": LICENCE + "---\n\n" + text},
			     "mm/s.step", "changes nothing")


class Move(Case):
	def move(self, body):
		return {"mm/vma.c.s.move": "// " + LICENCE + body}

	def test_order(self):
		"""functions arrive in the order of the edit, unchanged"""
		kernel = self.kernel(self.move("From: mm/mmap.c\nFunction: last\n"
					       "Function: accountable\n"))
		last = MMAP_C[MMAP_C.index("int last"):]
		first = MMAP_C[MMAP_C.index("/*\n * Is"):MMAP_C.index("\n/**")]
		self.assertEqual(self.text(kernel, "mm/vma.c"),
				 "// SPDX-License-Identifier: GPL-2.0\nint vma;\n\n"
				 + last + "\n" + first)
		left = self.text(kernel, "mm/mmap.c")
		self.assertEqual(len(left) + len(last) + len(first) + 2, len(MMAP_C))

	def test_absent(self):
		"""a function, and a source file, that are not there"""
		self.refused(self.move("From: mm/mmap.c\nFunction: gone\n"),
			     "mm/vma.c.s.move", "mm/mmap.c", "gone()", "not defined")
		self.refused(self.move("From: mm/gone.c\nFunction: last\n"),
			     "mm/vma.c.s.move", "no mm/gone.c")

	def test_itself(self):
		"""a move from a file to itself"""
		self.refused(self.move("From: mm/vma.c\nFunction: x\n"),
			     "mm/vma.c.s.move:3", "itself")

	def test_edited_before(self):
		"""what an earlier step edited arrives edited"""
		kernel = self.kernel({
			**self.move("From: mm/mmap.c\nFunction: last\n"),
			"mm/mmap.c.a.insert": LICENCE + "After: int last(void)\n"
			"After: {\n---\n\tint x;\n\n"}, ("a", "s"))
		self.assertIn("int last(void)\n{\n\tint x;\n\n\treturn",
			      self.text(kernel, "mm/vma.c"))


class Supersede(Case):
	def test_edited_before(self):
		"""an edit by an earlier step of ours counts as a change too"""
		self.refused({
			"mm/mmap.c.s.supersede": edits.record(
				"f", "// " + LICENCE + "Function: last\n",
				"mm/mmap.c", MMAP_C, "6.12.117"),
			"mm/mmap.c.a.insert": LICENCE + "After: int last(void)\n"
			"After: {\n---\n\tint x;\n\n"},
			"mm/mmap.c.s.supersede", "last()", "+ \tint x;",
			steps=("a", "s"))

	def test_twice(self):
		"""a function that is there twice names edit, file and lines"""
		text = "#if A\nint f(void)\n{\n}\n#else\nint f(void)\n{\n}\n#endif\n"
		self.refused({
			"mm/mmap.c.a.append": LICENCE + "---\n" + text,
			"mm/mmap.c.s.supersede": "// " + LICENCE + "Function: f\n"},
			"mm/mmap.c.s.supersede: mm/mmap.c", "2 times",
			steps=("a", "s"))


class Cocci(Case):
	RULE = ("// " + LICENCE + "// Fires: %d\n@a@\nidentifier x;\n@@\n"
		"- int x;\n+ long x;\n")

	def test_parallel(self):
		"""several files at a time"""
		kernel = self.kernel({"mm/vma.c.s.cocci": self.RULE % 1,
				      "drivers/char/quiet.c.s.cocci": self.RULE % 1,
				      "fs/other.c.s.cocci": self.RULE % 1})
		for path in ("mm/vma.c", "drivers/char/quiet.c", "fs/other.c"):
			self.assertIn("\nlong", "\n" + self.text(kernel, path))

	def test_wrong(self):
		"""a rule that does not fire fails the step; it is named"""
		self.refused({"mm/vma.c.s.cocci": self.RULE % 1,
			      "fs/other.c.s.cocci": self.RULE % 2},
			     "fs/other.c.s.cocci:3", "rule a", "declares 2")


if __name__ == "__main__":
	tap.main()
