#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Makes build/base.git: the kernel that the overlay is applied to, in git.

	base.py --output build/base.git [--kdir DIR]

The base is Debian's linux-source-6.12, or the 6.12 tree DIR, which is only
read. The repository has one commit, on the branch `base`; it is made aside and
swapped in whole, and left alone while the source is the one it was made from.
Exit status: 0; 1 with a sentence that says what is wrong with the source; or
128 and the number of the signal that interrupted it.
"""

import argparse
import errno
import hashlib
import os
import re
import signal
import stat
import subprocess
import sys
import tarfile

import process
from failure import Failure, Interrupted, disk_full, from_oserror
from lock import Lock
from progress import Progress
from repository import EMAIL, NAME
from series import Series
from tree import check_ours, claim, exchange, remove

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
PACKAGE = "linux-source-6.12"
TARBALL = f"/usr/src/{PACKAGE}.tar.xz"
# What only our repositories have; empty until one is whole.
MARK = f"{NAME}-identity"
# When 6.12 was, in seconds: the date of a tree that has none of its own. Those
# of its files are not the same in two copies, nor would the commits' ids be.
RELEASED = 1731880000
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
					 stdout=subprocess.PIPE,
					 stderr=subprocess.PIPE)
		try:
			yield from self._members(unpacker.stdout)
			# It waits for a reader of what is behind the end, too.
			while unpacker.stdout.read(1 << 20):
				pass
			if unpacker.wait():
				raise self._damaged(
					unpacker, f"xz exited with "
					f"{unpacker.returncode}")
		except tarfile.TarError as error:
			raise self._damaged(unpacker, error) from None
		finally:
			unpacker.kill()
			unpacker.wait()
			unpacker.stdout.close()
			unpacker.stderr.close()
			process.finished(unpacker)

	def _damaged(self, unpacker, found):
		"""The Failure for an archive that @unpacker has read in vain."""
		unpacker.kill()
		said = unpacker.stderr.read().decode("utf-8", "replace").strip()
		prefix = f"xz: {self.path}: "
		if said.startswith(prefix):
			said = said[len(prefix):]
		return Failure(f"{self.path} is damaged: {said or found}. Run "
			       f"'apt-get install --reinstall {PACKAGE}'.")

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
				elif not member.isdir():
					raise Failure(
						f"{self.path} has {path}, which is "
						"neither a file nor a folder nor a "
						"symbolic link. Name a tree of "
						"your own with KDIR=.")


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
		self.date = self._date()
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
		for top, folders, names in os.walk(self.path, onerror=_raise):
			# A link to a folder is listed as a folder.
			links = [name for name in folders
				 if os.path.islink(os.path.join(top, name))]
			paths += [os.path.relpath(os.path.join(top, name),
						  self.path)
				  for name in names + links]
		return sorted(paths)

	def _tracked(self):
		out = process.checked(
			self._git("ls-files", "-z"), self.path,
			f"Listing the files of KDIR={self.path}")
		# A file in conflict is listed once for each of its versions.
		return sorted(path for path in
			      set(os.fsdecode(out).split("\0"))
			      if path and os.path.lexists(
				      os.path.join(self.path, path)))

	def _git(self, *arguments):
		return ["git", "--no-optional-locks", "-c", "safe.directory=*",
			"-c", "core.fsmonitor=false", "-C", self.path,
			*arguments]

	def _date(self):
		"""The date of HEAD, in seconds; without one it is made up."""
		if os.path.lexists(os.path.join(self.path, ".git")):
			status, out, _ = process.run(self._git(
				"rev-list", "--timestamp", "-1", "HEAD"))
			if not status:
				return int(out.split()[0])
		return RELEASED

	def _identify(self):
		digest = hashlib.sha256()
		for path in self.paths:
			status = os.lstat(os.path.join(self.path, path))
			digest.update(os.fsencode(
				f"{path}\0{status.st_size}\0{status.st_mtime_ns}"
				f"\0{status.st_mode}\n"))
		return f"{self.path} {self.date} {digest.hexdigest()}"

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


def _raise(error):
	raise error


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
			 "-c", "pack.compression=1",
			 "-c", "fastimport.unpackLimit=0", "fast-import",
			 "--quiet", "--depth=0"],
			stdin=subprocess.PIPE, stderr=subprocess.PIPE)

	def write(self, data):
		try:
			self.child.stdin.write(data)
		except BrokenPipeError:
			self._failed()

	def _failed(self):
		err = self.child.stderr.read()
		if b"Out of diskspace" in err:
			raise disk_full(self.repository)
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
		"""End an import, whether it has failed or not."""
		self.child.kill()
		self.child.wait()
		try:
			self.child.stdin.close()
		except BrokenPipeError:
			pass
		self.child.stderr.close()
		process.finished(self.child)


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
	"""The paths that the overlay in the folder @root adds to a kernel."""
	return [path for step in Series(root).steps for path in step.adds]


def recorded(repository, key):
	"""What make() recorded in @repository: 'identity', 'version', or ''."""
	try:
		with open(os.path.join(repository, f"mmap-proto-{key}"),
			  encoding="utf-8", errors="surrogateescape",
			  newline="\n") as file:
			return file.read()[:-1]
	except OSError:
		return ""


def record(repository, key, value):
	with open(os.path.join(repository, f"mmap-proto-{key}"), "w",
		  encoding="utf-8", errors="surrogateescape",
		  newline="\n") as file:
		file.write(value + "\n")


def make(source, output, progress):
	"""Make the repository @output from @source, unless it is up to date.

	Returns the kernel's version as text.
	"""
	recover(output)
	if recorded(output, "identity") == source.identity:
		return recorded(output, "version")
	progress.step(f"reading the kernel from {source.path}")
	try:
		text = fill(source, output + ".new", progress)
		replace(output)
	finally:
		remove(output + ".new", MARK)
	return text


def fill(source, folder, progress):
	"""Make the repository @folder from @source; returns the version."""
	claim(folder, MARK)
	importer = Importer(folder)
	try:
		version = importer.run(source, progress)
	finally:
		importer.stop()
	if version[:2] != (6, 12):
		raise Failure(f"{source.path} holds Linux "
			      f"{version[0]}.{version[1]}, and the overlay is "
			      "for 6.12. Name a 6.12 tree with KDIR=.")
	text = ".".join(map(str, version))
	record(folder, "version", text)
	record(folder, "identity", source.identity)
	return text


def replace(output):
	"""Put the repository @output.new in the place of @output."""
	try:
		exchange(output + ".new", output)
	except OSError as error:
		if error.errno not in (errno.ENOENT, errno.ENOSYS, errno.EINVAL,
				       errno.ENOTSUP):
			raise
		# recover() knows what to do if only the first was made.
		if os.path.lexists(output):
			os.rename(output, output + ".old")
		os.rename(output + ".new", output)
		remove(output + ".old", MARK)


def recover(output):
	"""Put right what a run that was killed left beside @output."""
	for end in ("", ".old", ".new"):
		check_ours(output + end, MARK)
	if not os.path.lexists(output) and os.path.lexists(output + ".old"):
		os.rename(output + ".old", output)
	remove(output + ".old", MARK)
	remove(output + ".new", MARK)


def main():
	parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
	parser.add_argument("--output", required=True)
	parser.add_argument("--kdir")
	parser.add_argument("--root", default=ROOT)
	parser.add_argument("--tarball", default=TARBALL)
	arguments = parser.parse_args()
	progress = Progress()
	for number in process.SIGNALS:
		signal.signal(number, process.interrupt)
	try:
		if arguments.kdir:
			source = Folder(arguments.kdir,
					added_paths(arguments.root))
		else:
			source = Tarball(arguments.tarball)
		with Lock(arguments.output + ".lock"):
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
	except Interrupted as error:
		progress.close()
		print(f"base: Interrupted. Run again to start over; "
		      f"{arguments.output} is whole, if there was one.",
		      file=sys.stderr)
		return 128 + error.number
	return 0


if __name__ == "__main__":
	sys.exit(main())
