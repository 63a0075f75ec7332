#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The base repository: from a tarball or a tree, read only, replaced whole.

A small tmpfs, for the disk that fills up, is mounted in a mount namespace of
the test's own.
"""

import os
import sys

if "OVERLAY_TEST_NAMESPACE" not in os.environ:
	os.environ["OVERLAY_TEST_NAMESPACE"] = "1"
	os.execvp("unshare", ["unshare", "-m" if os.getuid() == 0 else "-rm",
			      "--propagation", "private", sys.executable,
			      os.path.abspath(__file__), *sys.argv[1:]])

import errno
import fcntl
import io
import random
import shutil
import signal
import subprocess
import tarfile
import tempfile
import time
import traceback
import unittest

import fixture
from fixture import TOOL, git, read, stamps, write
import base
import tap
import tree as worktree

KERNEL = {
	"Makefile": "# SPDX\nVERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 117\n",
	"mm/mmap.c": "int mmap;\n",
	"scripts/tool.sh": "#!/bin/sh\n",
	".gitignore": "*.o\n",
}
EXECUTABLE = ("scripts/tool.sh",)
# What a file may be called, and what its link may point to.
ODD = ["with space", 'a "quote"', "back\\slash", "new\nline", "tab\there",
       "\u00fcml\u00e4ut \u4e2d.c", "-dash", "$HOME `id`;", "'", "\udcff\udcfe",
       "deep/er/and deeper/x"]
OVERLAY = dict(fixture.OVERLAY)
OVERLAY["mm/hook.step"] = fixture.step("mm: add the hook",
				       "adds: mm/hook.c include/hooks/\n")
OVERLAY["include/hooks/claimed_by_folder.h"] = \
	OVERLAY.pop("include/linux/hook.h")


def whole(folder):
	"""All that a reader of @folder could notice; time of access left out."""
	found = {"": os.lstat(folder).st_mtime_ns}
	for path, stat_ in stamps(folder).items():
		full = os.path.join(folder, path)
		data = b""
		if os.path.islink(full):
			data = os.fsencode(os.readlink(full))
		elif os.path.isfile(full):
			with open(full, "rb") as file:
				data = file.read()
		found[path] = stat_, data
	return found


class Case(unittest.TestCase):
	def setUp(self):
		self.top = tempfile.mkdtemp(prefix="base-",
					    dir=fixture.Case.parent)
		self.addCleanup(shutil.rmtree, self.top, ignore_errors=True)
		self.kdir = os.path.join(self.top, "kdir")
		self.tarball = os.path.join(self.top, "linux.tar.xz")
		self.build = os.path.join(self.top, "build")
		self.output = os.path.join(self.build, "base.git")
		self.overlay = os.path.join(self.top, "overlay")
		write(self.overlay, OVERLAY)

	def kernel(self, more=None):
		"""Write a kernel with the files @more to self.kdir."""
		write(self.kdir, dict(KERNEL, **(more or {})))
		for name in EXECUTABLE:
			os.chmod(os.path.join(self.kdir, name), 0o755)

	def commit(self):
		"""Make self.kdir a git tree that tracks all that is not ignored."""
		git(self.kdir, "init", "-q")
		git(self.kdir, "add", "-A")
		git(self.kdir, "commit", "-q", "-m", "kernel")

	def pack(self, files=None, more=()):
		"""Write @files and the TarInfo @more to self.tarball."""
		data = io.BytesIO()
		with tarfile.open(fileobj=data, mode="w") as archive:
			top = tarfile.TarInfo("linux-source-6.12")
			top.type = tarfile.DIRTYPE
			archive.addfile(top)
			for path, text in (KERNEL if files is None
					   else files).items():
				content = text if isinstance(text, bytes) \
					else text.encode()
				entry = tarfile.TarInfo(top.name + "/" + path)
				entry.size = len(content)
				entry.mtime = 1700000000
				entry.mode = 0o755 if path in EXECUTABLE else 0o644
				archive.addfile(entry, io.BytesIO(content))
			for entry in more:
				archive.addfile(entry)
		with open(self.tarball, "wb") as file:
			file.write(subprocess.run(
				["xz", "-0c"], input=data.getvalue(), check=True,
				stdout=subprocess.PIPE).stdout)

	def command(self, kdir=False):
		argv = [sys.executable, os.path.join(TOOL, "base.py"), "--output",
			self.output, "--root", self.overlay, "--tarball",
			self.tarball]
		return argv + (["--kdir", self.kdir] if kdir else [])

	def run_tool(self, kdir=False, **options):
		"""Run base.py; returns (exit status, what it said).

		@options of subprocess.run() ask for a process of its own.
		"""
		if options:
			done = subprocess.run(self.command(kdir), check=False,
					      stdout=subprocess.PIPE,
					      stderr=subprocess.STDOUT, **options)
			status = done.returncode
			said = done.stdout.decode("utf-8", "replace")
		else:
			status, said = self.forked(kdir=kdir)
		self.assertNotIn("Traceback", said)
		self.assertNotIn("Exception ignored", said)
		return status, said

	def forked(self, prepare=None, kdir=False):
		"""Run in a forked process after @prepare(): (status, what it said)."""
		name = os.path.join(self.top, "said")
		sys.stdout.flush()
		pid = os.fork()
		if not pid:
			os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC),
				2)
			status = 99
			try:
				if prepare:
					prepare()
				sys.argv = self.command(kdir)[1:]
				status = base.main()
			except BaseException:
				traceback.print_exc()
			finally:
				sys.stderr.flush()
				os._exit(status)
		status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
		return status, read(name)

	def make(self, kdir=False):
		"""Run base.py, which must succeed; returns what it said."""
		status, said = self.run_tool(kdir)
		self.assertEqual(status, 0, said)
		self.assertEqual([name for name in os.listdir(self.build)
				  if name not in ("base.git", "base.git.lock",
						  "kdir")], [])
		return said

	def refuse(self, *texts, kdir=False, **options):
		"""Run base.py: must fail with one message that says @texts."""
		status, said = self.run_tool(kdir, **options)
		self.assertEqual(status, 1, said)
		for text in texts:
			self.assertIn(text, said)
		lines = [line for line in said.splitlines()
			 if not line.startswith(("reading the kernel", "    "))]
		self.assertEqual(len(lines), 1, said)
		self.assertRegex(lines[0], r"^base: [A-Z/].*[.:]$")
		return said

	def listing(self):
		"""{path: mode, type and id} of what the repository holds."""
		found = {}
		for line in git(self.output, "ls-tree", "-r", "-z",
				"base").split("\0"):
			if line:
				head, _, path = line.partition("\t")
				found[path] = head
		return found

	def blob(self, path):
		return git(self.output, "cat-file", "blob", "base:" + path)

	def fsck(self):
		git(self.output, "fsck", "--strict")

	def commit_id(self):
		return git(self.output, "rev-parse", "base")


class Refused(Case):
	"""A source that cannot be used: an error, and nothing is written."""

	def refuse_kdir(self, *texts):
		before = whole(self.kdir)
		said = self.refuse("KDIR=" + self.kdir, *texts, kdir=True)
		self.assertEqual(whole(self.kdir), before)
		self.assertFalse(os.path.lexists(self.build), said)

	def both(self, *texts):
		"""Refused as it is, and as a git tree too."""
		self.refuse_kdir(*texts)
		self.commit()
		self.refuse_kdir(*texts)

	def test_no_kernel(self):
		"""KDIR that is no kernel tree"""
		write(self.kdir, {"Makefile": "all:\n", "mm/mmap.c": ""})
		self.both("is not a kernel tree", "Name the folder")

	def test_no_mm(self):
		"""KDIR that has the Makefile of a kernel, and no mm"""
		write(self.kdir, {"Makefile": KERNEL["Makefile"]})
		self.both("is not a kernel tree", "Name the folder")

	def test_no_folder(self):
		"""KDIR that does not exist, or is a file"""
		self.refuse("is not a kernel tree", "Name the folder", kdir=True)
		self.assertFalse(os.path.lexists(self.build))
		write(self.top, {"kdir": "VERSION = 6\n"})
		self.refuse("is not a kernel tree", "Name the folder", kdir=True)
		self.assertFalse(os.path.lexists(self.build))

	def test_other_version(self):
		"""KDIR that is another version: 6.11, 7.0, 6.13"""
		for version in ((6, 11), (7, 0), (6, 13)):
			with self.subTest(version=version):
				shutil.rmtree(self.kdir, ignore_errors=True)
				self.kernel({"Makefile": "VERSION = %d\n"
					     "PATCHLEVEL = %d\nSUBLEVEL = 3\n"
					     % version})
				self.both("is Linux %d.%d," % version,
					  "for 6.12", "Name a 6.12 tree")

	def test_patched(self):
		"""KDIR that has a file which the overlay adds"""
		self.kernel({"mm/hook.c": "int hook;\n"})
		self.both("patched already", "mm/hook.c", "Name a tree without it")

	def test_patched_folder(self):
		"""KDIR that has a file below a folder which the overlay adds"""
		self.kernel({"include/hooks/claimed_by_folder.h": ""})
		self.both("patched already", "include/hooks/claimed_by_folder.h")

	def test_built(self):
		"""KDIR without git that has been built in"""
		for name in (".config", "include/config/auto.conf",
			     "include/generated/autoconf.h", "vmlinux"):
			with self.subTest(name=name):
				shutil.rmtree(self.kdir, ignore_errors=True)
				self.kernel({name: "x"})
				self.refuse_kdir("has been built in", "mrproper")

	def test_unreadable(self):
		"""KDIR that has a folder which cannot be read"""
		self.kernel({"mm/secret/x.c": "int x;\n"})
		os.chmod(self.top, 0o777)
		os.chmod(os.path.join(self.kdir, "mm/secret"), 0)

		def become_nobody():
			if os.getuid() == 0:
				os.setgroups([])
				os.setgid(65534)
				os.setuid(65534)

		status, said = self.forked(become_nobody, kdir=True)
		self.assertEqual(status, 1)
		self.assertIn(os.path.join(self.kdir, "mm/secret"), said)
		self.assertIn("Permission denied", said)
		self.assertFalse(os.path.lexists(self.build))

	def test_no_tarball(self):
		"""no package"""
		self.refuse("There is no " + self.tarball, "Install the package "
			    "linux-source-6.12", "KDIR=")
		self.assertFalse(os.path.lexists(self.build))

	def test_other_tarball(self):
		"""a tarball of another version"""
		self.pack(dict(KERNEL, Makefile="VERSION = 6\nPATCHLEVEL = 13\n"
			       "SUBLEVEL = 1\n"))
		self.refuse("holds Linux 6.13", "for 6.12")
		self.assertFalse(os.path.lexists(self.output))
		self.assertFalse(os.path.lexists(self.output + ".new"))

	def test_odd_tarball(self):
		"""a tarball without a Makefile, or with what git cannot hold"""
		self.pack({"mm/mmap.c": ""})
		self.refuse("no Makefile")
		entry = tarfile.TarInfo("linux-source-6.12/mm/linked.c")
		entry.type = tarfile.LNKTYPE
		entry.linkname = "linux-source-6.12/mm/mmap.c"
		self.pack(more=[entry])
		self.refuse("mm/linked.c", "neither")
		self.assertFalse(os.path.lexists(self.output))


class Taken(Case):
	"""What is taken from a source, and how."""

	def test_tarball(self):
		"""a tarball: contents, x bits, links, the version, the branch"""
		link = tarfile.TarInfo("linux-source-6.12/mm/link.c")
		link.type = tarfile.SYMTYPE
		link.linkname = "mmap.c"
		self.pack(more=[link])
		self.make()
		files = self.listing()
		self.assertEqual(sorted(files), sorted([*KERNEL, "mm/link.c"]))
		for path, text in KERNEL.items():
			self.assertEqual(self.blob(path), text)
			self.assertEqual(files[path][:6], "100755" if path in
					 EXECUTABLE else "100644")
		self.assertEqual(files["mm/link.c"][:6], "120000")
		self.assertEqual(self.blob("mm/link.c"), "mmap.c")
		self.assertEqual(git(self.output, "log", "--format=%an %s %ct",
				     "base"),
				 "mmap-proto Linux 6.12.117 1700000000\n")
		self.assertEqual(len([name for name in os.listdir(os.path.join(
			self.output, "objects/pack"))
			if name.endswith(".pack")]), 1)

	def odd(self):
		"""Odd names as files, x bits and links; returns what git holds."""
		self.kernel()
		wanted = {}
		for number, name in enumerate(ODD):
			path = os.path.join(self.kdir, "odd", name)
			os.makedirs(os.path.dirname(path), exist_ok=True)
			with open(path, "wb") as file:
				file.write(b"%d\0\xff\r\n" % number * number)
			if number % 2:
				os.chmod(path, 0o755)
			os.symlink("../" + name, path + ".link")
			blob = git(self.kdir, "hash-object", "--no-filters",
				   path).strip()
			wanted["odd/" + name] = \
				f"100{755 if number % 2 else 644} blob {blob}"
		return wanted

	def check_odd(self, wanted):
		# Names are bytes, which git() of the fixture cannot show.
		out = subprocess.run(
			["git", "-C", self.output, "ls-tree", "-r", "-z", "base",
			 "odd/"], check=True, stdout=subprocess.PIPE).stdout
		found = {}
		for line in os.fsdecode(out).split("\0"):
			head, _, path = line.partition("\t")
			if path:
				found[path] = head
		links = {path: found.pop(path) for path in list(found)
			 if path.endswith(".link")}
		self.assertEqual(found, wanted)
		self.assertEqual(len(links), len(ODD))
		for path, head in links.items():
			mode, _, blob = head.split()
			self.assertEqual(mode, "120000")
			out = subprocess.run(
				["git", "-C", self.output, "cat-file", "blob",
				 blob], check=True, stdout=subprocess.PIPE).stdout
			self.assertEqual(os.fsdecode(out),
					 "../" + path[len("odd/"):-len(".link")])
		git(self.output, "fsck", "--strict")

	def test_odd(self):
		"""odd names, bytes, x bits and links survive; KDIR is left alone"""
		wanted = self.odd()
		before = whole(self.kdir)
		self.make(kdir=True)
		self.check_odd(wanted)
		self.assertEqual(whole(self.kdir), before)

	def test_odd_git(self):
		"""the same of a git tree"""
		wanted = self.odd()
		self.commit()
		before = whole(self.kdir)
		self.make(kdir=True)
		self.check_odd(wanted)
		self.assertEqual(whole(self.kdir), before)

	def test_odd_place(self):
		"""a KDIR that has itself an odd name, links to folders in it"""
		self.kdir = os.path.join(self.top, "k \"d\"\n\udcff")
		self.kernel()
		os.symlink("mm", os.path.join(self.kdir, "linked"))
		os.symlink("nowhere", os.path.join(self.kdir, "dangling"))
		self.make(kdir=True)
		self.assertEqual(sorted(self.listing()),
				 sorted([*KERNEL, "linked", "dangling"]))
		before = stamps(self.output)
		self.make(kdir=True)
		self.assertEqual(stamps(self.output), before)

	def test_git(self):
		"""a git tree: tracked files alone, as they are in the work tree"""
		self.kernel({"mm/changed.c": "old\n", "mm/staged.c": "old\n",
			     "mm/gone.c": "x\n", "mm/x.c": "x\n",
			     "mm/tracked.o": "x\n"})
		self.commit()
		git(self.kdir, "add", "-f", "mm/tracked.o")
		write(self.kdir, {"mm/changed.c": "changed\n",
				  "mm/staged.c": "new\n", "mm/gone.c": None,
				  "mm/untracked.c": "x\n", "mm/ignored.o": "x\n",
				  "mm/added.c": "added\n", ".config": "x\n",
				  "vmlinux": "x\n", "include/generated/x.h": ""})
		git(self.kdir, "add", "mm/staged.c", "mm/added.c")
		os.chmod(os.path.join(self.kdir, "mm/x.c"), 0o755)
		before = whole(self.kdir)
		index = read(self.kdir, ".git/HEAD"), os.stat(
			os.path.join(self.kdir, ".git/index"))
		self.make(kdir=True)
		self.assertEqual(sorted(self.listing()), sorted(
			[*KERNEL, "mm/changed.c", "mm/staged.c", "mm/x.c",
			 "mm/tracked.o", "mm/added.c"]))
		self.assertEqual(self.blob("mm/changed.c"), "changed\n")
		self.assertEqual(self.blob("mm/staged.c"), "new\n")
		self.assertEqual(self.blob("mm/added.c"), "added\n")
		self.assertEqual(self.listing()["mm/x.c"][:6], "100755")
		self.assertEqual(whole(self.kdir), before)
		after = os.stat(os.path.join(self.kdir, ".git/index"))
		self.assertEqual(after.st_mtime_ns, index[1].st_mtime_ns)
		self.assertEqual(after.st_ino, index[1].st_ino)

	def test_git_linked(self):
		"""a work tree of another repository; files in conflict"""
		self.kernel({"mm/x.c": "0\n"})
		self.commit()
		git(self.kdir, "checkout", "-q", "-b", "other")
		write(self.kdir, {"mm/x.c": "1\n"})
		git(self.kdir, "commit", "-q", "-a", "-m", "1")
		main = self.kdir
		self.kdir = os.path.join(self.top, "linked")
		git(main, "worktree", "add", "-q", "-b", "mine", self.kdir,
		    "other~")
		write(self.kdir, {"mm/x.c": "2\n"})
		git(self.kdir, "commit", "-q", "-a", "-m", "2")
		with self.assertRaises(subprocess.CalledProcessError):
			git(self.kdir, "merge", "-q", "other")
		self.make(kdir=True)
		self.assertEqual(sorted(self.listing()),
				 sorted([*KERNEL, "mm/x.c"]))
		self.assertEqual(self.blob("mm/x.c"), read(self.kdir, "mm/x.c"))
		source = base.Folder(self.kdir, [])
		self.assertEqual(len(source.paths), len(set(source.paths)))

	def test_git_settings(self):
		"""a git tree whose settings run programs: none is run"""
		self.kernel()
		self.commit()
		ran = os.path.join(self.top, "ran")
		hook = os.path.join(self.top, "hook")
		write(self.top, {"hook": f"#!/bin/sh\ntouch '{ran}'\n"})
		os.chmod(hook, 0o755)
		git(self.kdir, "config", "core.fsmonitor", hook)
		git(self.kdir, "status")
		self.assertTrue(os.path.exists(ran))
		os.unlink(ran)
		self.make(kdir=True)
		self.assertFalse(os.path.exists(ran))

	@unittest.skipIf(os.getuid(), "needs root to give a file away")
	def test_git_owner(self):
		"""a git tree that belongs to another user"""
		self.kernel()
		self.commit()
		for path, _ in fixture.walk(self.kdir):
			os.chown(os.path.join(self.kdir, path), 65534, 65534)
		os.chown(self.kdir, 65534, 65534)
		self.make(kdir=True)
		self.assertEqual(sorted(self.listing()), sorted(KERNEL))

	def test_deterministic(self):
		"""the same input gives the same commit, whatever git is set to"""
		self.kernel()
		self.make(kdir=True)
		first = self.commit_id()
		shutil.rmtree(self.output)
		config = os.path.join(self.top, "config")
		write(self.top, {"config": "[user]\n\tname = x\n[core]\n"
				 "\tautocrlf = true\n[init]\n"
				 "\tdefaultObjectFormat = sha256\n"})
		status, said = self.run_tool(True, env=dict(
			os.environ, GIT_CONFIG_GLOBAL=config, TZ="Asia/Tokyo",
			GIT_COMMITTER_DATE="1 +0000", GIT_DEFAULT_HASH="sha256"))
		self.assertEqual(status, 0, said)
		self.assertEqual(self.commit_id(), first)
		self.pack()
		self.make()
		first = self.commit_id()
		shutil.rmtree(self.output)
		self.make()
		self.assertEqual(self.commit_id(), first)

	def test_date(self):
		"""no time stamp of a file is in the commit, HEAD's date is"""
		self.kernel()
		git(self.kdir, "init", "-q")
		for dated in ("plain", "unborn", "committed"):
			if dated == "plain":
				os.rename(self.kdir + "/.git", self.top + "/.git~")
			elif dated == "unborn":
				os.rename(self.top + "/.git~", self.kdir + "/.git")
				git(self.kdir, "add", "-A")
			else:
				git(self.kdir, "commit", "-q", "-m", "kernel")
			seen = set()
			for stamp in (1500000000, 1600000000):
				os.utime(self.kdir + "/Makefile", (stamp, stamp))
				self.make(kdir=True)
				seen.add(self.commit_id())
			self.assertEqual(len(seen), 1, dated)
		date = git(self.output, "log", "-1", "--format=%ct", "base")
		self.assertEqual(date, "1700000000\n")

	def test_warning(self):
		"""a version that was not tested: a warning that names both"""
		tested = base.tested_version()
		self.assertRegex(tested, r"^6\.12\.\d+$")
		for sublevel in (1, int(tested.split(".")[2]) + 1):
			self.pack(dict(KERNEL, Makefile="VERSION = 6\nPATCHLEVEL"
				       f" = 12\nSUBLEVEL = {sublevel}\n"))
			# Said each time, not only when the repository is made.
			for _ in range(2):
				said = self.make()
				self.assertIn(f"warning: the base is Linux 6.12."
					      f"{sublevel};", said)
				self.assertIn(tested, said)
		self.pack(dict(KERNEL, Makefile="VERSION = 6\nPATCHLEVEL = 12\n"
			       f"SUBLEVEL = {tested.split('.')[2]}\n"))
		self.assertNotIn("warning", self.make())


class Again(Case):
	"""What a later run does."""

	def test_unchanged(self):
		"""nothing has changed: the repository is left alone"""
		self.kernel()
		self.pack()
		for kdir in (True, False):
			self.make(kdir)
			before = stamps(self.output)
			self.assertNotIn("reading", self.make(kdir))
			self.assertEqual(stamps(self.output), before)

	def test_unchanged_git(self):
		"""a git tree that git has looked at, or built in, is the same"""
		self.kernel()
		self.commit()
		self.make(kdir=True)
		before = stamps(self.output)
		write(self.kdir, {"vmlinux": "", "mm/mmap.o": ""})
		git(self.kdir, "update-index", "--force-write-index")
		self.make(kdir=True)
		self.assertEqual(stamps(self.output), before)

	def test_changed(self):
		"""one file has changed, come, gone, or can be run: a new one"""
		for commit in (False, True):
			shutil.rmtree(self.kdir, ignore_errors=True)
			self.kernel({"mm/old.c": ""})
			if commit:
				self.commit()
			self.make(kdir=True)
			seen = {self.commit_id()}
			for what in (
				lambda: write(self.kdir, {"mm/mmap.c": "int 1;\n"}),
				lambda: write(self.kdir, {"mm/new.c": ""}),
				lambda: write(self.kdir, {"mm/old.c": None}),
				lambda: os.chmod(os.path.join(
					self.kdir, "mm/mmap.c"), 0o755)):
				what()
				if commit:
					git(self.kdir, "add", "-A")
				self.make(kdir=True)
				self.assertNotIn(self.commit_id(), seen)
				seen.add(self.commit_id())

	def test_same_size(self):
		"""a file that keeps its size, a tarball that does"""
		self.kernel()
		self.make(kdir=True)
		write(self.kdir, {"mm/mmap.c": "int tree;\n"})
		self.make(kdir=True)
		self.assertEqual(self.blob("mm/mmap.c"), "int tree;\n")
		self.pack()
		self.make()
		self.assertEqual(self.blob("mm/mmap.c"), "int mmap;\n")
		self.pack(dict(KERNEL, **{"mm/mmap.c": "int ball;\n"}))
		self.make()
		self.assertEqual(self.blob("mm/mmap.c"), "int ball;\n")


class Fails(Case):
	"""A run that fails leaves the previous repository whole."""

	def setUp(self):
		super().setUp()
		self.pack()
		self.make()
		self.before = stamps(self.output)
		# Compresses badly, so that much of it is still to come.
		self.bulk = dict(KERNEL, **{f"mm/{n}.c": random.Random(n).randbytes(
			100000) for n in range(10)})

	def kept(self):
		self.assertEqual(stamps(self.output), self.before)

	def recovered(self):
		"""A run with a whole source works, whatever was left."""
		self.pack(dict(KERNEL, **{"mm/later.c": "later\n"}))
		self.make()
		self.assertIn("mm/later.c", self.listing())
		self.fsck()

	def test_missing(self):
		"""the package is gone"""
		os.unlink(self.tarball)
		self.refuse("There is no")
		self.kept()

	def test_truncated(self):
		"""the tarball is cut short, wherever"""
		self.pack(self.bulk)
		with open(self.tarball, "rb") as file:
			data = file.read()
		for size in (0, 10, 65536, len(data) // 2, len(data) - 1):
			with self.subTest(size=size):
				write(self.top, {"linux.tar.xz": data[:size]})
				self.refuse(self.tarball + " is damaged",
					    "apt-get install --reinstall "
					    "linux-source-6.12")
				self.kept()
		self.recovered()

	def test_damaged(self):
		"""the tarball is whole, but what it holds is not"""
		def packed(data):
			return subprocess.run(["xz", "-0c"], input=data,
					      stdout=subprocess.PIPE,
					      check=True).stdout

		self.pack(self.bulk)
		data = subprocess.run(["xz", "-dc", self.tarball], check=True,
				      stdout=subprocess.PIPE).stdout
		for text in (b"no archive", packed(b"no archive" * 1000),
			     packed(data[:500000])):
			write(self.top, {"linux.tar.xz": text})
			self.refuse(self.tarball + " is damaged")
			self.kept()
		self.recovered()

	def test_padded(self):
		"""a tarball with a lot behind its end does not block"""
		data = subprocess.run(["xz", "-dc", self.tarball], check=True,
				      stdout=subprocess.PIPE).stdout
		write(self.top, {"linux.tar.xz": subprocess.run(
			["xz", "-0c"], input=data + bytes(1 << 20),
			stdout=subprocess.PIPE, check=True).stdout})
		status, said = self.run_tool(timeout=10)
		self.assertEqual(status, 0, said)

	def test_no_xz(self):
		"""xz is not installed"""
		bin_ = os.path.join(self.top, "bin")
		os.mkdir(bin_)
		os.symlink(shutil.which("git"), os.path.join(bin_, "git"))
		os.utime(self.tarball)
		self.refuse("program xz is not installed", "Install the package "
			    "xz-utils and", env={"PATH": bin_})
		self.kept()

	def slow_xz(self):
		"""A PATH with an xz that stops half-way, once it says so."""
		bin_ = os.path.join(self.top, "bin")
		os.mkdir(bin_)
		ready = os.path.join(self.top, "ready")
		write(bin_, {"xz": "#!/bin/sh\n"
			     f"{shutil.which('xz')} -dc '{self.tarball}' | "
			     f"head -c 500000\ntouch '{ready}'\nexec sleep 30\n"})
		os.chmod(os.path.join(bin_, "xz"), 0o755)
		return {"PATH": bin_ + ":" + os.environ["PATH"]}, ready

	def test_interrupted(self):
		"""a signal half-way: 128 and its number, nothing is left"""
		self.pack(self.bulk)
		env, ready = self.slow_xz()
		for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP,
			       signal.SIGKILL):
			child = subprocess.Popen(
				self.command(), env=env, stdout=subprocess.PIPE,
				stderr=subprocess.STDOUT, start_new_session=True)
			while not os.path.exists(ready):
				self.assertIsNone(child.poll())
				time.sleep(0.01)
			os.unlink(ready)
			# Control-C reaches the children as well.
			if number == signal.SIGINT:
				os.killpg(child.pid, number)
			else:
				child.send_signal(number)
			said = child.communicate(timeout=10)[0].decode()
			self.assertNotIn("Traceback", said)
			if number != signal.SIGKILL:
				self.assertEqual(child.returncode, 128 + number,
						 said)
				self.assertIn("base: Interrupted. Run again", said)
				self.assertEqual(sorted(os.listdir(self.build)),
						 ["base.git", "base.git.lock"])
			self.kept()
		self.recovered()

	def killed(self, owner, name, when, exchange):
		"""Kill a run just before call number @when of @name."""
		def no_exchange(one, other):
			raise OSError(errno.EINVAL, "Invalid argument", other)

		def prepare():
			left = [when]
			if not exchange:
				base.exchange = no_exchange
			real = getattr(owner, name)

			def counted(*arguments, **options):
				left[0] -= 1
				if not left[0]:
					os.kill(os.getpid(), signal.SIGKILL)
				return real(*arguments, **options)
			setattr(owner, name, counted)

		return self.forked(prepare)[0]

	def test_killed_replacing(self):
		"""killed while the old is replaced: one of the two, whole"""
		old = self.commit_id()
		kept = os.path.join(self.top, "kept")
		shutil.copytree(self.build, kept)
		self.pack(dict(KERNEL, **{"mm/new.c": "new\n"}))
		seen = set()
		for exchange, owner, name, calls in (
				(True, base, "exchange", 1),
				(True, shutil, "rmtree", 1),
				(True, os, "unlink", 3),
				(False, os, "rename", 2),
				(False, shutil, "rmtree", 1),
				(False, os, "unlink", 3)):
			for when in range(1, calls + 1):
				with self.subTest(name=name, when=when,
						  exchange=exchange):
					shutil.rmtree(self.build)
					shutil.copytree(kept, self.build)
					seen.add(self.at(owner, name, when,
							 exchange))
		self.assertEqual(len(seen), 2)
		self.assertIn(old, seen)

	def at(self, owner, name, when, exchange):
		"""One of these; returns the commit that is there after it."""
		self.assertEqual(self.killed(owner, name, when, exchange),
				 -signal.SIGKILL)
		if not os.path.lexists(self.output):
			# A file system without exchange has a moment with none;
			# a run that fails brings it back all the same.
			self.assertFalse(exchange)
			os.rename(self.tarball, self.tarball + "~")
			write(self.top, {"linux.tar.xz": b"damaged"})
			self.assertEqual(self.forked()[0], 1)
			os.rename(self.tarball + "~", self.tarball)
		self.fsck()
		there = self.commit_id()
		status, said = self.forked()
		self.assertEqual(status, 0, said)
		self.assertIn("mm/new.c", self.listing())
		self.assertEqual(sorted(os.listdir(self.build)),
				 ["base.git", "base.git.lock"])
		return there

	def test_foreign(self):
		"""a folder that is not ours is neither replaced nor removed"""
		for end in ("", ".old", ".new"):
			shutil.rmtree(self.build)
			write(self.output + end, {"file": "mine"})
			self.refuse(self.output + end + " was not made",
				    "Move it away")
			self.assertEqual(set(os.listdir(self.build)),
					 {"base.git" + end, "base.git.lock"})
			self.assertEqual(read(self.output + end, "file"),
					 "mine")
		shutil.rmtree(self.build)
		os.makedirs(self.output)
		self.make()

	def test_two(self):
		"""a second run at the same time says who is at it"""
		os.utime(self.tarball)
		with open(self.output + ".lock", "w") as file:
			fcntl.flock(file, fcntl.LOCK_EX)
			self.refuse("base.git.lock is held by the process",
				    "Wait until it has ended")
		self.kept()
		self.make()


class DiskFull(Case):
	def free(self):
		room = os.statvfs(self.build)
		return room.f_bavail * room.f_frsize

	def test_full(self):
		"""a disk that fills up: the previous repository, then the new"""
		os.mkdir(self.build)
		subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8M", "none",
				self.build], check=True)
		self.addCleanup(subprocess.run, ["umount", self.build], check=True)
		self.pack()
		self.make()
		before = stamps(self.output)
		self.pack(dict(KERNEL, **{f"mm/{n}.c": random.Random(n).randbytes(
			100000) for n in range(10)}))
		filler = os.path.join(self.build, "filler")
		failures = 0
		for free in range(0, 8 << 20, 256 << 10):
			with open(filler, "wb") as file:
				os.posix_fallocate(file.fileno(), 0, max(
					4096, self.free() - free))
			status, said = self.run_tool()
			os.unlink(filler)
			if status == 0:
				break
			failures += 1
			self.assertEqual(status, 1)
			self.assertIn("No space is left on the disk that holds "
				      + self.output, said)
			self.assertIn("Free some", said)
			self.assertEqual(sorted(os.listdir(self.build)),
					 ["base.git", "base.git.lock"])
			self.assertEqual(stamps(self.output), before)
		self.assertEqual(status, 0, said)
		self.assertGreater(failures, 3)
		self.fsck()
		self.assertIn("mm/9.c", self.listing())
		self.figures = f"{failures} failures"


if __name__ == "__main__":
	tap.main()
