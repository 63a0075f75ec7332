#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Reading the series, its steps and the names of overlay files."""

import os
import subprocess

import fixture
from fixture import LICENCE, OVERLAY, SERIES, step
import tap
from failure import Failure
from series import Series


class Read(fixture.Case):
	def series(self, files=None, *, without=()):
		"""The Series of the usual overlay with @files, less @without."""
		self.write({path: text for path, text in OVERLAY.items()
			    if path not in without})
		self.write(files or {})
		return Series(self.overlay)

	def refused(self, files, *words, without=()):
		"""Reading must fail and say each of @words."""
		with self.assertRaises(Failure) as caught:
			self.series(files, without=without)
		for word in words:
			self.assertIn(word, str(caught.exception))

	def test_read(self):
		"""steps in order, with their files, edits, message, objects"""
		region, hook = self.series().steps
		self.assertEqual((region.name, hook.name), ("region", "hook"))
		self.assertEqual(region.message,
				 "mm: move map_region()\n\nBecause of the test.\n")
		self.assertEqual(region.builds, ["mm/mmap.o", "mm/vma.o"])
		self.assertEqual(region.adds, [])
		self.assertEqual([(e.path, e.target, e.kind) for e in region.edits],
				 [("mm/vma.c.region.move", "mm/vma.c", "move")])
		self.assertEqual(hook.adds, ["include/linux/hook.h", "mm/hook.c"])
		self.assertEqual([e.kind for e in hook.edits],
				 ["cocci", "insert", "append"])

	def test_not_overlay(self):
		"""root files, foreign folders, droppings, excluded ones"""
		names = ["README.md", "MAINTAINERS.hook.append", "build/mm/x.c",
			 "mm/x.c~", "mm/.x.c.swp", "mm/x.c.orig", "mm/x.rej",
			 "mm/__pycache__/x.py", "mm/x.pyc",
			 "scripts/overlay/overlay.py", "scripts/overlay/x.no.cocci"]
		files = self.series(dict.fromkeys(names, "x\n")).files
		self.assertFalse(set(names) & set(files))

	def test_exclude_prefix(self):
		"""an excluded prefix is a folder or one file, no part of a name"""
		self.refused({"scripts/overlayer": "x\n"}, "scripts/overlayer",
			     "no step")
		self.series({"scripts/overlayer": "x\n",
			     "series": SERIES + "exclude scripts/overlayer\n"})

	def test_ignored(self):
		"""what git ignores is no part of the overlay"""
		subprocess.run(["git", "init", "-q", self.overlay], check=True)
		series = self.series({".gitignore": "*.o\n", "mm/x.o": "x"})
		self.assertNotIn("mm/x.o", series.files)
		self.assertIn("mm/hook.c", series.files)
		self.assertEqual(len(series.steps[1].edits), 3)

	def test_removed(self):
		"""a file that git knows but that is removed is not there"""
		subprocess.run(["git", "init", "-q", self.overlay], check=True)
		self.series()
		subprocess.run(["git", "-C", self.overlay, "add", "-A"], check=True)
		os.unlink(os.path.join(self.overlay, "mm/Kconfig.hook.append"))
		self.assertEqual(len(Series(self.overlay).steps[1].edits), 2)

	def test_plain_cocci(self):
		"""a name with one component before the kind is a plain file"""
		series = self.series({
			"scripts/coccinelle/x.cocci": "x\n",
			"mm/hook.step": step(keys="adds: mm/hook.c include/linux/hook.h"
					     " scripts/coccinelle/\n")})
		self.assertIn("scripts/coccinelle/x.cocci", series.steps[1].adds)

	def test_unknown_step(self):
		"""an edit of a step that does not exist: the known are listed"""
		self.refused({"mm/x.c.nostep.insert": "x\n"},
			     "mm/x.c.nostep.insert", "'nostep'", "region, hook")

	def test_no_target(self):
		"""an edit without a file to edit"""
		self.refused({"mm/.hook.append": "x\n"}, "mm/.hook.append", "no file")

	def test_unclaimed(self):
		"""a plain file that no step adds"""
		self.refused({"mm/extra.c": "x\n"}, "mm/extra.c", "no step", "adds:")

	def test_claimed_missing(self):
		"""a claimed file, or folder, that is not there"""
		self.refused({}, "mm/hook.step:6", "mm/hook.c", "no plain file",
			     without=["mm/hook.c"])
		self.refused({"mm/hook.step": step(keys="adds: mm/none/\n")},
			     "mm/hook.step:6", "mm/none/")

	def test_claimed_twice(self):
		"""a file that two steps claim, by name and by folder"""
		self.refused({"mm/region.step": step(keys="adds: mm/hook.c\n")},
			     "mm/hook.step:6", "mm/hook.c", "step region")
		both = step(keys="adds: mm/ include/\n")
		self.refused({"mm/region.step": both, "mm/hook.step": both},
			     "mm/hook.step:6", "step region")

	def test_folder(self):
		"""a folder claims what no other step names"""
		series = self.series({
			"mm/sub/a.c": "x\n", "mm/sub/deep/b.c": "x\n",
			"mm/region.step": step(keys="adds: mm/sub/\nadds: include/\n"),
			"mm/hook.step": step(keys="adds: mm/hook.c mm/sub/a.c\n")})
		self.assertEqual(series.steps[0].adds,
				 ["include/linux/hook.h", "mm/sub/deep/b.c"])
		self.assertEqual(series.steps[1].adds, ["mm/hook.c", "mm/sub/a.c"])

	def test_empty_step(self):
		"""a step without a file"""
		self.refused({"mm/void.step": step(),
			      "series": SERIES + "step mm/void.step\n"},
			     "mm/void.step", "no file", "*.void.KIND")

	def test_step_not_listed(self):
		"""a step's file that is not in the series"""
		self.refused({"mm/late.step": step()}, "mm/late.step",
			     "not in the series", "step mm/late.step")

	def test_series_wrong(self):
		"""lines of the series that are wrong"""
		for text, *words in (
				("\n" + SERIES, "series:1", "SPDX"),
				(SERIES + "stop mm/x.step\n", "series:7", "'step"),
				(SERIES + "step mm/region.step\n", "series:7",
				 "already"),
				(SERIES + "step mm/none.step\n", "series:7",
				 "does not exist"),
				(SERIES + "step mm/Upper.step\n", "series:7",
				 "NAME.step"),
				(SERIES + "step mm/hook.c\n", "series:7",
				 "NAME.step")):
			with self.subTest(text=text):
				self.refused({"series": text}, *words)

	def test_no_series(self):
		"""a folder without a series"""
		self.refused({}, "series", "--root", without=["series"])

	def test_step_wrong(self):
		"""step files that are wrong, each with its line"""
		licence = "# " + LICENCE
		for text, *words in (
				("mm: x\n\nb\n---\n", ":1", "SPDX"),
				(licence + "mm: x\n\nb\n", ":4", "'---'"),
				(licence + "---\n", ":2", "missing"),
				(licence + "mm: x\n---\n", ":2", "body"),
				(licence + "mm: x\nb\n---\n", ":2", "blank line"),
				(licence + "m" * 76 + "\n\nb\n---\n", ":2", "76"),
				(licence + "mm: x\n\nb\n" + "b c " * 20 + "\n---\n",
				 ":5", "80", "wrap"),
				(licence + "mm: x\n\nb\n---\nadd: mm/x\n", ":6",
				 "'adds:")):
			with self.subTest(text=text):
				self.refused({"mm/hook.step": text},
					     "mm/hook.step" + words[0], *words[1:])

	def test_modes(self):
		"""modes and links of plain files"""
		self.write({"mm/x.sh": "#!/bin/sh\n", "mm/hook.step": step(
			keys="adds: mm/ include/\n")})
		os.chmod(os.path.join(self.overlay, "mm/x.sh"), 0o700)
		os.symlink("x.sh", os.path.join(self.overlay, "mm/link"))
		self.write({path: text for path, text in OVERLAY.items()
			    if path != "mm/hook.step"})
		series = Series(self.overlay)
		self.assertEqual(series.plain("mm/x.sh"),
				 ("100755", b"#!/bin/sh\n"))
		self.assertEqual(series.plain("mm/link"), ("120000", b"x.sh"))
		self.assertEqual(series.plain("mm/hook.c")[0], "100644")
		self.assertIn("mm/link", series.steps[1].adds)

	def test_command(self):
		"""the command 'check' reads all, edits too, without a base"""
		self.write(OVERLAY)
		status, out, _ = self.run_tool("check")
		self.assertEqual(status, 0)
		self.assertIn("2 steps, 2 files added, 4 edits", out)
		self.write({"mm/vma.c.region.move": LICENCE + "Function: x\n"})
		status, _, err = self.run_tool("check")
		self.assertEqual(status, 1)
		self.assertIn("mm/vma.c.region.move:2", err)


if __name__ == "__main__":
	tap.main()
