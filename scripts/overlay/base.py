#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Makes build/base.git: the kernel that the overlay is applied to, in git.

	base.py --output build/base.git [--kdir DIR]

The base is Debian's linux-source-6.12, or the 6.12 tree DIR, which is only
read. The repository has one commit, on the branch `base`; it is made aside and
renamed into place, and left alone while the source is the one it was made from.
Exit status: 0, or 1 with a sentence that says what is wrong with the source.
"""

import argparse
import hashlib
import os
import re
import shutil
import stat
import subprocess
import sys
import tarfile

import process
from failure import Failure, from_oserror
from progress import Progress
from repository import EMAIL, NAME

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
PACKAGE = "linux-source-6.12"
TARBALL = f"/usr/src/{PACKAGE}.tar.xz"
# Files that only a tree which has been built in has.
BUILT = (".config", "include/config", "include/generated", "vmlinux")


def kernel_version(makefile):
	"""The version (6, 12, 117) that the text of a kernel's Makefile gives.

	None if it is not the Makefile of a kernel.
	"""
	numbers = []
	for name in ("VERSION", "PATCHLEVEL", "SUBLEVEL"):
		match = re.search(rf"^{name} = (\d+)$", makefile, re.M)
		if not match:
			return None
		numbers.append(int(match.group(1)))
	return tuple(numbers)


class Tarball:
	"""Debian's package, as a source of files.

	@path, @identity: what it is and which version of it, for comparison
	@date: of its Makefile, in seconds; known after files() has ended
	"""

	def __init__(self, path=TARBALL):
		self.path = path
		if not os.path.exists(path):
			raise Failure(f"There is no {path}. Install the package "
				      f"{PACKAGE}, or name a tree of your own "
				      "with KDIR=.")
		status = os.stat(path)
		self.identity = f"{path} {status.st_size} {status.st_mtime_ns}"
		self.date = 0

	def files(self):
		"""Yield (path, git mode, content) of each file; links too."""
		unpacker = process.start(["xz", "-dcT0", self.path],
					 stdout=subprocess.PIPE)
		try:
			yield from self._members(unpacker.stdout)
			if unpacker.wait():
				raise Failure(f"{self.path} is damaged: xz "
					      f"exited with "
					      f"{unpacker.returncode}. Install "
					      f"{PACKAGE} again.")
		except tarfile.TarError as error:
			raise Failure(f"{self.path} is damaged: {error}. "
				      f"Install {PACKAGE} again.") from None
		finally:
			unpacker.stdout.close()
			unpacker.kill()
			unpacker.wait()
			process.finished(unpacker)

	def _members(self, stream):
		with tarfile.open(fileobj=stream, mode="r|") as archive:
			for member in archive:
				_, _, path = member.name.partition("/")
				if not path:
					continue
				if path == "Makefile":
					self.date = int(member.mtime)
				if member.issym():
					yield path, "120000", \
						member.linkname.encode()
				elif member.isreg():
					mode = "100755" if member.mode & 0o100 \
						else "100644"
					yield path, mode, archive.extractfile(
						member).read()


class Folder:
	"""A kernel tree of the user's own, which is never written to.

	Of a git tree the files that git tracks are taken, as they are in the
	work tree; of another one all files, and it must not have been built in.
	"""

	def __init__(self, path, added):
		"""@added: paths that the overlay adds."""
		self.path = os.path.abspath(path)
		self._check(added)
		self.paths = self._list()
		self.date = int(os.stat(os.path.join(self.path, "Makefile"))
				.st_mtime)
		self.identity = self._identify()

	def _check(self, added):
		makefile = os.path.join(self.path, "Makefile")
		try:
			with open(makefile, encoding="utf-8",
				  errors="replace") as file:
				version = kernel_version(file.read(4096))
		except OSError:
			version = None
		if version is None or not os.path.isdir(
				os.path.join(self.path, "mm")):
			raise Failure(f"KDIR={self.path} is not a kernel tree: "
				      "there is no Makefile that gives a kernel "
				      "version, or no mm. Name the folder that "
				      "has them.")
		if version[:2] != (6, 12):
			raise Failure(f"KDIR={self.path} is Linux "
				      f"{version[0]}.{version[1]}, and the "
				      "overlay is for 6.12. Name a 6.12 tree.")
		for path in added:
			if os.path.lexists(os.path.join(self.path, path)):
				raise Failure(f"KDIR={self.path} is patched "
					      f"already: it has {path}, which "
					      "the overlay adds. Name a tree "
					      "without it.")

	def _list(self):
		if os.path.lexists(os.path.join(self.path, ".git")):
			return self._tracked()
		for name in BUILT:
			if os.path.lexists(os.path.join(self.path, name)):
				raise Failure(f"KDIR={self.path} has been built "
					      f"in: it has {name}. Run 'make "
					      "mrproper' in a copy of it, and "
					      "name that one.")
		paths = []
		for top, folders, names in os.walk(self.path):
			# A link to a folder is listed as a folder.
			links = [name for name in folders
				 if os.path.islink(os.path.join(top, name))]
			paths += [os.path.relpath(os.path.join(top, name),
						  self.path)
				  for name in names + links]
		return sorted(paths)

	def _tracked(self):
		out = process.checked(
			["git", "--no-optional-locks", "-c", "safe.directory=*",
			 "-C", self.path, "ls-files", "-z"], self.path,
			f"Listing the files of KDIR={self.path}")
		return sorted(path for path in
			      os.fsdecode(out).split("\0")
			      if path and os.path.lexists(
				      os.path.join(self.path, path)))

	def _identify(self):
		digest = hashlib.sha256()
		for path in self.paths:
			status = os.lstat(os.path.join(self.path, path))
			digest.update(os.fsencode(
				f"{path}\0{status.st_size}\0{status.st_mtime_ns}"
				f"\0{status.st_mode}\n"))
		return f"{self.path} {digest.hexdigest()}"

	def files(self):
		"""Yield (path, git mode, content) of each file; links too."""
		for path in self.paths:
			full = os.path.join(self.path, path)
			mode = os.lstat(full).st_mode
			if stat.S_ISLNK(mode):
				yield path, "120000", os.fsencode(
					os.readlink(full))
			elif stat.S_ISREG(mode):
				with open(full, "rb") as file:
					yield path, "100755" if mode & 0o100 \
						else "100644", file.read()


class Importer:
	"""Feeds files to git fast-import; one pack comes of it.

	No deltas and light compression: the pack is read far more often than
	it is copied, and this takes a third of the time.
	"""

	def __init__(self, repository):
		self.repository = repository
		process.checked(["git", "init", "-q", "--bare", repository],
				repository, "Making the base repository")
		self.child = process.start(
			["git", "-C", repository, "-c", "core.compression=1",
			 "-c", "pack.compression=1", "fast-import", "--quiet",
			 "--depth=0"],
			stdin=subprocess.PIPE, stderr=subprocess.PIPE)

	def write(self, data):
		try:
			self.child.stdin.write(data)
		except BrokenPipeError:
			self._failed()

	def _failed(self):
		err = self.child.stderr.read()
		raise process.child_failure(["git"], self.child.wait(), err,
					    self.repository,
					    "Writing the base repository")

	def run(self, source, progress):
		"""Import all files of @source; returns the kernel's version."""
		version = None
		entries = []
		for number, (path, mode, data) in enumerate(source.files(), 1):
			if path == "Makefile":
				version = kernel_version(data.decode("utf-8",
								     "replace"))
			if number % 2000 == 0:
				progress.note(f"{number} files")
			self.write(f"blob\nmark :{number}\ndata {len(data)}\n"
				   .encode() + data + b"\n")
			entries.append(f"M {mode} :{number} ".encode()
				       + _quoted(path) + b"\n")
		if version is None:
			raise Failure(f"{source.path} has no Makefile that gives "
				      "a kernel version.")
		message = f"Linux {'.'.join(map(str, version))}\n"
		self.write(f"commit refs/heads/base\ncommitter {NAME} <{EMAIL}> "
			   f"{source.date} +0000\ndata {len(message)}\n{message}\n"
			   .encode())
		self.write(b"".join(entries))
		self.write(b"\n")
		try:
			self.child.stdin.close()
		except BrokenPipeError:
			self._failed()
		if self.child.wait():
			self._failed()
		process.finished(self.child)
		return version

	def stop(self):
		"""End an import that has failed."""
		self.child.kill()
		self.child.wait()


def _quoted(path):
	data = os.fsencode(path)
	if re.fullmatch(rb"[\w./+,@=-]+", data):
		return data
	data = data.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
	return b'"' + data.replace(b"\n", b"\\n") + b'"'


def tested_version():
	"""The version that the overlay was last tested on, as text."""
	with open(os.path.join(HERE, "tested-base"), encoding="utf-8") as file:
		for line in file:
			line = line.strip()
			if line and not line.startswith("#"):
				return line
	raise Failure("scripts/overlay/tested-base names no version.")


def added_paths(root):
	"""The paths that the overlay below @root adds: read from its steps."""
	paths = []
	with open(os.path.join(root, "series"), encoding="utf-8") as series:
		steps = [line.split()[1] for line in series
			 if line.startswith("step ")]
	for step in steps:
		with open(os.path.join(root, step), encoding="utf-8") as file:
			for line in file:
				if line.startswith("adds:"):
					paths += line.split()[1:]
	return [path for path in paths if not path.endswith("/")]


def recorded(repository, key):
	"""What make() recorded in @repository: 'identity', 'version', or ''."""
	try:
		with open(os.path.join(repository, f"mmap-proto-{key}"),
			  encoding="utf-8") as file:
			return file.read().strip()
	except OSError:
		return ""


def record(repository, key, value):
	with open(os.path.join(repository, f"mmap-proto-{key}"), "w",
		  encoding="utf-8") as file:
		file.write(value + "\n")


def make(source, output, progress):
	"""Make the repository @output from @source, unless it is up to date.

	Returns the kernel's version as text.
	"""
	if recorded(output, "identity") == source.identity:
		return recorded(output, "version")
	aside = output + ".new"
	shutil.rmtree(aside, ignore_errors=True)
	os.makedirs(os.path.dirname(os.path.abspath(output)), exist_ok=True)
	progress.step(f"reading the kernel from {source.path}")
	importer = Importer(aside)
	try:
		version = importer.run(source, progress)
	except BaseException:
		importer.stop()
		shutil.rmtree(aside, ignore_errors=True)
		raise
	if version[:2] != (6, 12):
		shutil.rmtree(aside)
		raise Failure(f"{source.path} holds Linux "
			      f"{version[0]}.{version[1]}, and the overlay is "
			      "for 6.12.")
	text = ".".join(map(str, version))
	record(aside, "version", text)
	record(aside, "identity", source.identity)
	shutil.rmtree(output, ignore_errors=True)
	os.rename(aside, output)
	return text


def main():
	parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
	parser.add_argument("--output", required=True)
	parser.add_argument("--kdir")
	parser.add_argument("--root", default=ROOT)
	parser.add_argument("--tarball", default=TARBALL)
	arguments = parser.parse_args()
	progress = Progress()
	try:
		if arguments.kdir:
			source = Folder(arguments.kdir,
					added_paths(arguments.root))
		else:
			source = Tarball(arguments.tarball)
		version = make(source, arguments.output, progress)
		progress.close()
		if version != tested_version():
			print(f"warning: the base is Linux {version}; the overlay "
			      f"was last tested on {tested_version()}.",
			      file=sys.stderr)
	except Failure as failure:
		progress.close()
		print(f"base: {failure}", file=sys.stderr)
		return 1
	except OSError as error:
		progress.close()
		print(f"base: {from_oserror(error, arguments.output)}",
		      file=sys.stderr)
		return 1
	except KeyboardInterrupt:
		progress.close()
		print("base: interrupted; nothing has changed.", file=sys.stderr)
		return 130
	return 0


if __name__ == "__main__":
	sys.exit(main())
