#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The base kernel and the converted one do the same with every mapping.

Usage: ab.t [--full] [THING]...

Builds both, boots them, has a program map everything it can reach, and
compares what came of it (guest/record.h). `expected` lists the differences that
are meant. Which hooks were reached is in the folder report beside $TREE, in
reached.csv; those named in `reached` must be. Without --full, the matrix is
smaller.
"""

import csv
import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.abspath(os.path.join(HERE, "../../../.."))
sys.path.insert(0, os.path.join(HERE, "host"))
sys.path.insert(0, os.path.join(ROOT, "scripts", "overlay"))

import hooks
import images
import kernels
import records
import tap

TREE = os.path.abspath(os.environ.get("TREE") or
		       os.path.join(ROOT, "build", "linux"))
BUILD = os.path.dirname(TREE)
FOLDER = os.path.join(BUILD, "ab")
REPORT = os.path.join(BUILD, "report")
EXPECTED = os.path.join(HERE, "expected")
REACHED = os.path.join(HERE, "reached")
LEAST_REACHED = 60
SHOWN = 60

FULL = False
THINGS = []
RAN = {}


def setUpModule():
	"""Build both, then boot both."""
	base = kernels.Kernel(
		kernels.base_tree(TREE, os.path.join(FOLDER, "base")),
		os.path.join(FOLDER, "base"))
	converted = kernels.Kernel(TREE, os.path.join(FOLDER, "converted"))
	program = os.path.join(FOLDER, "mmap_ab")
	disks = images.make(os.path.join(FOLDER, "images"))
	for kernel in (base, converted):
		kernel.build()
	# One program for both.
	base.compile_program(program)
	words = "" if FULL else "ab_short"
	if THINGS:
		words += " ab_things=" + ",".join(THINGS)
	for name, kernel in (("base", base), ("converted", converted)):
		RAN[name] = (kernel, kernel.boot(program, disks, words))


class Machines(unittest.TestCase):
	def one(self, name):
		kernel, status = RAN[name]
		self.assertEqual(status, 0, "\n" + kernel.tap[-5000:])
		self.assertEqual(kernel.records.bad, [])
		self.assertTrue(kernel.records.ended)
		self.figures = (f"{len(kernel.records.values)} operations on "
				f"{len(kernel.records.things())} things, "
				f"{len(kernel.hooks.probed)} hooks in it")

	def test_base(self):
		"""the base maps everything, and reports nothing"""
		self.one("base")

	def test_converted(self):
		"""so does the converted kernel"""
		self.one("converted")


class Compare(unittest.TestCase):
	def setUp(self):
		self.expected = records.read_expected(EXPECTED)
		self.left = [
			difference for difference in records.differences(
				RAN["base"][0].records,
				RAN["converted"][0].records)
			if not any([entry.takes(difference)
				    for entry in self.expected])]

	def test_same(self):
		"""they differ only where that is meant"""
		self.assertEqual(len(self.left), 0, "".join(
			f"\n{key}\n  base:      {base}\n  converted: {converted}"
			for key, base, converted in self.left[:SHOWN]))
		self.figures = ", ".join(
			f"{entry.used} {entry.where!r}"
			for entry in self.expected if entry.used) or "nowhere"

	def test_expected(self):
		"""every difference that is meant is there"""
		if not FULL or THINGS:
			self.skipTest("only all of the matrix has all of them")
		self.assertEqual([entry.where for entry in self.expected
				  if not entry.used], [])
		self.figures = f"{len(self.expected)} entries"


class Reached(unittest.TestCase):
	def test_reached(self):
		"""the hooks that can be reached are"""
		base, converted = RAN["base"][0], RAN["converted"][0]
		users = hooks.macro_users(TREE)
		seen = [kernel.hooks.reached(kernel.records.notes)
			for kernel in (base, converted)]
		rows = hooks.read_rows(os.path.join(REPORT, "hooks.csv"))
		names = hooks.names_of((base.hooks.found,
					converted.hooks.found), rows)
		reached = set()
		path = os.path.join(REPORT, "reached.csv")
		with open(path, "w", encoding="utf-8", newline="") as file:
			out = csv.writer(file, lineterminator="\n")
			out.writerow(("file", "hook", "reached", "instance",
				      "result", "by"))
			for row in rows:
				by = [hooks.things_of(row, one, names, users)
				      for one in seen]
				both = by[0] & by[1]
				out.writerow((row["file"], row["hook"],
					      "yes" if both else "no",
					      row["instance"], row["result"],
					      " ".join(sorted(both))))
				if both:
					reached.add((row["file"], row["line"],
						     row["instance"],
						     row["result"]))
		done = sum(one[3] == "converted" for one in reached)
		self.figures = (f"{len(reached)} of {len(rows)}, of which "
				f"{done} are converted; {path}")
		if THINGS:
			self.skipTest("only some things were mapped")
		with open(REACHED, encoding="utf-8") as file:
			wanted = {tuple(line.split()) for line in file
				  if not line.startswith("#")}
		self.assertEqual(sorted(wanted - {(one[0], one[2])
						  for one in reached}), [])
		self.assertGreaterEqual(len(reached), LEAST_REACHED)


if __name__ == "__main__":
	FULL = "--full" in sys.argv
	THINGS = [word for word in sys.argv[1:] if word != "--full"]
	sys.argv[1:] = []
	tap.main()
