# SPDX-License-Identifier: GPL-2.0-only
"""The resulting kernel tree: built aside, then swapped in whole."""

import contextlib
import ctypes
import errno
import json
import os
import shutil
import stat

import process
from failure import Failure
from repository import NAME, borrow, git

_STATE = NAME + ".json"
# A folder is removed only if it has this file, or what base.py has instead.
MARK = NAME + "-made"
_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
_libc = ctypes.CDLL(None, use_errno=True)


class WorkTree:
	"""The git tree @path. Everything is prepared in the folder @stage."""

	def __init__(self, path):
		# Behind a link: copying the link would copy nothing.
		self.path = os.path.realpath(path)
		self.shown = path
		self.stage = self.path + ".stage"
		self.copy = os.path.join(self.stage, "tree")
		self.old = os.path.join(self.stage, "old")
		self._copied = None

	def exists(self):
		"""Is there anything at the place of the tree?"""
		return os.path.lexists(self.path) and not (
			os.path.isdir(self.path) and not os.listdir(self.path))

	def state(self):
		"""What save_state() recorded in the tree that is there, or {}."""
		try:
			with open(os.path.join(self.path, ".git", _STATE),
				  encoding="ascii") as file:
				state = json.load(file)
			return state if isinstance(state, dict) else {}
		except (OSError, ValueError):
			return {}

	def recover(self):
		"""Put right what an interrupted run left."""
		check_ours(self.stage)
		if not os.path.lexists(self.path) and os.path.lexists(self.old):
			# It ended between the two renames of _swap_slowly().
			os.rename(self.old, self.path)
		self.clean()

	def clean(self):
		"""Remove everything that was prepared."""
		remove(self.stage)

	def head(self):
		"""(what HEAD is, what our branch is), as commit ids."""
		status, out, _ = process.run(git(
			os.path.join(self.path, ".git"), "rev-parse", "-q",
			"HEAD", "refs/heads/" + NAME))
		return ("", "") if status else tuple(out.decode().split())

	def check_untouched(self):
		"""Raise Failure unless the tree is exactly as we left it."""
		if not self.exists():
			return
		state = self.state()
		if not state:
			raise Failure(
				f"{self.shown} was not made by this tool, so it is not "
				"touched. Move it away and run again.")
		advice = (
			"They are never overwritten. Save them: put them on a branch "
			f"of their own and 'git checkout {NAME}' again, or 'git "
			f"stash -u'; or remove {self.shown}. Then run again.")
		if self.head() != (state["commit"], state["commit"]):
			raise Failure(
				f"{self.shown} is not at the commit that was made for "
				f"it, {state['commit'][:12]}: it has commits of your "
				f"own, or another one is checked out. {advice} If the "
				f"branch {NAME} itself was moved, put it back with "
				f"'git branch -f {NAME} {state['commit'][:12]}'.")
		repository = os.path.join(self.path, ".git")
		out = process.checked(
			git(repository, "--no-optional-locks", "status",
			    "--porcelain", "-z", "--untracked-files=normal",
			    "--ignore-submodules=none", "--no-renames",
			    tree=self.path),
			self.path, f"Looking for changes in {self.shown}",
			cwd=self.path)
		lines = [line for line in out.decode("utf-8", "replace").split("\0")
			 if line]
		if lines:
			shown = "\n".join("    " + line for line in lines[:10])
			more = f"\n    and {len(lines) - 10} more" \
				if len(lines) > 10 else ""
			raise Failure(f"{self.shown} has changes of your own:\n"
				      f"{shown}{more}\n{advice}")

	def check_copied(self):
		"""Raise Failure if the tree has more now than what was copied.

		check_untouched() sees neither branches nor ignored files.
		"""
		if self._copied is None:
			return
		now = self._unseen()
		changed = sorted(path for path in set(now) | set(self._copied)
				 if now.get(path) != self._copied.get(path))
		if changed:
			raise Failure(
				f"{self.shown} was changed while it was copied: "
				f"{changed[0]} is not what it was. Let whatever "
				"works in it end, and run again.")

	def _unseen(self):
		"""{path: stamp} of the ignored files, and of git's own records.

		Without the objects, which nothing needs but the records, and the
		index, which git renews at every look at the tree.
		"""
		repository = os.path.join(self.path, ".git")
		out = process.checked(
			git(repository, "ls-files", "-z", "--others", "--ignored",
			    "--exclude-standard", tree=self.path),
			self.path, f"Listing the ignored files of {self.shown}",
			cwd=self.path)
		paths = [os.path.join(self.path, os.fsdecode(name))
			 for name in out.split(b"\0") if name]
		for folder, folders, names in os.walk(repository):
			if folder == repository:
				folders.remove("objects")
				names = [name for name in names
					 if not name.startswith("index")]
			paths += [os.path.join(folder, name) for name in names]
		found = {}
		for path in paths:
			with contextlib.suppress(FileNotFoundError):
				status = os.lstat(path)
				found[os.path.relpath(path, self.path)] = (
					status.st_ino, status.st_mode,
					status.st_size, status.st_mtime_ns)
		return found

	def prepare(self, base, made, commit, fingerprint):
		"""Build the new tree in self.copy.

		@base: Base; @made: the bare repository with the new objects
		@commit: the tip, in @made or the base's own
		@fingerprint: of everything the result depends on
		"""
		fresh = not self.exists()
		previous = self.state()
		if fresh:
			self._create()
		else:
			self._check_room(made, previous["commit"], commit)
			self._copied = self._unseen()
			self._copy()
		repository = os.path.join(self.copy, ".git")
		objects = self._link_objects(base, made, repository)
		if fresh:
			what = ["read-tree", "-m", "-u", commit]
		else:
			what = ["read-tree", "-m", "-u", previous["commit"], commit]
			# A file that was only touched must not stop read-tree.
			self._git(repository, "update-index", "-q", "--refresh")
		self._git(repository, *what)
		self._git(repository, "update-ref", "--stdin", data=(
			f"update refs/heads/base {base.commit}\n"
			f"update refs/heads/{NAME} {commit}\n").encode())
		self._git(repository, "symbolic-ref", "HEAD", "refs/heads/" + NAME)
		self._drop_objects(repository, previous, objects)
		self._write_state(repository, {
			"base": base.commit, "commit": commit,
			"fingerprint": fingerprint, "objects": sorted(objects)})
		# Git's own word that the files are those of the commit.
		self._git(repository, "diff-index", "--exit-code", commit)

	def save_fingerprint(self, fingerprint):
		"""The tree stays as it is, but is now the result of another input."""
		state = dict(self.state(), fingerprint=fingerprint)
		self._write_state(os.path.join(self.path, ".git"), state)

	def swap(self):
		"""Put the prepared tree in place of the old one, in one go."""
		if not self.exists():
			os.rename(self.copy, self.path)
			return
		try:
			exchange(self.copy, self.path)
		except OSError as error:
			if error.errno not in (errno.ENOSYS, errno.EINVAL,
					       errno.ENOTSUP):
				raise
			self._swap_slowly()

	def _swap_slowly(self):
		"""Two renames; recover() knows what to do if only one was made."""
		os.rename(self.path, self.old)
		try:
			os.rename(self.copy, self.path)
		except OSError:
			os.rename(self.old, self.path)
			raise

	def _git(self, repository, *arguments, data=None):
		process.checked(git(repository, *arguments, tree=self.copy),
				self.stage, f"Building the tree {self.shown}",
				cwd=self.copy, data=data)

	def _create(self):
		process.checked(["git", "init", "-q", "--template=",
				 "--initial-branch=" + NAME, self.copy],
				self.stage, f"Creating the tree {self.shown}")
		repository = os.path.join(self.copy, ".git")
		# A hard-linked copy differs from its original in ctime alone.
		for key, value in (("core.trustctime", "false"),
				   ("core.logAllRefUpdates", "false"),
				   ("core.autocrlf", "false")):
			self._git(repository, "config", key, value)

	def _copy(self):
		"""Copy the tree with hard links for everything but git's records."""
		process.checked(["cp", "-al", "--", self.path, self.copy],
				self.stage, f"Copying {self.shown}")
		top = os.path.join(self.copy, ".git")
		for folder, folders, files in os.walk(top):
			if folder == top:
				folders.remove("objects")
			for name in files:
				full = os.path.join(folder, name)
				if not os.path.islink(full):
					_unlink_copy(full)

	def _check_room(self, made, old, new):
		"""Files that git ignores must not be where a new one is to go."""
		borrow(made, os.path.join(self.path, ".git"))
		out = process.checked(
			git(made, "diff-tree", "-r", "-z", "--name-status",
			    "--no-renames", "--diff-filter=AD", old, new),
			self.stage, "Comparing the trees")
		words = os.fsdecode(out).split("\0")
		changes = list(zip(words[::2], words[1::2]))
		taken = {path for status, path in changes if status == "A"}
		free = {path for status, path in changes if status == "D"}
		# Nor where a folder is to go that a new one is in.
		for path in sorted(taken):
			while "/" in path:
				path = os.path.dirname(path)
				full = os.path.join(self.path, path)
				if os.path.islink(full) or not os.path.isdir(full):
					taken.add(path)
		for path in sorted(taken - free):
			if os.path.lexists(os.path.join(self.path, path)):
				raise Failure(
					f"{self.shown}/{path} is a file of your own "
					"that git ignores, and one of that name is "
					"to be added. Move yours away and run again.")

	def _link_objects(self, base, made, repository):
		"""Give @repository the objects of @base and @made.

		Returns their paths below objects/.
		"""
		linked = set()
		for source in (base.path, made):
			top = os.path.join(source, "objects")
			for folder, folders, files in os.walk(top):
				if folder == top and "info" in folders:
					folders.remove("info")
				for name in files:
					if name.startswith("tmp_") or \
					   name.endswith((".lock", ".keep")):
						continue
					full = os.path.join(folder, name)
					path = os.path.relpath(full, top)
					_link(full, os.path.join(
						repository, "objects", path))
					linked.add(path)
		return linked

	def _drop_objects(self, repository, previous, needed):
		"""Remove the objects that only the previous commits needed.

		Not if there is anything of the person's own in the repository,
		which might need them too.
		"""
		known = set(previous.get("objects", ()))
		refs = process.checked(
			git(repository, "for-each-ref", "--format=%(refname)"),
			self.stage, "Listing the branches").decode().split()
		ours = {"refs/heads/base", "refs/heads/" + NAME}
		top = os.path.join(repository, "objects")
		present = {os.path.relpath(os.path.join(folder, name), top)
			   for folder, _, files in os.walk(top) for name in files}
		if (set(refs) - ours or present - known - needed
		    or os.path.exists(os.path.join(repository, "worktrees"))):
			return
		for path in known - needed:
			os.unlink(os.path.join(top, path))

	def _write_state(self, repository, state):
		path = os.path.join(repository, _STATE)
		with open(path + ".new", "w", encoding="ascii") as file:
			json.dump(state, file, indent=1)
			file.write("\n")
		os.replace(path + ".new", path)


def _link(source, target):
	"""Hard-link, or copy where that is not possible, unless it is there."""
	if os.path.lexists(target):
		return
	os.makedirs(os.path.dirname(target), exist_ok=True)
	try:
		os.link(source, target)
	except OSError as error:
		if error.errno not in (errno.EXDEV, errno.EPERM, errno.EMLINK):
			raise
		shutil.copy2(source, target)


def _unlink_copy(path):
	"""Make the file @path one of its own, no longer a hard link."""
	shutil.copy2(path, path + ".own")
	os.replace(path + ".own", path)


def exchange(one, other):
	"""Exchange two paths atomically. Raises OSError."""
	if not hasattr(_libc, "renameat2"):
		raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
	if _libc.renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD,
			   os.fsencode(other), _RENAME_EXCHANGE):
		number = ctypes.get_errno()
		raise OSError(number, os.strerror(number), other)


def check_ours(folder, mark=MARK):
	"""Raise Failure if @folder is there and nothing says that it is ours."""
	if os.path.lexists(folder) and not (
			os.path.isdir(folder) and not os.path.islink(folder)
			and (os.path.lexists(os.path.join(folder, mark))
			     or not os.listdir(folder))):
		raise Failure(f"{folder} was not made by this tool, so it is "
			      "neither replaced nor removed. Move it away and run "
			      "again.")


def claim(folder, mark=MARK):
	"""Make the folder @folder, which remove() may remove again."""
	check_ours(folder, mark)
	os.makedirs(folder, exist_ok=True)
	with open(os.path.join(folder, mark), "ab"):
		pass


def remove(folder, mark=MARK):
	"""Remove @folder, if it is there, with all that is in it.

	Raises Failure if it is not ours.
	"""
	check_ours(folder, mark)
	if not os.path.lexists(folder):
		return
	# The mark last: what a killed run leaves must be known as ours.
	for name in sorted(os.listdir(folder), key=lambda name: name == mark):
		path = os.path.join(folder, name)
		if os.path.isdir(path) and not os.path.islink(path):
			_remove_all(path)
		else:
			os.unlink(path)
	os.rmdir(folder)


def _remove_all(path):
	"""Remove the folder @path with everything in it, read-only or not."""
	def writable(function, name, _):
		os.chmod(os.path.dirname(name), stat.S_IRWXU)
		# Of folders alone: a file may be a link to one that stays.
		if os.path.isdir(name) and not os.path.islink(name):
			os.chmod(name, stat.S_IRWXU)
		function(name)

	shutil.rmtree(path, onerror=writable)
