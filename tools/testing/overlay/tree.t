#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The whole tree, made for real: nothing is touched twice, the same comes of
the same input, and a tree of the user's own is only read."""

import os
import re
import shutil
import subprocess
import sys
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
sys.path.insert(0, os.path.join(ROOT, "scripts", "overlay"))

import patches
import summary
import tap

TREE = os.environ.get("TREE", os.path.join(ROOT, "build", "linux"))
BUILD = os.path.dirname(TREE)
CHECK = os.path.join(BUILD, "check")


def run(*argv, folder=ROOT, **options):
	"""Run @argv in @folder; returns its output. Raises AssertionError."""
	env = {name: value for name, value in os.environ.items()
	       if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
	done = subprocess.run(argv, cwd=folder, env=env, text=True,
			      stdout=subprocess.PIPE, stderr=subprocess.PIPE,
			      **options)
	if done.returncode:
		raise AssertionError(f"{' '.join(argv)} exited with "
				     f"{done.returncode}:\n{done.stderr[-4000:]}")
	return done.stdout


def stamps(folder):
	"""{path: what says whether a file was touched} of all below @folder."""
	found = {}
	for top, folders, names in os.walk(folder):
		for name in folders + names:
			path = os.path.join(top, name)
			status = os.lstat(path)
			found[os.path.relpath(path, folder)] = (
				status.st_ino, status.st_mtime_ns,
				status.st_size, status.st_mode)
	return found


def touched(before, after):
	"""The paths in which two results of stamps() differ; a few suffice."""
	return sorted(path for path in before.keys() | after.keys()
		      if before.get(path) != after.get(path))[:20]


def head(tree):
	return run("git", "rev-parse", "HEAD", folder=tree).strip()


def build(tree, cache, report):
	run("scripts/overlay/overlay.py", "build",
	    "--base", os.path.join(BUILD, "base.git"), "--tree", tree,
	    "--cache", cache, "--report", report)


class Again(unittest.TestCase):
	def test_nothing_changed(self):
		"""a second make touches no file"""
		trees = (TREE, os.path.join(BUILD, "base.git"),
			 os.path.join(BUILD, "report"))
		before = [stamps(tree) for tree in trees]
		begun = time.monotonic()
		run("make", f"BUILD={BUILD}")
		seconds = time.monotonic() - begun
		for tree, old in zip(trees, before):
			self.assertEqual(touched(old, stamps(tree)), [], tree)
		self.figures = (f"{len(before[0])} files in the tree, "
				f"{seconds:.1f} s")


class Readme(unittest.TestCase):
	def test_summary(self):
		"""the README shows what make prints of this tree"""
		with open(os.path.join(ROOT, "README.md"),
			  encoding="utf-8") as file:
			text = file.read()
		shown = re.search(r"^    base .*\n(?:    .*\n)+", text, re.M)[0]
		lines = [line[4:] for line in shown.splitlines()
			 if not line.startswith("    time ")]
		# It is about the folder that it names, whatever that is here.
		here = [line.replace(BUILD, "build")
			for line in summary.page(BUILD, None)]
		self.assertEqual(lines, here)


class Same(unittest.TestCase):
	def test_from_nothing(self):
		"""with nothing to start from, the same commits come of it"""
		folder = os.path.join(CHECK, "again")
		shutil.rmtree(folder, ignore_errors=True)
		os.makedirs(folder)
		self.addCleanup(shutil.rmtree, folder)
		tree = os.path.join(folder, "linux")
		report = os.path.join(folder, "report")
		begun = time.monotonic()
		build(tree, os.path.join(folder, "cache"), report)
		seconds = time.monotonic() - begun
		self.assertEqual(head(tree), head(TREE))
		self.assertEqual(run("git", "status", "--porcelain",
				     folder=tree), "")
		for name in ("hooks.csv", "summary.json", "commits.json",
			     "conversions.diff"):
			with open(os.path.join(report, name), "rb") as one, \
			     open(os.path.join(BUILD, "report", name),
				  "rb") as two:
				self.assertEqual(one.read(), two.read(), name)
		self.figures = f"{head(tree)[:12]}, cold {seconds:.1f} s"


class OwnTree(unittest.TestCase):
	def test_kdir(self):
		"""KDIR= gives the same base, and is only read"""
		kdir = os.path.join(CHECK, "kdir")
		output = os.path.join(CHECK, "kdir.git")
		shutil.rmtree(kdir, ignore_errors=True)
		shutil.rmtree(output, ignore_errors=True)
		os.makedirs(kdir)
		self.addCleanup(shutil.rmtree, output, ignore_errors=True)
		self.addCleanup(shutil.rmtree, kdir)
		archive = subprocess.Popen(
			["git", "archive", patches.base_of(TREE)], cwd=TREE,
			stdout=subprocess.PIPE)
		run("tar", "-x", "-C", kdir, stdin=archive.stdout)
		self.assertEqual(archive.wait(), 0)
		archive.stdout.close()
		before = stamps(kdir)
		run("scripts/overlay/base.py", "--output", output,
		    "--kdir", kdir)
		self.assertEqual(touched(before, stamps(kdir)), [])
		self.assertEqual(
			run("git", "rev-parse", "base^{tree}", folder=output),
			run("git", "rev-parse",
			    patches.base_of(TREE) + "^{tree}", folder=TREE))
		self.figures = f"{len(before)} files"


if __name__ == "__main__":
	tap.main()
