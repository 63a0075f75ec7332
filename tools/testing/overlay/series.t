#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The series applies to the base, is clean, and compiles at each commit.

The conversions come last. No two of them change the same file, none changes a C
file that another one includes, and when a header changes the name of a hook, the
old name is gone from all of the tree in the same commit. So at its commit each
of their C files is compiled from the same text as at the end of the series, with
headers that differ in the declarations of other hooks alone. They are compiled
there, by converted.t and cross.t. The other commits are compiled one by one.

Works in the folder check beside $TREE, on a copy of it.
"""

import collections
import glob
import json
import os
import re
import subprocess
import sys
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
sys.path.insert(0, os.path.join(ROOT, "scripts", "overlay"))
sys.path.insert(0, os.path.join(ROOT, "scripts", "coccinelle", "mmap_proto"))
sys.path.insert(0, HERE)

import ctext
import kbuild
import patches
import tap
from kbuild import BUILD, COPY, TREE, commits, run, touched

SERIES = os.path.join(BUILD, "series")
# Two make the compiler slower, one makes modules of the same files: nothing else
# is compiled.
LEFT_OUT = ("debug.config", "kcsan.config", "kvm-module.config")
CONFIGS = sorted(path for path in glob.glob(os.path.join(
	ROOT, "tools/testing/qemu/configs/*.config"))
	if os.path.basename(path) not in LEFT_OUT) + \
	[os.path.join(HERE, "compile.config")]
# The findings that are not about a line: there is no entry for us, and some
# file systems are not to be changed without need.
REMINDERS = ("FILE_PATH_CHANGES", "OBSOLETE")
# What a line was before its hook was converted.
BEFORE = ((re.compile(r"struct vma_proto \*proto\b"),
	   "struct file *file, struct vm_area_struct *vma"),
	  (re.compile(r"\bproto->(start|end|flags|pgoff|page_prot|vm_ops|mm|"
		      r"private_data)\b"), r"vma->vm_\1"),
	  (re.compile(r"\bproto->file\b"), "file"),
	  (re.compile(r"\bvm_vm_"), "vm_"),
	  (re.compile(r"(\w)_proto\b"), r"\1"),
	  (re.compile(r"\s+"), ""))
# What checkpatch finds and is meant so: the kind, and how the line looks.
MEANT = tuple((kind, re.compile(pattern)) for kind, pattern in (
	# Without an MMU this errno of a hook means "make a private copy".
	("ENOSYS", r"\+static const int copy_instead = -ENOSYS;$"),
	("ENOSYS", r"\+\t\treturn -ENOSYS;$"),
	# Types that it does not know for such, and takes a product for.
	("SPACING", r"\+.*\bFIXTURE_DATA\(\w+\) \*self\b"),
	("SPACING", r"\+static __thread sigjmp_buf \*"),
	# The name of a namespace.
	("SPACING", r"\+MODULE_IMPORT_NS\(module:kvm\);$"),
	# Names of the C library.
	("CAMELCASE", r"\+.*\bElf64_[EP]hdr\b"),
	# What a program changes between sigsetjmp() and siglongjmp().
	("VOLATILE", r"\+(?:extern )?__thread volatile bool \w+;$"),
	("VOLATILE", r"\+\tvolatile int __ret = -EFAULT;"),
))
FINDING = re.compile(r"^.*?:(\d+): (?:ERROR|WARNING|CHECK):(\w+): (.*)$")
NAME = re.compile(r"[A-Za-z_]\w*")
INCLUDED = re.compile(r'^HEAD:(.*?):\s*#\s*include\s+"(.*\.c)"')
# What a configuration is for, in the file of the steps.
NOMMU = "nommu"
ARM = "arm:"


def setUpModule():
	kbuild.make_copy()


def steps():
	"""{commit: what it is built by} of the steps, which are not conversions."""
	with open(os.path.join(BUILD, "report", "overlay.json"),
		  encoding="utf-8") as file:
		return {step["commit"]: step["builds"]
			for step in json.load(file)["series"]}


def conversions():
	"""The commits behind the last step, in order."""
	known = steps()
	found = []
	for commit in commits():
		found = [] if commit in known else found + [commit]
	return found


class Apply(unittest.TestCase):
	def test_git_am(self):
		"""git am takes the patches on the base, and the tree comes of it"""
		written = patches.write(TREE, SERIES)
		before = run("git", "rev-parse", "HEAD^{tree}", folder=TREE)
		kbuild.checkout(patches.base_of(TREE))
		run("git", "am", "-q", *written)
		self.assertEqual(run("git", "rev-parse", "HEAD^{tree}"), before)
		self.figures = f"{len(written)} patches"


def as_before(line):
	"""@line without the names that a conversion gives, and without blanks."""
	for pattern, text in BEFORE:
		line = pattern.sub(text, line)
	return line


class Checkpatch(unittest.TestCase):
	def findings(self, path):
		"""Yield (line number, type, text) of what checkpatch finds."""
		done = subprocess.run(
			["scripts/checkpatch.pl", "--strict", "--terse",
			 "--show-types", path],
			cwd=TREE, env=kbuild.environment(), text=True,
			stdout=subprocess.PIPE, stderr=subprocess.PIPE)
		self.assertEqual(done.stderr, "")
		found = [FINDING.match(line)
			 for line in done.stdout.splitlines()
			 if not line.startswith("total: ")]
		self.assertNotIn(None, found, done.stdout)
		# It exits with 0 exactly when it has nothing to say.
		self.assertEqual(done.returncode == 0, not found)
		for match in found:
			yield int(match.group(1)), match.group(2), match.group(0)

	def test_clean(self):
		"""checkpatch --strict finds old lines and reminders alone"""
		moved = renamed = reminders = meant = 0
		bad = []
		for path in sorted(glob.glob(os.path.join(SERIES, "*.patch"))):
			with open(path, encoding="utf-8") as file:
				lines = file.read().split("\n")
			removed = {line[1:] for line in lines
				   if line.startswith("-")}
			before = {as_before(line) for line in removed}
			for number, kind, text in self.findings(path):
				line = lines[number - 1]
				if kind in REMINDERS:
					reminders += 1
				elif any(kind == one and pattern.match(line)
					 for one, pattern in MEANT):
					meant += 1
				elif line[:1] == "+" and line[1:] in removed:
					moved += 1
				elif line[:1] == "+" and \
				     as_before(line[1:]) in before:
					renamed += 1
				else:
					bad.append(text)
		self.assertEqual(bad, [], "\n".join(["", *bad]))
		self.figures = (f"{moved} on moved lines, {renamed} on renamed "
				f"ones, {reminders} reminders, {meant} "
				"that are meant so")


class Booted(kbuild.Configuration):
	"""The kernel that is booted, and what the series touches beyond it."""

	def __init__(self):
		super().__init__("x86", "x86", "", "allnoconfig")

	def configure(self):
		wanted = os.path.join(self.folder, "wanted.config")
		os.makedirs(self.folder, exist_ok=True)
		run("scripts/kconfig/merge_config.sh", "-m", "-O", self.folder,
		    *CONFIGS)
		os.rename(os.path.join(self.folder, ".config"), wanted)
		self.make(f"KCONFIG_ALLCONFIG={wanted}", "allnoconfig")
		self.forget()


class Compile(unittest.TestCase):
	"""One kbuild call for each commit and configuration."""

	def test_conversions(self):
		"""conversions do not depend on each other"""
		owner = {}
		headers = 0
		for commit in conversions():
			for path in touched(commit):
				self.assertRegex(path, r"\.[ch]$")
				self.assertNotIn(path, owner)
				owner[path] = commit
				if path.endswith(".h"):
					headers += 1
					self.assertEqual(kbuild.users(
						commit, self.gone(commit, path)),
						[], commit)
		lines = run("git", "grep", "-hE", "--full-name", "-H",
			    r'^\s*#\s*include\s+".*\.c"', "HEAD", "--", "*.[ch]",
			    folder=TREE).splitlines()
		for match in map(INCLUDED.match, lines):
			folder = os.path.dirname(match.group(1))
			for place in (folder, "."):
				self.assertNotIn(os.path.normpath(os.path.join(
					place, match.group(2))), owner)
		self.figures = (f"{len(conversions())} commits, "
				f"{len(owner)} files, {headers} of them headers")

	def gone(self, commit, path):
		"""The identifiers that @commit removes from the header @path."""
		old, new = (set(NAME.findall(ctext.mask(kbuild.show(at, path))))
			    for at in (commit + "^", commit))
		return {name for name in old - new if "mmap" in name}

	def place(self, path):
		"""The name of the configuration that compiles @path at each
		commit, and the object; None for one that only cross.t has."""
		name, goal = self.plan.place(path)
		if name == self.plan.first.name and self.small.enabled(goal):
			return self.small.name, goal
		return (name, goal) if name in self.usable else (None, goal)

	def goals(self, commit, builds):
		"""({configuration: objects}, folders of tools) for @commit.

		Every C file of the kernel that it touches is among them, but for
		those that only cross.t compiles, which are under None.
		"""
		objects = collections.defaultdict(set)
		folders = set()
		for goal in builds:
			if goal.endswith("/"):
				folders.add(goal)
			elif goal.startswith(ARM):
				objects[NOMMU].add(goal[len(ARM):])
			else:
				name, goal = self.place(goal[:-2] + ".c")
				objects[name].add(goal)
		for path in touched(commit):
			if path.endswith(".c") and \
			   not path.startswith(kbuild.OUTSIDE):
				name, goal = self.place(path)
				objects[name].add(goal)
		return objects, folders

	def configure(self):
		for configuration in self.usable.values():
			configuration.configure()

	def test_every_commit(self):
		"""every commit of a step compiles"""
		self.plan = kbuild.Plan()
		self.small = Booted()
		self.usable = {c.name: c for c in
			       [self.small, *self.plan.configurations]
			       if c.name in (self.small.name, NOMMU,
					     self.plan.first.name)}
		begun = time.monotonic()
		built = calls = elsewhere = 0
		known = steps()
		kbuild.checkout(patches.base_of(TREE))
		self.configure()
		for commit in commits():
			if commit not in known:
				continue
			kbuild.checkout(commit)
			# A new option is set from the commit on that has it.
			if any(os.path.basename(path).startswith("Kconfig")
			       for path in touched(commit)):
				self.configure()
			for configuration in self.usable.values():
				configuration.forget()
			objects, folders = self.goals(commit, known[commit])
			elsewhere += len(objects.pop(None, ()))
			for name, goals in objects.items():
				configuration = self.usable[name]
				warnings = configuration.make(*sorted(goals))
				self.assertNotIn("warning:", warnings)
				for goal in goals:
					self.assertTrue(configuration.built(goal),
							goal)
				built += len(goals)
				calls += 1
			for folder in sorted(folders):
				run("make", "-s", "-C", folder)
		self.assertGreater(built, 0)
		self.figures = (f"{len(known)} commits, {built} objects, "
				f"{calls} calls of kbuild, {elsewhere} for another "
				f"machine, {time.monotonic() - begun:.0f} s")


if __name__ == "__main__":
	tap.main()
