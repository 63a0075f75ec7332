#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Every file that the series changes is compiled, and is no worse than before.

Compiled is in x86 allmodconfig, in a folder of its own beside $TREE; for files
of other machines see cross.t. Warnings of gcc (W=1), sparse and kernel-doc are
compared with those of the same file of the base.
"""

import csv
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
LIBRARY = os.path.join(ROOT, "scripts", "coccinelle", "mmap_proto")
sys.path.insert(0, os.path.join(ROOT, "scripts", "overlay"))
sys.path.insert(0, LIBRARY)
sys.path.insert(0, HERE)

import ctext
import findings
import kbuild
import tap

# These make VMAs of prototypes, and show one to security modules.
CORE = ("mm/mmap.c", "mm/nommu.c", "mm/vma.c", "fs/backing-file.c")
INCLUDE = re.compile(r"^#\s*include\s*<linux/vma_proto\.h>", re.M)
# The members, and the helpers that the header declares.
NEEDS = re.compile(r"(?<!struct )\bvma_proto_\w+\s*\(")
MEMBER = re.compile(r"\bproto->(?:start|end|flags|pgoff|page_prot|file|mm|vm_ops|"
		    r"private_data)\b")
PROTO = re.compile(r"\b\w*vma_proto\w*")
TAKES = re.compile(r"\b(\w+)\s*\([^(){};]*\bstruct\s+vma_proto\s*\*\s*\w+\s*"
		   r"(?:,[^(){};]*)?\)\s*\{")
VMA = re.compile(r"\b(?:vma|vm_area_struct)\b")
ENTRY = re.compile(r"\.\s*(mmap|mmap_proto)\s*=")


def setUpModule():
	kbuild.make_copy()


def changed_sources():
	"""{path: text} of the C files and headers that the series changes."""
	return {path: kbuild.show("HEAD", path)
		for path, letter in kbuild.changed().items()
		if letter == "M" and path.endswith((".c", ".h"))}


class Compiled(unittest.TestCase):
	@classmethod
	def setUpClass(cls):
		begun = time.monotonic()
		cls.plan = kbuild.Plan()
		cls.result = findings.Comparison(cls.plan, cls.plan.first)
		cls.seconds = time.monotonic() - begun

	def test_compiled(self):
		"""every file that is not another machine's compiles"""
		self.assertEqual(self.result.missing, [], self.result.said)
		unread = [path for path in self.result.changed
			  if path.endswith((".c", ".h"))
			  and path not in self.result.compiled
			  and self.plan.place(path)[0] == self.plan.first.name]
		self.assertEqual(unread, [])
		self.figures = (f"{len(self.result.compiled)} files, "
				f"{self.result.built} objects built, "
				f"{self.seconds:.0f} s")

	def test_findings(self):
		"""gcc, sparse and kernel-doc find nothing that is new"""
		self.assertEqual(self.result.findings(), [])
		self.figures = ", ".join(
			f"{sum(sum(e.findings.values()) for e in entries.values())}"
			f" in {len(entries)} objects of the {name}"
			for name, entries in (("base", self.result.old),
					      ("tree", self.result.new)))

	def test_symbols(self):
		"""a module calls nothing new that is not exported"""
		self.assertEqual(self.result.symbols(), [])

	def test_gone(self):
		"""nothing refers to a function that is gone"""
		gone = self.result.gone()
		self.assertEqual(kbuild.users("HEAD", gone), [])
		self.figures = f"{len(gone)} functions"


class Text(unittest.TestCase):
	@classmethod
	def setUpClass(cls):
		cls.sources = {path: ctext.Source(text)
			       for path, text in changed_sources().items()}

	def test_names(self):
		"""what takes a prototype names no VMA"""
		count = 0
		bad = []
		for path, source in self.sources.items():
			if path in CORE:
				continue
			for match in TAKES.finditer(source.code):
				end = ctext.matching(source.code, match.end() - 1)
				# Braces under #if need not be in pairs.
				if end < 0:
					end = source.code.index("\n}", match.end())
				count += 1
				for found in VMA.finditer(source.masked,
							  match.start(), end):
					bad.append(f"{path}:"
						   f"{source.line(found.start())}")
		self.assertEqual(bad, [], "\n".join(["", *bad]))
		self.assertGreater(count, 0)
		self.figures = f"{count} functions"

	def test_include(self):
		"""who looks into a prototype includes its header, once"""
		bad = []
		count = 0
		for path, source in self.sources.items():
			if not path.endswith(".c"):
				continue
			found = len(INCLUDE.findall(source.masked))
			needs = NEEDS.search(source.code) or \
				PROTO.search(source.code) and \
				MEMBER.search(source.code)
			# mm/vma.c has a header for all that it includes.
			if "vma_internal.h" in source.text:
				needs = None
			if found > 1 or needs and not found or \
			   found and not PROTO.search(source.code):
				bad.append(f"{path}: {found}")
			count += found
		self.assertEqual(bad, [], "\n".join(["", *bad]))
		self.figures = f"{count} files"

	def test_one_hook(self):
		"""no file has both hooks"""
		bad = []
		for path, source in self.sources.items():
			seen = {}
			for match in ENTRY.finditer(source.code):
				brace = ctext.enclosing_brace(source.code,
							      match.start())
				other = seen.setdefault(brace, match.group(1))
				if other != match.group(1):
					bad.append(f"{path}:"
						   f"{source.line(match.start())}")
		self.assertEqual(bad, [])


class Again(unittest.TestCase):
	def rows(self, folder):
		with open(os.path.join(folder, "hooks.csv"), encoding="utf-8",
			  errors="surrogateescape", newline="") as file:
			return list(csv.DictReader(file))

	def lay_out(self, folder):
		"""Write what convert.py was given, as it is in the tree now, to
		@folder; returns {full path: bytes}."""
		given = os.path.join(kbuild.BUILD, "convert", "tree")
		texts = {}
		for top, _, names in os.walk(given):
			for name in names:
				path = os.path.relpath(os.path.join(top, name),
						       given)
				full = os.path.join(folder, path)
				os.makedirs(os.path.dirname(full), exist_ok=True)
				shutil.copyfile(os.path.join(kbuild.COPY, path),
						full)
				with open(full, "rb") as file:
					texts[full] = file.read()
		return texts

	def test_again(self):
		"""to convert the tree again changes nothing"""
		before = self.rows(os.path.join(kbuild.BUILD, "report"))
		folder = tempfile.mkdtemp(prefix="again-", dir=kbuild.CHECK)
		self.addCleanup(shutil.rmtree, folder)
		tree = os.path.join(folder, "tree")
		cache = os.path.join(folder, "cache")
		kbuild.checkout(kbuild.head())
		texts = self.lay_out(tree)
		# What was not converted has been examined already.
		shutil.copytree(os.path.join(kbuild.BUILD, "cache", "convert"),
				cache)
		subprocess.run([os.path.join(LIBRARY, "convert.py"), "tree",
				"--tree", tree, "--report", folder,
				"--cache", cache], check=True)
		for full, text in texts.items():
			with open(full, "rb") as file:
				self.assertEqual(file.read(), text, full)
		after = self.rows(folder)

		def refused(rows):
			return {(row["file"], row["hook"], row["reason"])
				for row in rows if row["result"] == "refused"}

		self.assertEqual(refused(after), refused(before))
		done = [row for row in after if row["result"] == "converted"]
		self.assertEqual([row for row in done if row["reason"] !=
				  "was converted already"], [])
		self.assertEqual(len(done), len([
			row for row in before if row["result"] == "converted"]))
		self.figures = (f"{len(texts)} files, {len(done)} converted, "
				f"{len(refused(after))} refused")


if __name__ == "__main__":
	tap.main()
