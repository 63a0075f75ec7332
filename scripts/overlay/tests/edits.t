#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Insert, append, move, supersede on text."""

import hashlib
import unittest

from fixture import LICENCE, MMAP_C
import tap
import edits
from failure import Failure


class Case(unittest.TestCase):
	def refused(self, words, function, *arguments, **options):
		"""@function must raise a Failure that says each of @words."""
		with self.assertRaises(Failure) as caught:
			function(*arguments, **options)
		for word in words:
			self.assertIn(word, str(caught.exception))
		return str(caught.exception)


class Insert(Case):
	TEXT = "one\ntwo\n\tthree\ntwo\nfour\n"

	def insert(self, body, text=None):
		parsed = edits.parse_insert("f.s.insert", LICENCE + body)
		return edits.insert(parsed, "f.s.insert", "f", text or self.TEXT)

	def wrong(self, body, *words, text=None):
		self.refused(words, self.insert, body, text)

	def test_before(self):
		"""before a line"""
		self.assertEqual(self.insert("Before: four\n---\nx\n\ny\n"),
				 "one\ntwo\n\tthree\ntwo\nx\n\ny\nfour\n")

	def test_after(self):
		"""after a line, with its white space"""
		self.assertEqual(self.insert("After: \tthree\n---\nx\n"),
				 "one\ntwo\n\tthree\nx\ntwo\nfour\n")

	def test_lines(self):
		"""an anchor of several lines makes it the only one"""
		self.assertEqual(self.insert("After: two\nAfter: four\n---\nx\n"),
				 self.TEXT + "x\n")
		self.assertEqual(self.insert("Before: two\nBefore: four\n---\nx\n"),
				 "one\ntwo\n\tthree\nx\ntwo\nfour\n")

	def test_empty_line(self):
		"""an empty line is an anchor like any other"""
		self.assertEqual(self.insert("After:\n---\nx\n", "a\n\nb\n"),
				 "a\n\nx\nb\n")
		self.assertEqual(self.insert("After: \n---\nx\n", "a\n\nb\n"),
				 "a\n\nx\nb\n")

	def test_several(self):
		"""several inserts; none sees what another one inserts"""
		self.assertEqual(
			self.insert("Before: four\n---\none\n===\nAfter: one\n---\nz\n"
				    "===\nBefore: four\n---\ny\n"),
			"one\nz\ntwo\n\tthree\ntwo\none\ny\nfour\n")

	def test_instead(self):
		"""instead of lines, or of them nothing"""
		self.assertEqual(self.insert("Instead: two\nInstead: four\n---\nx\n"
					     "===\nInstead: one\n---\n"),
				 "two\n\tthree\nx\n")

	def test_instead_overlaps(self):
		"""nothing goes among lines that are taken out"""
		for other in ("Before: four", "Instead: four",
			      "Instead: two\nInstead: four"):
			with self.subTest(other=other):
				self.wrong("Instead: two\nInstead: four\n---\nx\n"
					   f"===\n{other}\n---\ny\n",
					   "f.s.insert:7", "another insert")
		self.assertEqual(self.insert("Instead: one\n---\nx\n===\n"
					     "After: one\n---\ny\n"),
				 "x\ny\ntwo\n\tthree\ntwo\nfour\n")

	def test_never(self):
		"""an anchor that is not there"""
		self.wrong("Before: five\n---\nx\n", "f.s.insert:2", "'five'",
			   "not in f.")

	def test_white_space(self):
		"""an anchor that differs in white space: never, with a hint"""
		self.wrong("Before:    three\n---\nx\n", "not in f", "line 3",
			   "white space")

	def test_first_line_only(self):
		"""an anchor whose first line alone is there"""
		self.wrong("Before: one\nBefore: four\n---\nx\n", "not in f",
			   "first line is, in line 1")

	def test_twice(self):
		"""an anchor that is there twice: both lines are named"""
		self.wrong("Before: two\n---\nx\n", "f.s.insert:2", "twice", "lines 2, 4")

	def test_second_wrong(self):
		"""the line of the wrong one of several inserts is named"""
		self.wrong("Before: one\n---\nx\n===\nBefore: ten\n---\nx\n",
			   "f.s.insert:6")

	def test_part_of_line(self):
		"""a part of a line is no match"""
		self.wrong("Before: fou\n---\nx\n", "not in f")

	def test_header(self):
		"""headers that are wrong, each with its line"""
		for body, *words in (
				("---\nx\n", ":2", "names no place"),
				("Before: one\nAfter: one\n---\nx\n", ":3", "not two"),
				("Behind: one\n---\nx\n", ":2", "not 'Before"),
				("Before: one\n", ":2", "'---'"),
				("Before: one\n---\n", ":3", "no text"),
				("Before: one\n---\nx", ":4", "line break"),
				("Before: one\n\nBefore: two\n---\nx\n", ":4",
				 "follow one another"),
				("Before: one\n---\nx\n===\n", ":5", "'---'")):
			with self.subTest(body=body):
				self.wrong(body, *words)

	def test_licence(self):
		"""the licence line must come first, as a comment or not"""
		self.refused(["f:1", "SPDX"], edits.parse_insert, "f",
			     "Before: one\n---\nx\n")
		for lead in ("", "# ", "// "):
			self.assertEqual(len(edits.parse_insert(
				"f", lead + LICENCE + "# a comment\nBefore: one\n---\n"
				"x\n")), 1)

	def test_no_line_break(self):
		"""nothing goes behind a last line that has no line break"""
		self.wrong("After: two\n---\nx\n", "f does not end", text="one\ntwo")


class Append(Case):
	def append(self, body, text="a\n"):
		return edits.append(edits.parse_append("f.s.append", LICENCE + body),
				    "f.s.append", "f", text)

	def test_append(self):
		"""the text goes to the end, as it is"""
		self.assertEqual(self.append("---\n\nb\n---\n"), "a\n\nb\n---\n")

	def test_wrong(self):
		"""headers and texts that are wrong"""
		for body, *words in (
				("Before: a\n---\nx\n", ":2", "'---'"),
				("", ":1", "'---'"),
				("---\n", ":2", "no text"),
				("---\nx", ":3", "line break")):
			with self.subTest(body=body):
				self.refused(words, self.append, body)
		self.refused(["f does not end"], self.append, "---\nx\n", "a")


class Move(Case):
	def test_parse(self):
		"""sources and functions, in order"""
		self.assertEqual(
			edits.parse_move("f", "// " + LICENCE + "From: a.c\nFunction: x"
					 "\nFunction: y\nFrom: b.c\nFunction: x\n"),
			[(2, "a.c", "x"), (3, "a.c", "y"), (5, "b.c", "x")])

	def test_parse_wrong(self):
		"""headers that are wrong"""
		for body, *words in (
				("Function: x\n", ":2", "'From: FILE'"),
				("From: a.c\n", ":2", "No 'Function:'"),
				("From: a.c\nFunction:\n", ":3", "value"),
				("From: a.c\nFunction: x\nFunction: x\n", ":4",
				 "twice"),
				("From: a.c\nFunction: x\n---\ntext\n", "no text"),
				("From: a.c\nFunktion: x\n", ":3", "'Function: ")):
			with self.subTest(body=body):
				self.refused(words, edits.parse_move, "f",
					     LICENCE + body)

	def test_remove(self):
		"""functions go with comment and EXPORT, one blank line is left"""
		left, taken = edits.remove_functions(
			["accountable", "map_region"], MMAP_C, "mm/mmap.c", moving=True)
		self.assertEqual(left, MMAP_C[:MMAP_C.index("/*\n * Is")]
				 + MMAP_C[MMAP_C.index("int last"):])
		self.assertTrue(taken["accountable"].startswith("/*\n * Is the"))
		self.assertTrue(taken["map_region"].startswith("/**\n * map_"))
		self.assertTrue(taken["map_region"].endswith(
			"}\nEXPORT_SYMBOL_GPL(map_region);\n"))
		for text in taken.values():
			self.assertIn(text, MMAP_C)

	def test_remove_last(self):
		"""removing the last function leaves no blank line at the end"""
		left, _ = edits.remove_functions(["last"], MMAP_C, "f")
		self.assertTrue(left.endswith("EXPORT_SYMBOL_GPL(map_region);\n"))

	def test_remove_tight(self):
		"""no blank line is lost where none is doubled"""
		text = "int a;\nint f(void)\n{\n}\n\nint b;\n"
		left, _ = edits.remove_functions(["f"], text, "f")
		self.assertEqual(left, "int a;\n\nint b;\n")

	def test_conditional(self):
		"""a function inside an #if is not moved out of it"""
		text = "#ifdef A\nint f(void)\n{\n}\n#endif\n"
		self.refused(["mm/x.c:2", "f()", "#if of line 1", "upersede"],
			     edits.remove_functions, ["f"], text, "mm/x.c",
			     moving=True)
		left, _ = edits.remove_functions(["f"], text, "mm/x.c")
		self.assertEqual(left, "#ifdef A\n#endif\n")

	def test_not_a_guard(self):
		"""#ifndef and #define inside a file are no include guard"""
		text = ("#include <a.h>\n#ifndef HAVE_F\n#define HAVE_F\n"
			"int f(void)\n{\n}\n#endif\n")
		self.refused(["mm/x.c:4", "f()", "#if of line 2"],
			     edits.remove_functions, ["f"], text, "mm/x.c",
			     moving=True)

	def test_add(self):
		"""one blank line comes before what is added"""
		self.assertEqual(edits.add_function("a\n", "f\n", "t"), "a\n\nf\n")
		self.assertEqual(edits.add_function("a\n\n", "f\n", "t"),
				 "a\n\nf\n")
		self.assertEqual(edits.add_function("", "f\n", "t"), "f\n")
		self.refused(["t does not end"], edits.add_function, "a", "f\n", "t")


class Supersede(Case):
	PATH = "mm/mmap.c.s.supersede"
	BARE = "// " + LICENCE + "Function: map_region\nFunction: accountable\n"

	def setUp(self):
		self.edit = edits.record(self.PATH, self.BARE, "mm/mmap.c", MMAP_C,
					 "6.12.100")

	def supersede(self, text=MMAP_C, edit=None):
		return edits.supersede(
			edits.parse_supersede(self.PATH, edit or self.edit),
			self.PATH, "mm/mmap.c", text, "6.12.117")

	def test_remove(self):
		"""functions that are as reviewed are removed"""
		self.assertEqual(self.supersede(),
				 MMAP_C[:MMAP_C.index("/*\n * Is")]
				 + MMAP_C[MMAP_C.index("int last"):])

	def test_record(self):
		"""record: the hash of each line, of the whole, and the version"""
		text = MMAP_C[MMAP_C.index("/*\n * Is"):MMAP_C.index("/**")][:-1]
		digest = lambda t: hashlib.sha256(t.encode()).hexdigest()
		lines = " ".join(digest(line)[:4] for line in text.splitlines())
		self.assertEqual(self.edit.split("\n")[1], "Reviewed: 6.12.100")
		self.assertIn("Function: accountable\nLines: " + lines
			      + "\nSha256: " + digest(text) + "\n", self.edit)

	def test_record_again(self):
		"""record: comments stay, the order stays, twice is the same"""
		bare = "// " + LICENCE + "# why\n# so\nFunction: last\n"
		once = edits.record("f", bare, "mm/mmap.c", MMAP_C, "6.12.1")
		self.assertTrue(once.startswith("// " + LICENCE + "# why\n# so\nRev"))
		self.assertEqual(edits.record("f", once, "mm/mmap.c", MMAP_C,
					      "6.12.1"), once)
		self.assertTrue(edits.parse_supersede("f", once).functions[0].whole)

	def test_wrapped(self):
		"""many lines are wrapped, and read again"""
		text = "int f(void)\n{\n" + "\ta();\n" * 40 + "}\n"
		edit = edits.record("f", LICENCE + "Function: f\n", "x.c", text, "6")
		self.assertTrue(all(len(line) <= 80 for line in edit.split("\n")))
		self.assertGreater(edit.count("\nLines: "), 2)
		parsed = edits.parse_supersede("f", edit)
		self.assertEqual(len(parsed.functions[0].lines), 43)
		self.assertEqual(edits.supersede(parsed, "f", "x.c", text, "6"), "")

	def test_changed(self):
		"""a changed function: the message, and the difference, exactly"""
		text = MMAP_C.replace("\tif (accountable(flags))\n",
				      "\tif (flags == 3)\n\t\treturn 0;\n"
				      "\tif (accountable(flags) && flags)\n") \
			.replace("\t\tcharge(limit);\n", "\t\tcharge(limit);\n"
				 "\tstable_fix();\n")
		said = self.refused([self.PATH], self.supersede, text)
		self.assertEqual(said, (
			"mm/mmap.c.s.supersede:3: the function map_region() of "
			"mm/mmap.c is not the one that was reviewed: reviewed at "
			"6.12.100, the base is 6.12.117. The difference:\n"
			"- (line 6 of the reviewed text)\n"
			"+ \tif (flags == 3)\n"
			"+ \t\treturn 0;\n"
			"+ \tif (accountable(flags) && flags)\n"
			"+ \tstable_fix();\n"
			"Review the change, carry it over into the code that replaces "
			"the function, then run\n"
			"    scripts/overlay/overlay.py record mm/mmap.c.s.supersede\n"
			"which records the text as reviewed."))

	def test_line_gone(self):
		"""a line that is gone, and a changed comment, are changes"""
		self.refused(["- (line 7 of the reviewed text)"], self.supersede,
			     MMAP_C.replace("\t\tcharge(limit);\n", ""))
		self.refused(["+  * map_region() - Map them."], self.supersede,
			     MMAP_C.replace("Map it", "Map them"))

	def test_both_changed(self):
		"""all changed functions are shown at once"""
		said = self.refused(["map_region()", "accountable()"],
				    self.supersede, MMAP_C.replace("flags", "f"))
		self.assertEqual(said.count("Review the change"), 1)

	def test_never_recorded(self):
		"""a function that was never recorded"""
		self.refused([":2", "map_region()", "never been recorded", "record"],
			     self.supersede, edit=self.BARE)

	def test_hand_edited(self):
		"""hashes that contradict one another"""
		bad = edits.parse_supersede(self.PATH, self.edit)
		bad.functions[0].whole = "0" * 64
		self.refused(["map_region()", "contradict"], edits.supersede, bad,
			     self.PATH, "mm/mmap.c", MMAP_C, "6")

	def test_gone(self):
		"""a function that is gone"""
		self.refused(["mm/mmap.c", "map_region()", "not defined"],
			     self.supersede, MMAP_C.replace("map_region(", "x("))

	def test_parse_wrong(self):
		"""headers that are wrong"""
		for body, *words in (
				("Reviewed: 6\n", "No 'Function:'"),
				("Lines: abcd\n", ":2", "after a 'Function:'"),
				("Function: f\nLines: abcde\n", ":3", "abcde"),
				("Function: f\nSha256: 12\n", ":3", "64"),
				("Function: f\nFunction: f\n", ":3", "twice"),
				("Reviewed: 6\nReviewed: 7\n", ":3", "twice"),
				("Function: f\nSha256: " + "0" * 64 + "\nSha256: "
				 + "0" * 64 + "\n", ":4", "twice"),
				("Function:\n", ":2", "value"),
				("Function: f\n---\nx\n", "no text")):
			with self.subTest(body=body):
				self.refused(words, edits.parse_supersede, "f",
					     LICENCE + body)


if __name__ == "__main__":
	tap.main()
