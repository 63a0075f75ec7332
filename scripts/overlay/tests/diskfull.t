#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""A disk that fills up leaves the previous tree whole.

The disk is a small tmpfs, mounted in a mount namespace of the test's own.
"""

import os
import subprocess
import sys

if "OVERLAY_TEST_NAMESPACE" not in os.environ:
	os.environ["OVERLAY_TEST_NAMESPACE"] = "1"
	os.execvp("unshare", ["unshare", "-m" if os.getuid() == 0 else "-rm",
			      "--propagation", "private", sys.executable,
			      os.path.abspath(__file__), *sys.argv[1:]])

import shutil

import fixture
from fixture import LICENCE, OVERLAY, step, write
import tap

# Big enough that each thing that is written can be what does not fit.
BULK = "".join(f"/* line {n} of something long */\n" for n in range(9000))
SIZE = 12 << 20


class DiskFull(fixture.Case):
	def setUp(self):
		super().setUp()
		shutil.rmtree(os.path.join(self.top, "build"))
		os.mkdir(os.path.join(self.top, "build"))
		subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "none",
				os.path.join(self.top, "build")], check=True)
		self.addCleanup(subprocess.run, [
			"umount", os.path.join(self.top, "build")], check=True)
		files = dict(fixture.FILES)
		files["mm/vma.c"] += BULK
		fixture.make_base(self.base, files)
		self.write(OVERLAY)
		self.filler = os.path.join(self.top, "build", "filler")
		self.assertEqual(os.stat(self.filler[:-7]).st_dev,
				 os.stat(self.base).st_dev)

	def leave(self, free):
		"""Fill the disk up, but for @free bytes."""
		with open(self.filler, "wb", buffering=0) as file:
			os.posix_fallocate(file.fileno(), 0, max(
				4096, self.free() - free))
		self.assertLessEqual(abs(self.free() - free), 8192)

	def free(self):
		room = os.statvfs(os.path.join(self.top, "build"))
		return room.f_bavail * room.f_frsize

	def shrink(self, check):
		"""Build with more and more room until it works; counts failures."""
		failures = 0
		free = 0
		while True:
			self.leave(free)
			status, out, err = self.run_tool()
			os.unlink(self.filler)
			if status == 0:
				return failures
			self.assertEqual(status, 1)
			self.assertNotIn("Traceback", err)
			self.assertIn("No space is left on the disk that holds "
				      + os.path.join(self.top, "build"), err)
			self.assertIn("Free some", err)
			self.assertFalse(os.path.lexists(self.tree + ".stage"))
			check(err)
			failures += 1
			free += 144 << 10
			self.assertLess(free, SIZE, out)

	def test_first(self):
		"""the first build: no tree at all, then all of it"""
		def check(err):
			self.assertIn("No " + self.tree + " was made", err)
			self.assertFalse(os.path.lexists(self.tree))

		failures = self.shrink(check)
		self.assertGreater(failures, 3)
		self.whole()
		self.figures = f"{failures} failures"

	def test_later(self):
		"""a later build: the previous tree, then the new one"""
		self.build()
		before = self.whole()
		# Step by step nothing must be remembered from a failed run.
		shutil.rmtree(os.path.join(self.top, "build", "cache"))
		self.write({
			"mm/vma.c.hook.cocci": OVERLAY["mm/vma.c.hook.cocci"]
				.replace("new_call", "newer_call"),
			"mm/hook.c": "// " + LICENCE + BULK})

		def check(err):
			self.assertIn("is as it was", err)
			self.assertEqual(self.whole(), before)

		failures = self.shrink(check)
		self.assertGreater(failures, 3)
		self.assertNotEqual(self.whole(), before)
		self.assertIn("newer_call", self.result("mm/vma.c"))
		self.figures = f"{failures} failures"


class Spatch(DiskFull):
	"""spatch itself finds the disk full."""

	def test_first(self):
		"""a result of spatch that is cut short is never taken for whole"""
		self.leave(self.free())
		for free in range(0, 2 << 20, 144 << 10):
			shutil.rmtree(os.path.join(self.top, "build", "cache"),
				      ignore_errors=True)
			self.leave(free)
			status, _, err = self.run_tool()
			os.unlink(self.filler)
			if status == 0:
				break
			self.assertIn("No space is left", err)
		self.assertEqual(status, 0)
		self.assertTrue(self.result("mm/vma.c").rstrip().endswith(
			"EXPORT_SYMBOL_GPL(map_region);"))
		self.assertIn(BULK, self.result("mm/vma.c"))

	def test_later(self):
		"""the lock and the check of a tree need no room"""
		self.build()
		self.leave(0)
		self.assertIn("nothing has changed", self.build())


if __name__ == "__main__":
	tap.main()
