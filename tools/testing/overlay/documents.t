#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The documents of the overlay: Sphinx has nothing to say of our lines, and what
guest_memfd.rst names and tells to run is there and works.

A document of the base is only looked at where the overlay changes it.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
sys.path.insert(0, os.path.join(ROOT, "scripts", "overlay"))

import tap

TREE = os.path.realpath(os.environ.get(
	"TREE", os.path.join(ROOT, "build", "linux")))
OUTPUT = os.path.join(os.path.dirname(TREE), "check", "documents")
# Below Documentation/: what has a document of ours, or changes for the API.
FOLDERS = ("filesystems", "virt/kvm")
GUIDE = "Documentation/virt/kvm/guest_memfd.rst"
COMPLAINT = re.compile(r"^(\S+?)(?:\.rst)?:(\d+): .*?(?:WARNING|ERROR): (.*)")
# Sphinx takes a structure and a function of one name for one thing.
KNOWN = "Duplicate C declaration"
NAMES = re.compile(r"\b(?:KVM|GUEST_MEMFD)_[A-Z0-9_]+\b")


def run(*argv, folder=TREE):
	"""Run @argv in @folder; returns all it printed. Raises AssertionError."""
	env = {name: value for name, value in os.environ.items()
	       if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
	done = subprocess.run(argv, cwd=folder, env=env, text=True,
			      stdout=subprocess.PIPE,
			      stderr=subprocess.STDOUT, check=False)
	if done.returncode:
		raise AssertionError(f"{' '.join(argv)} exited with "
				     f"{done.returncode}:\n{done.stdout[-4000:]}")
	return done.stdout


def changed_lines(folder):
	"""{(path without .rst, line)} of what the overlay has in @folder."""
	base = run("git", "rev-list", "--max-parents=0", "HEAD").strip()
	lines, path = set(), None
	for line in run("git", "diff", "-U0", base, "HEAD", "--",
			f"Documentation/{folder}").splitlines():
		if line.startswith("+++ "):
			path = line[6:].removesuffix(".rst")
		hunk = re.match(r"@@ -\S+ \+(\d+)(?:,(\d+))? @@", line)
		if hunk:
			first, count = int(hunk[1]), int(hunk[2] or 1)
			lines |= {(path, number) for number in
				  range(first, first + count)}
	return lines


def read(path):
	with open(os.path.join(TREE, path), encoding="utf-8") as stream:
		return stream.read()


class Documents(unittest.TestCase):
	def test_pages(self):
		"""each folder becomes pages, and no line of ours is complained of"""
		ours = found = 0
		for folder in FOLDERS:
			output = os.path.join(OUTPUT, folder)
			shutil.rmtree(output, ignore_errors=True)
			os.makedirs(output)
			said = run("make", f"O={output}",
				   f"SPHINXDIRS={folder}", "htmldocs")
			lines = changed_lines(folder)
			ours += len(lines)
			for path in {path for path, _ in lines}:
				self.assertTrue(os.path.isfile(os.path.join(
					output, "Documentation/output", f"{path[14:]}.html")),
					path)
			for complaint in filter(None, map(COMPLAINT.match,
						said.splitlines())):
				found += 1
				where = (os.path.relpath(complaint[1], TREE),
					 int(complaint[2]))
				if complaint[3].startswith(KNOWN):
					continue
				self.assertFalse(where in lines, complaint[0])
		self.assertGreater(ours, 300)
		# Those of the base: none would mean that none is recognised.
		self.assertGreater(found, 0)
		self.figures = f"{ours} lines, {found} complaints of others"

	def test_names(self):
		"""what guest_memfd.rst names, the headers for user space have"""
		headers = "".join(map(read, (
			"include/uapi/linux/kvm.h",
			"include/uapi/linux/kvm_para.h",
			"arch/x86/include/uapi/asm/kvm.h")))
		names = set(NAMES.findall(read(GUIDE)))
		self.assertGreater(len(names), 15)
		self.assertEqual([name for name in sorted(names) if not
				  re.search(rf"\b{name}\b", headers)], [])
		self.figures = f"{len(names)} names"

	def test_commands(self):
		"""the commands of guest_memfd.rst build the example"""
		block = re.search(r"::\n\n((?:\t.*\n)+)", read(GUIDE))[1]
		headers, compiler, _ = map(str.strip, block.splitlines())
		output = os.path.join(OUTPUT, "sample")
		shutil.rmtree(output, ignore_errors=True)
		os.makedirs(output)
		self.assertEqual(headers, "make headers")
		# The tree is only read.
		run(*shlex.split(headers), f"O={output}")
		run("sh", "-c", compiler
		    .replace("-I ", "-Werror -I " + shlex.quote(output) + "/")
		    .replace("-o ", "-o " + shlex.quote(output) + "/"))
		self.assertTrue(os.access(os.path.join(
			output, "guest_memfd_vmm"), os.X_OK))


if __name__ == "__main__":
	tap.main()
