# SPDX-License-Identifier: GPL-2.0-only
"""Small kernels and overlays for the tests of the overlay tool."""

import atexit
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
import unittest

TOOL = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, TOOL)

LICENCE = "SPDX-License-Identifier: GPL-2.0-only\n"

MMAP_C = textwrap.dedent("""\
	// SPDX-License-Identifier: GPL-2.0
	#include <linux/mm.h>

	static int limit;

	/*
	 * Is the mapping charged?
	 */
	static inline int accountable(int flags)
	{
		return flags & 1;
	}

	/**
	 * map_region() - Map it.
	 */
	int map_region(int flags)
	{
		if (accountable(flags))
			charge(limit);
		return old_call(flags);
	}
	EXPORT_SYMBOL_GPL(map_region);

	int last(void)
	{
		return old_call(1);
	}
	""")

FILES = {
	"Makefile": "VERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 117\n"
		    "EXTRAVERSION =\n",
	".gitignore": "*.o\n",
	"mm/mmap.c": MMAP_C,
	"mm/vma.c": "// SPDX-License-Identifier: GPL-2.0\nint vma;\n",
	"mm/Kconfig": "menu \"MM\"\n\nconfig A\n\tbool\n\nendmenu\n",
	"include/linux/fs.h": "struct file_operations {\n\tint (*open)(void);\n"
			      "\tint (*mmap)(void);\n};\n",
	"drivers/char/mem.c": "#include <linux/fs.h>\n\n"
			      "static const struct file_operations ops = {\n"
			      "\t.mmap = mem_mmap,\n};\n",
	"drivers/char/quiet.c": "int quiet;\n",
	"fs/other.c": "/* may mmap too */\nint other;\n",
	"scripts/tool.sh": "#!/bin/sh\necho tool\n",
	"tools/testing/t.c": "/* mmap */\n",
}
EXECUTABLE = ("scripts/tool.sh",)
LINKS = {"fs/link.c": "other.c"}

SERIES = "# " + LICENCE + textwrap.dedent("""\
	# A comment.

	exclude scripts/overlay
	step mm/region.step
	step mm/hook.step
	""")


def step(subject="mm: do a thing", keys=""):
	"""The text of a step's file."""
	return f"# {LICENCE}{subject}\n\nBecause of the test.\n---\n{keys}"


# An overlay with every kind of edit.
OVERLAY = {
	"series": SERIES,
	"mm/region.step": step("mm: move map_region()",
			       "builds: mm/mmap.o mm/vma.o\n"),
	"mm/hook.step": step("mm: add the hook",
			     "adds: mm/hook.c include/linux/hook.h\n"),
	"mm/vma.c.region.move": "// " + LICENCE + "From: mm/mmap.c\n"
				"Function: accountable\nFunction: map_region\n",
	"mm/hook.c": "// " + LICENCE + "int hook;\n",
	"include/linux/hook.h": "/* " + LICENCE.strip() + " */\nextern int hook;\n",
	"include/linux/fs.h.hook.insert": LICENCE + "After: \tint (*mmap)(void);\n"
				"---\n\tint (*hook)(void);\n",
	"mm/vma.c.hook.cocci": "// " + LICENCE + textwrap.dedent("""\

	// Fires: 1
	@call@
	expression e;
	@@
	- old_call(e)
	+ new_call(e)
	"""),
	"mm/Kconfig.hook.append": "# " + LICENCE + "---\n\nconfig B\n\tbool\n",
}


def write(folder, files):
	"""Write {path: text or bytes, or None to remove} below @folder."""
	for path, data in files.items():
		full = os.path.join(folder, path)
		if data is None:
			os.unlink(full)
			continue
		os.makedirs(os.path.dirname(full), exist_ok=True)
		with open(full, "wb") as file:
			file.write(data if isinstance(data, bytes)
				   else data.encode())


def read(*path):
	"""The text of a file."""
	with open(os.path.join(*path), encoding="utf-8") as file:
		return file.read()


def git(folder, *arguments):
	"""The output of a git command in @folder; must succeed."""
	env = dict(os.environ, GIT_CONFIG_GLOBAL=os.devnull,
		   GIT_CONFIG_NOSYSTEM="1",
		   GIT_AUTHOR_NAME="t", GIT_AUTHOR_EMAIL="t@localhost",
		   GIT_COMMITTER_NAME="t", GIT_COMMITTER_EMAIL="t@localhost",
		   GIT_AUTHOR_DATE="1700000000 +0100",
		   GIT_COMMITTER_DATE="1700000000 +0100",
		   GIT_OPTIONAL_LOCKS="0")
	return subprocess.run(["git", "-C", folder, *arguments], check=True,
			      env=env, stdout=subprocess.PIPE,
			      stderr=subprocess.PIPE).stdout.decode()


def make_base(path, files=None):
	"""Make the bare repository @path with one commit of @files on base."""
	work = tempfile.mkdtemp(dir=os.path.dirname(path))
	write(work, FILES if files is None else files)
	if files is None:
		for name in EXECUTABLE:
			os.chmod(os.path.join(work, name), 0o755)
		for name, target in LINKS.items():
			os.symlink(target, os.path.join(work, name))
	git(work, "init", "-q", "-b", "base")
	git(work, "add", "-A", "-f")
	git(work, "commit", "-q", "-m", "base")
	git(work, "gc", "-q")
	shutil.rmtree(path, ignore_errors=True)
	os.rename(os.path.join(work, ".git"), path)
	git(path, "config", "core.bare", "true")
	shutil.rmtree(work)


_built = {}


class Case(unittest.TestCase):
	"""A test with a temporary folder: self.top with overlay/ and build/."""

	base_files = None
	# Memory, where there is some: git waits for disks a lot.
	parent = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None

	def setUp(self):
		self.top = tempfile.mkdtemp(prefix="overlay-", dir=self.parent)
		self.addCleanup(shutil.rmtree, self.top, ignore_errors=True)
		self.overlay = os.path.join(self.top, "overlay")
		self.base = os.path.join(self.top, "build", "base.git")
		self.tree = os.path.join(self.top, "build", "linux")
		self.report = os.path.join(self.top, "build", "report")
		os.makedirs(os.path.join(self.top, "build"))
		os.makedirs(self.overlay)

	def set_up_build(self, overlay=None):
		"""Make the base and write the overlay."""
		make_base(self.base, self.base_files)
		self.write(OVERLAY if overlay is None else overlay)

	def set_up_built(self, build=None):
		"""The same, built: copied from one that is built once per class.

		@build: makes it, if not set_up_build() and build()
		"""
		kind = type(self).__name__
		if kind not in _built:
			_built[kind] = tempfile.mkdtemp(prefix="overlay-",
							dir=self.parent)
			atexit.register(shutil.rmtree, _built[kind])
			if build:
				build()
			else:
				self.set_up_build()
				self.build()
			shutil.copytree(self.top, os.path.join(_built[kind], "top"),
					symlinks=True)
		else:
			shutil.rmtree(self.top)
			subprocess.run(["cp", "-a",
					os.path.join(_built[kind], "top"),
					self.top], check=True)

	def write(self, files):
		"""Write @files of the overlay."""
		write(self.overlay, files)

	def command(self, name="build", *more, tree=None):
		"""The command line of the tool."""
		build = os.path.join(self.top, "build")
		argv = [sys.executable, os.path.join(TOOL, "overlay.py"), name,
			"--root", self.overlay]
		if name != "check":
			argv += ["--base", self.base, "--tree", tree or self.tree,
				 "--cache", os.path.join(build, "cache")]
		if name == "build":
			argv += ["--report", self.report]
		return argv + list(more)

	def run_tool(self, name="build", *more, env=None):
		"""Run the tool; returns (exit status, output, errors)."""
		done = subprocess.run(self.command(name, *more),
				      stdout=subprocess.PIPE,
				      stderr=subprocess.PIPE, check=False,
				      env=dict(os.environ, **(env or {})))
		return done.returncode, done.stdout.decode(), done.stderr.decode()

	def build(self, *more):
		"""Build; must succeed. Returns what was printed."""
		status, out, err = self.run_tool("build", *more)
		self.assertEqual(status, 0, err)
		return out

	def fail_build(self, *texts, status=1):
		"""Build; must fail, say each of @texts, leave no leftovers."""
		got, _, err = self.run_tool()
		self.assertEqual(got, status, err)
		self.assertNotIn("Traceback", err)
		for text in texts:
			self.assertIn(text, err)
		self.assertFalse(os.path.lexists(self.tree + ".stage"))
		return err

	def result(self, path):
		"""The text of the file @path of the tree."""
		return read(self.tree, path)

	def whole(self):
		"""What must survive: files, HEAD; git must find nothing wrong."""
		git(self.tree, "fsck", "--strict")
		self.assertEqual(git(self.tree, "status", "--porcelain"), "")
		return contents(self.tree), git(self.tree, "rev-parse", "HEAD")


def contents(folder):
	"""A hash of the names, modes and contents below @folder, not .git."""
	digest = hashlib.sha256()
	for path, stat_ in sorted(walk(folder)):
		if path == ".git" or path.startswith(".git/"):
			continue
		digest.update(f"{path} {stat_.st_mode:o}\n".encode())
		full = os.path.join(folder, path)
		if os.path.islink(full):
			digest.update(os.readlink(full).encode())
		elif os.path.isfile(full):
			with open(full, "rb") as file:
				digest.update(file.read())
	return digest.hexdigest()


def stamps(folder):
	"""{path: (inode, time of change, time of status change, mode)}."""
	return {path: (stat_.st_ino, stat_.st_mtime_ns, stat_.st_ctime_ns,
		       stat_.st_mode)
		for path, stat_ in walk(folder)}


def walk(folder):
	"""Yield (relative path, lstat) of everything below @folder."""
	for top, folders, files in os.walk(folder):
		for name in folders + files:
			full = os.path.join(top, name)
			yield os.path.relpath(full, folder), os.lstat(full)
