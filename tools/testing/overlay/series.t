#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The series applies to the base, is clean, and compiles at each commit.

Works in the folder check beside $TREE, on a copy of it.
"""

import glob
import json
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
import tap

TREE = os.environ.get("TREE", os.path.join(ROOT, "build", "linux"))
BUILD = os.path.dirname(TREE)
SERIES = os.path.join(BUILD, "series")
CHECK = os.path.join(BUILD, "check")
COPY = os.path.join(CHECK, "linux")
# debug.config makes the compiler slower, and nothing else compile.
CONFIGS = sorted(path for path in glob.glob(os.path.join(
	ROOT, "tools/testing/qemu/configs/*.config"))
	if os.path.basename(path) != "debug.config") + \
	[os.path.join(HERE, "compile.config")]
# The only finding that is not about a line: there is no entry for us.
REMINDER = "FILE_PATH_CHANGES"
# Without an MMU this errno of a hook means "make a private copy".
MEANT = (("ENOSYS", "+static const int copy_instead = -ENOSYS;"),
	 ("ENOSYS", "+\t\treturn -ENOSYS;"))
FINDING = re.compile(r"^.*?:(\d+): (?:ERROR|WARNING|CHECK):(\w+): (.*)$")


def environment():
	"""Debian's own python3 runs the kernel's scripts: it has their modules."""
	env = dict(os.environ)
	env["PATH"] = "/usr/bin:/bin:" + env["PATH"]
	for name in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "KSRC", "BUILD"):
		env.pop(name, None)
	env.update({"GIT_CONFIG_GLOBAL": os.devnull,
		    "CCACHE_DEPEND": "true",
		    "GIT_COMMITTER_NAME": "mmap-proto",
		    "GIT_COMMITTER_EMAIL": "mmap-proto@localhost"})
	return env


def run(*argv, folder=COPY):
	"""Run @argv in @folder; returns its output. Raises AssertionError."""
	done = subprocess.run(argv, cwd=folder, env=environment(), text=True,
			      errors="replace", stdout=subprocess.PIPE,
			      stderr=subprocess.STDOUT)
	if done.returncode:
		raise AssertionError(f"{' '.join(argv)} exited with "
				     f"{done.returncode}:\n{done.stdout[-4000:]}")
	return done.stdout


def setUpModule():
	shutil.rmtree(COPY, ignore_errors=True)
	os.makedirs(CHECK, exist_ok=True)
	# Links suffice: git writes new files and renames them into place. What
	# was built in the tree, a compiler might write to in place.
	run("cp", "-al", TREE, COPY, folder=CHECK)
	run("git", "config", "core.trustctime", "false")
	run("git", "clean", "-fdxq")


def commits():
	"""The ids of the commits of the series, in order."""
	base = patches.base_of(TREE)
	return run("git", "rev-list", "--reverse", f"{base}..HEAD",
		   folder=TREE).split()


class Apply(unittest.TestCase):
	def test_git_am(self):
		"""git am takes the patches on the base, and the tree comes of it"""
		written = patches.write(TREE, SERIES)
		before = run("git", "rev-parse", "HEAD^{tree}", folder=TREE)
		run("git", "checkout", "-q", "-f", "--detach",
		    patches.base_of(TREE))
		run("git", "am", "-q", *written)
		self.assertEqual(run("git", "rev-parse", "HEAD^{tree}"), before)
		self.figures = f"{len(written)} patches"


class Checkpatch(unittest.TestCase):
	def findings(self, path):
		"""Yield (line number, type, text) of what checkpatch finds."""
		done = subprocess.run(
			["scripts/checkpatch.pl", "--strict", "--terse",
			 "--show-types", path],
			cwd=TREE, env=environment(), text=True,
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
		"""checkpatch --strict finds moved lines and the reminder alone"""
		moved = reminders = meant = 0
		bad = []
		for path in sorted(glob.glob(os.path.join(SERIES, "*.patch"))):
			with open(path, encoding="utf-8") as file:
				lines = file.read().split("\n")
			removed = {line[1:] for line in lines
				   if line.startswith("-")}
			for number, kind, text in self.findings(path):
				line = lines[number - 1]
				if kind == REMINDER:
					reminders += 1
				elif (kind, line) in MEANT:
					meant += 1
				elif line[:1] == "+" and line[1:] in removed:
					moved += 1
				else:
					bad.append(text)
		self.assertEqual(bad, [])
		self.figures = (f"{moved} on moved lines, {reminders} reminders, "
				f"{meant} of an errno that is meant")


class Compile(unittest.TestCase):
	"""One kbuild call for each commit and architecture."""

	def kbuild(self, arch, *goals):
		cross = "arm-linux-gnueabi-" if arch == "arm" else ""
		ccache = "ccache " if shutil.which("ccache") else ""
		return run("make", "-s", f"-j{os.cpu_count()}", f"ARCH={arch}",
			   f"O={os.path.join(CHECK, arch)}", "LOCALVERSION=",
			   f"CROSS_COMPILE={cross}", f"CC={ccache}{cross}gcc",
			   *goals)

	def configure_x86(self):
		out = os.path.join(CHECK, "x86")
		run("scripts/kconfig/merge_config.sh", "-m", "-O", out,
		    *CONFIGS)
		os.rename(os.path.join(out, ".config"),
			  os.path.join(out, "wanted.config"))
		self.kbuild("x86", "KCONFIG_ALLCONFIG="
			    + os.path.join(out, "wanted.config"), "allnoconfig")

	def configure_arm(self):
		"""A board without MMU, on which programs are FDPIC."""
		self.kbuild("arm", "mps2_defconfig")
		run("scripts/config", "--file",
		    os.path.join(CHECK, "arm", ".config"),
		    "-e", "BINFMT_ELF_FDPIC")
		self.kbuild("arm", "olddefconfig")

	def touched(self, commit):
		"""The files that @commit changes."""
		return run("git", "diff-tree", "-r", "--no-commit-id",
			   "--name-only", commit).split()

	def touches_kconfig(self, commit):
		return any(os.path.basename(path).startswith("Kconfig")
			   for path in self.touched(commit))

	def goals(self, commit, builds):
		"""{arch: objects} and folders of tools that @commit is built by.

		Every C file of the kernel that it touches is among them, but for
		those that @builds names for another architecture, or through the
		folder whose Makefile they belong to ("amdgpu/../amdkfd/x.o").
		"""
		objects = {"x86": set(), "arm": set()}
		folders = set()
		for goal in builds:
			arch, colon, path = goal.rpartition(":")
			if goal.endswith("/"):
				folders.add(goal)
			else:
				objects[arch if colon else "x86"].add(path)
		named = {os.path.normpath(path)
			 for path in objects["x86"] | objects["arm"]}
		for path in self.touched(commit):
			if path.endswith(".c") and \
			   not path.startswith(("tools/", "scripts/")) and \
			   path[:-2] + ".o" not in named:
				objects["x86"].add(path[:-2] + ".o")
		return objects, folders

	def test_every_commit(self):
		"""every commit compiles"""
		with open(os.path.join(BUILD, "report", "overlay.json"),
			  encoding="utf-8") as file:
			builds = {step["commit"]: step["builds"]
				  for step in json.load(file)["series"]}
		begun = time.monotonic()
		built = calls = 0
		for arch in ("x86", "arm"):
			os.makedirs(os.path.join(CHECK, arch), exist_ok=True)
		run("git", "checkout", "-q", "-f", "--detach",
		    patches.base_of(TREE))
		self.configure_x86()
		self.configure_arm()
		for commit in commits():
			run("git", "checkout", "-q", "-f", "--detach", commit)
			# A new option is set from the commit on that has it.
			if self.touches_kconfig(commit):
				self.configure_x86()
				self.configure_arm()
			objects, folders = self.goals(commit,
						      builds.get(commit, ()))
			for arch, paths in objects.items():
				if not paths:
					continue
				warnings = self.kbuild(arch, *sorted(paths))
				self.assertNotIn("warning:", warnings)
				for path in paths:
					self.assertTrue(os.path.exists(
						os.path.join(CHECK, arch, path)))
				built += len(paths)
				calls += 1
			for folder in sorted(folders):
				run("make", "-s", "-C", folder)
		self.assertGreater(built, 0)
		self.figures = (f"{len(commits())} commits, {built} objects, "
				f"{calls} calls of kbuild, "
				f"{time.monotonic() - begun:.0f} s")


if __name__ == "__main__":
	tap.main()
