# SPDX-License-Identifier: GPL-2.0-only
"""The base in git, and the new commits made on it, without a work tree."""

import contextlib
import os
import re

import process
from failure import Failure

NAME = "mmap-proto"
EMAIL = "mmap-proto@localhost"


def git(folder, *arguments, tree=None):
	"""The git command with @arguments on the repository @folder."""
	argv = ["git", "--git-dir", folder, "-c", "core.fsmonitor=false",
		"-c", "core.attributesFile=/dev/null",
		"-c", "core.excludesFile=/dev/null",
		"-c", "core.hooksPath=/dev/null", "-c", "gc.auto=0"]
	if tree:
		argv += ["--work-tree", tree]
	return argv + list(arguments)


class Base:
	"""The commit that branch `base` of the repository @path holds.

	@commit: its id; @date: its committer date, as git writes it raw
	"""

	def __init__(self, path):
		self.path = os.path.abspath(path)
		if not os.path.isdir(os.path.join(self.path, "objects")):
			raise Failure(f"There is no base repository {path}. Run "
				      "'make', which makes it, and try again.")
		if os.path.exists(os.path.join(self.path, "objects", "info",
					       "alternates")):
			raise Failure(f"The base repository {path} borrows objects "
				      "from another one. Remove it and run 'make', "
				      "which makes one that is whole.")
		status, out, _ = process.run(git(
			self.path, "rev-parse", "--verify", "-q",
			"refs/heads/base^{commit}"))
		if status:
			raise Failure(f"The base repository {path} has no branch "
				      "'base'. Remove it and run 'make', which makes "
				      "it again.")
		self.commit = out.decode().strip()
		self._listing = None
		self._reader = None
		self._version = None

	def _output(self, *arguments):
		return process.checked(git(self.path, *arguments), self.path,
				       f"Reading the base repository {self.path}")

	@property
	def date(self):
		"""Seconds and time zone of the base's commit."""
		line = self.read(self.commit)
		return re.search(rb"^committer .*> (\d+ [-+]\d{4})$", line,
				 re.M).group(1).decode()

	@property
	def files(self):
		"""{path: (mode, blob id)} of the base's tree."""
		if self._listing is None:
			self._listing = {}
			out = self._output("ls-tree", "-r", "-z", "--full-tree",
					   self.commit)
			for entry in out.split(b"\0"):
				if entry:
					head, _, path = entry.partition(b"\t")
					mode, _, blob = head.decode().split(" ")
					self._listing[os.fsdecode(path)] = mode, blob
		return self._listing

	@property
	def folders(self):
		"""The names of the folders at the base's top."""
		out = self._output("ls-tree", "-z", "-d", "--name-only",
				   "--full-tree", self.commit)
		return frozenset(os.fsdecode(name)
				 for name in out.split(b"\0") if name)

	def read(self, blob):
		"""The bytes of the object with the id @blob."""
		if self._reader is None:
			self._reader = process.start(
				git(self.path, "cat-file", "--batch"),
				stdin=-1, stdout=-1)
		self._reader.stdin.write(blob.encode() + b"\n")
		self._reader.stdin.flush()
		head = self._reader.stdout.readline().split()
		if len(head) != 3:
			raise Failure(f"The base repository {self.path} lacks the "
				      f"object {blob}. Remove it and run 'make', "
				      "which makes it again.")
		data = self._reader.stdout.read(int(head[2]) + 1)
		return data[:-1]

	@property
	def version(self):
		"""The kernel version in the base's Makefile, or its commit."""
		if self._version is None:
			self._version = self._kernel_version()
		return self._version

	def _kernel_version(self):
		_, blob = self.files.get("Makefile", ("", ""))
		text = self.read(blob).decode("utf-8", "replace") if blob else ""
		found = dict(re.findall(
			r"^(VERSION|PATCHLEVEL|SUBLEVEL|EXTRAVERSION) *= *(\S*)$",
			text, re.M))
		if "VERSION" not in found or "PATCHLEVEL" not in found:
			return self.commit[:12]
		version = f"{found['VERSION']}.{found['PATCHLEVEL']}"
		if found.get("SUBLEVEL"):
			version += "." + found["SUBLEVEL"]
		return version + found.get("EXTRAVERSION", "")

	def grep(self, patterns):
		"""The *.c and *.h files that have a match of @patterns in them."""
		argv = git(self.path, "grep", "-z", "-l", "-I", "-E",
			   *(word for pattern in patterns
			     for word in ("-e", pattern)),
			   self.commit, "--", "*.c", "*.h")
		status, out, err = process.run(argv)
		if status not in (0, 1):
			raise process.child_failure(argv, status, err, self.path,
						    "Searching the base")
		return {os.fsdecode(name).partition(":")[2]
			for name in out.split(b"\0") if name}

	def close(self):
		"""End the process that reads objects."""
		if not self._reader:
			return
		process.kill(self._reader)
		process.finished(self._reader)
		for pipe in (self._reader.stdin, self._reader.stdout):
			# What an interrupted read() left in it goes nowhere.
			with contextlib.suppress(OSError):
				pipe.close()
		self._reader = None


class Commit:
	"""A commit to be made: @message, and @changes since the one before.

	@changes: {path: (mode, bytes), or None for a file that is removed}
	"""

	def __init__(self, message, changes):
		self.message = message
		self.changes = changes


def make_commits(folder, base, commits):
	"""Make @commits, one after the other, on the Base @base.

	Writes a new bare repository @folder, whose objects are those alone
	that the base does not have. Same input, same ids. Returns the ids.
	"""
	what = "Making the commits"
	process.checked(["git", "init", "-q", "--bare", "--template=",
			 "--initial-branch=" + NAME, folder], folder, what)
	borrow(folder, base.path)
	if not commits:
		return []
	marks = os.path.join(folder, "marks")
	process.checked(
		git(folder, "-c", "fastimport.unpackLimit=0", "fast-import",
		    "--quiet", "--done", "--date-format=raw",
		    "--export-marks=" + marks),
		folder, what, data=_stream(base, commits))
	with open(marks, encoding="ascii") as file:
		ids = dict(line.split() for line in file)
	return [ids[f":{number}"] for number in range(1, len(commits) + 1)]


def borrow(folder, other):
	"""Let the repository @folder find the objects of the one @other too."""
	path = _quoted(os.path.join(other, "objects"))
	name = os.path.join(folder, "objects", "info", "alternates")
	with open(name, "ab") as file:
		file.write(os.fsencode(path) + b"\n")


def _quoted(path):
	"""@path in quotes, as git reads it."""
	return '"' + path.replace("\\", "\\\\").replace('"', '\\"') \
		.replace("\n", "\\n") + '"'


def _stream(base, commits):
	"""What fast-import reads to make @commits."""
	out = []
	who = f"{NAME} <{EMAIL}> {base.date}"
	for number, commit in enumerate(commits, 1):
		message = commit.message.encode("utf-8", "surrogateescape")
		parent = base.commit if number == 1 else f":{number - 1}"
		out.append(f"commit refs/heads/{NAME}\nmark :{number}\n"
			   f"author {who}\ncommitter {who}\n"
			   f"data {len(message)}\n".encode() + message
			   + f"\nfrom {parent}\n".encode())
		for path in sorted(commit.changes):
			change = commit.changes[path]
			name = os.fsencode(_quoted(path))
			if change is None:
				out.append(b"D " + name + b"\n")
				continue
			mode, data = change
			out.append(b"M %s inline %s\ndata %d\n" % (
				mode.encode(), name, len(data)) + data + b"\n")
		out.append(b"\n")
	out.append(b"done\n")
	return b"".join(out)
