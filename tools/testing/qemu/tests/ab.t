#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The host's part of the A/B run: what it reads, compares and counts."""

import os
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../ab/host"))
sys.path.insert(0, os.path.join(HERE, "../../../../scripts/overlay"))

import hooks
import images
import records
import tap

ENTRY = """\
# A comment.
where: one: map *
base: ok [0-1 *] [1-2 *]
converted: ok [0-2 *]
reason: they are
  merged
"""


def read(text):
	"""The entries of the list @text."""
	with tempfile.NamedTemporaryFile("w", suffix=".expected") as file:
		file.write(text)
		file.flush()
		return records.read_expected(file.name)


class Read(unittest.TestCase):
	def test_values(self):
		"""a value may hold what separates it from the operation"""
		one = records.Records(["one: map a = ok [0-1 r = w]", "#end"])
		self.assertEqual(one.values, {"one: map a": "ok [0-1 r = w]"})
		self.assertTrue(one.ended)

	def test_repeated(self):
		"""an operation that repeats has a number"""
		one = records.Records(["one: map = a", "one: map = b"])
		self.assertEqual(one.values, {"one: map": "a",
					      "one: map (2)": "b"})
		self.assertFalse(one.ended)

	def test_bad(self):
		"""a line that cannot be read is not passed over"""
		self.assertEqual(records.Records(["one map a"]).bad,
				 ["one map a"])


class Compare(unittest.TestCase):
	def test_differences(self):
		"""what differs, and what only one of them has, is found"""
		base = records.Records(["one: a = 1", "one: b = 1",
					"one: c = 1"])
		converted = records.Records(["one: d = 1", "one: b = 2",
					     "one: a = 1"])
		self.assertEqual(
			list(records.differences(base, converted)),
			[("one: b", "1", "2"), ("one: c", "1", records.ABSENT),
			 ("one: d", records.ABSENT, "1")])

	def test_expected(self):
		"""an entry takes what fits all of its patterns, and counts it"""
		entry, = read(ENTRY)
		self.assertEqual(entry.reason, "they are merged")
		difference = ["one: map r", "ok [0-1 r] [1-2 r]", "ok [0-2 r]"]
		self.assertTrue(entry.takes(difference))
		for index, other in ((0, "two: map r"), (1, "ok [0-1 r]"),
				     (2, "EINVAL")):
			changed = list(difference)
			changed[index] = other
			self.assertFalse(entry.takes(changed))
		self.assertEqual(entry.used, 1)

	def test_incomplete(self):
		"""an entry without a reason is an error"""
		with self.assertRaises(ValueError):
			read(ENTRY.split("reason")[0])


class Reached(unittest.TestCase):
	ROW = {"file": "fs/one.c", "instance": "one_fops", "hook": "one_mmap"}

	def of(self, row, seen, users=()):
		return hooks.things_of(dict(self.ROW, **row), seen,
				       {"one_fops": {"one_mmap"},
					"two_fops": {"one_mmap"}}, dict(users))

	def test_own(self):
		"""a hook was reached through the operations that name it"""
		self.assertEqual(self.of({}, {("one_fops", "one_mmap_proto"):
					      {"thing"}}), {"thing"})
		self.assertEqual(self.of({}, {("two_fops", "one_mmap"):
					      {"thing"}}), set())

	def test_namesake(self):
		"""operations of the same name are told apart by their hook"""
		self.assertEqual(self.of({"hook": "other_mmap"},
					 {("one_fops", "one_mmap"):
					  {"thing"}}), set())

	def test_names(self):
		"""a hook may be called by a macro, where that is not ambiguous"""
		rows = [dict(self.ROW, instance=name, hook=hook)
			for name, hook in (("a", "macro"), ("b", "x_mmap"),
					   ("b", "y_mmap"), ("c", "z_mmap"))]
		names = hooks.names_of(({1: ("a.1", "generic"),
					 2: ("b", "x_mmap_proto")},), rows)
		self.assertEqual(names, {"a": {"generic", "macro"},
					 "b": {"x_mmap_proto"}})

	def test_macro(self):
		"""those of a macro count for the header that has it"""
		row = {"file": "include/drm/drm_gem.h",
		       "instance": "DRM_GEM_FOPS", "hook": "drm_gem_mmap"}
		seen = {("card_fops", "drm_gem_mmap"): {"card"}}
		self.assertEqual(self.of(row, seen), set())
		self.assertEqual(
			self.of(row, seen,
				{"card_fops": "DEFINE_DRM_GEM_FOPS"}),
			{"card"})


class Images(unittest.TestCase):
	def test_contents(self):
		"""files of the host have the contents of the guest's"""
		made = images.contents(2 * images.PAGE)
		self.assertEqual(made[:3], bytes((0, 7, 14)))
		self.assertEqual(made[images.PAGE:images.PAGE + 3],
				 bytes((0, 8, 15)))

	def test_zonefs(self):
		"""the super block has its magic number"""
		self.assertEqual(images.zonefs_block()[:4], b"SFOZ")


if __name__ == "__main__":
	tap.main()
