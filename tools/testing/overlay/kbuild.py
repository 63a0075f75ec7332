# SPDX-License-Identifier: GPL-2.0-only
"""Compiles single objects of the made tree, in several configurations.

The work is done on a copy of $TREE in the folder check beside it.
"""

import collections
import hashlib
import os
import re
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
sys.path.insert(0, os.path.join(ROOT, "scripts", "overlay"))
sys.path.insert(0, os.path.join(ROOT, "scripts", "coccinelle", "mmap_proto"))

import ctext  # noqa: E402
import patches  # noqa: E402

TREE = os.environ.get("TREE", os.path.join(ROOT, "build", "linux"))
BUILD = os.path.dirname(TREE)
CHECK = os.path.join(BUILD, "check")
COPY = os.path.join(CHECK, "linux")
TABLE = os.path.join(HERE, "configurations")
# What is not compiled into a kernel.
OUTSIDE = ("tools/", "scripts/", "Documentation/", "samples/guest_memfd/")
# Where it is not what ARCH= says.
_SRCARCH = {"sparc64": "sparc"}
_RULE = re.compile(r"^  (?:CC|CHECK) +(?:\[M\] +)?(\S+)$")


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


def run(*argv, folder=COPY, may_fail=False):
	"""Run @argv in @folder; returns its output. Raises AssertionError."""
	done = subprocess.run(argv, cwd=folder, env=environment(), text=True,
			      errors="replace", stdout=subprocess.PIPE,
			      stderr=subprocess.STDOUT)
	if done.returncode and not may_fail:
		raise AssertionError(f"{' '.join(argv)} exited with "
				     f"{done.returncode}:\n{done.stdout[-4000:]}")
	return done.stdout


def make_copy():
	"""Lay out COPY anew. What was built from it elsewhere stays."""
	shutil.rmtree(COPY, ignore_errors=True)
	os.makedirs(CHECK, exist_ok=True)
	# Links suffice: git writes new files and renames them into place. What
	# was built in the tree, a compiler might write to in place.
	run("cp", "-al", TREE, COPY, folder=CHECK)
	run("git", "config", "core.trustctime", "false")
	run("git", "clean", "-fdxq")


def checkout(commit):
	"""Have COPY hold @commit."""
	run("git", "checkout", "-q", "-f", "--detach", commit)


def head():
	"""The id of the last commit of the series."""
	return run("git", "rev-parse", "HEAD", folder=TREE).strip()


def commits():
	"""The ids of the commits of the series, in order."""
	base = patches.base_of(TREE)
	return run("git", "rev-list", "--reverse", f"{base}..HEAD",
		   folder=TREE).split()


def touched(commit):
	"""The files that @commit changes."""
	return run("git", "diff-tree", "-r", "--no-commit-id", "--name-only",
		   commit, folder=TREE).split()


def changed():
	"""{path: letter} of the files of the kernel itself that the series adds
	(letter A) or changes (letter M)."""
	lines = run("git", "diff", "--no-renames", "--name-status",
		    patches.base_of(TREE), "HEAD", folder=TREE).splitlines()
	found = {}
	for line in lines:
		letter, path = line.split("\t")
		if not path.startswith(OUTSIDE):
			found[path] = letter
	return found


def show(commit, path):
	"""The text of @path at @commit; None if there is no such file."""
	done = subprocess.run(["git", "show", f"{commit}:{path}"], cwd=TREE,
			      env=environment(), stdout=subprocess.PIPE,
			      stderr=subprocess.DEVNULL)
	return None if done.returncode else done.stdout.decode(
		"utf-8", "surrogateescape")


def users(commit, names):
	"""'path: name' of each file that has one of the identifiers @names in
	its code at @commit; comments, literals and the programs in tools/ do
	not count."""
	if not names:
		return []
	found = run("git", "grep", "-lwF", *[word for name in sorted(names)
					     for word in ("-e", name)],
		    commit, "--", "*.c", "*.h", "*.S", ":!tools/",
		    folder=TREE, may_fail=True)
	lines = []
	for path in (line.split(":", 1)[1] for line in found.splitlines()):
		code = ctext.mask(show(commit, path))
		lines += [f"{path}: {name}" for name in sorted(names)
			  if re.search(rf"\b{name}\b", code)]
	return lines


class Configuration:
	"""One architecture with one configuration, built in a folder of CHECK.

	@name: the folder's name
	@arch: what ARCH= says
	@cross: what CROSS_COMPILE= says
	@target: the goal of make that writes the first .config
	@options: {option without CONFIG_: value} to change in it
	"""

	def __init__(self, name, arch, cross, target, options=()):
		self.name = name
		self.arch = arch
		self.cross = cross
		self.target = target
		self.options = dict(options)
		self.folder = os.path.join(CHECK, name)
		self._folders = {}

	def make(self, *goals, may_fail=False, quiet=True):
		"""Call kbuild; returns what it prints. Raises AssertionError."""
		ccache = "ccache " if shutil.which("ccache") else ""
		return run("make", f"-j{os.cpu_count()}", f"ARCH={self.arch}",
			   *(["-s"] if quiet else ["-Otarget"]),
			   *(["-k"] if may_fail else []),
			   f"O={self.folder}", "LOCALVERSION=",
			   f"CROSS_COMPILE={self.cross}",
			   f"CC={ccache}{self.cross}gcc", *goals,
			   may_fail=may_fail)

	def configure(self):
		"""Write .config. The base has not all of the options."""
		os.makedirs(self.folder, exist_ok=True)
		self.forget()
		self.make(self.target)
		path = os.path.join(self.folder, ".config")
		if self.options:
			with open(path, "a", encoding="utf-8") as file:
				for name, value in self.options.items():
					file.write(f"CONFIG_{name}={value}\n")
			self.make("olddefconfig")

	def forget(self):
		"""Another commit may have other makefiles."""
		self._folders = {}

	def digest(self):
		"""Stands for the configuration and the compiler."""
		with open(os.path.join(self.folder, ".config"), "rb") as file:
			data = file.read()
		data += run(f"{self.cross}gcc", "--version",
			    folder=CHECK).encode()
		return hashlib.sha256(data).hexdigest()[:16]

	def _entries(self, folder):
		"""What kbuild builds in @folder of the tree, as it names it there."""
		if folder not in self._folders:
			# Some makefiles ask the compiler, which says so if it is
			# none of theirs; a folder without one has nothing.
			out = subprocess.run(
				["make", "-s", "--no-print-directory", "-f",
				 os.path.join(HERE, "folder.mk"),
				 f"srctree={COPY}", f"obj={folder}",
				 f"SRCARCH={_SRCARCH.get(self.arch, self.arch)}",
				 "ARCH_LIB=lib/"],
				cwd=self.folder, env=environment(), text=True,
				stdout=subprocess.PIPE,
				stderr=subprocess.DEVNULL).stdout
			self._folders[folder] = set(out.split())
		return self._folders[folder]

	def enabled(self, goal):
		"""Does a kernel of this configuration have the object, or, with a
		slash at its end, the folder @goal?"""
		parts = goal.rstrip("/").split("/")
		slash = "/" if goal.endswith("/") else ""
		for number in range(len(parts)):
			folder = "/".join(parts[:number]) or "."
			rest = "/".join(parts[number:]) + slash
			if rest in self._entries(folder) and \
			   (folder == "." or self.enabled(folder + "/")):
				return True
		return False

	def built(self, goal):
		"""Is there the object @goal?"""
		return os.path.exists(os.path.join(self.folder, goal))

	def build(self, goals, *variables):
		"""Build the objects @goals anew, with these @variables of make.

		Returns ({object or file: what its compiler and checker print},
		all that make prints). What cannot be built is not built.
		"""
		for goal in goals:
			path = os.path.join(self.folder, goal)
			if os.path.exists(path):
				os.unlink(path)
		out = self.make(*variables, *sorted(goals), may_fail=True,
				quiet=False)
		said = collections.defaultdict(list)
		current = None
		for line in out.splitlines():
			match = _RULE.match(line)
			if match:
				current = match.group(1)
			elif re.match(r"  [A-Z]+ ", line):
				current = None
			elif current:
				said[current].append(line)
		return said, out


def read_table(path):
	"""Read the file of configurations.

	Returns ([Configuration], {path: (name, object or None)}).
	"""
	configurations = []
	files = {}
	with open(path, encoding="utf-8") as file:
		for line in file:
			words = line.split("#", 1)[0].split()
			if not words:
				continue
			if words[0].endswith(":"):
				name, arch, cross, target, *options = words
				configurations.append(Configuration(
					name[:-1], arch,
					"" if cross == "-" else cross, target,
					[word.split("=") for word in options]))
			else:
				path, name, *other = words
				files[path] = name, other[0] if other else None
	return configurations, files


def object_of(path):
	"""What kbuild calls the object of the C file @path."""
	return path[:-2] + ".o"


class Plan:
	"""Which configuration compiles which of the files that are changed."""

	def __init__(self, table=TABLE):
		self.configurations, self.files = read_table(table)
		self.first = self.configurations[0]
		names = [c.name for c in self.configurations]
		for path, (name, _) in self.files.items():
			assert name in names, f"{path}: no configuration {name}"

	def place(self, path):
		"""(name of the configuration, object) for the C file @path."""
		folder = path
		while folder and folder not in self.files:
			folder = os.path.dirname(folder)
		name, goal = self.files.get(folder, (self.first.name, None))
		return name, goal or object_of(path)

	def goals(self, name, paths):
		"""{object: path} of those of @paths that @name compiles."""
		found = {}
		for path in paths:
			where, goal = self.place(path)
			if where == name:
				found[goal] = path
		return found
