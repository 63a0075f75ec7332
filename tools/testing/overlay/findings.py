# SPDX-License-Identifier: GPL-2.0-only
"""Compares what compiler and checkers find in the base and in the made tree.

Compared is by file and text, not by line. Whatever was found in an object is
kept by what the object is made from: the base, its own source, the headers that
the series changes, the configuration and the compiler.
"""

import collections
import csv
import hashlib
import json
import os
import re

import kbuild

# gcc with more warnings, kernel-doc, and sparse.
CHECKS = ("W=1", "C=2", "CHECK=sparse")
COMPILED = os.path.join(kbuild.BUILD, "report", "compiled.csv")
# How many objects are built before what was found is written down.
_PART = 60
_PLACE = re.compile(r"^(\S+?\.[chS]):(\d+):(?:\d+:)? ?(.*)$")
_NO_FINDING = re.compile(r"\s*note:|In file included|in expansion of")
_RENAMED = re.compile(r"(\w)_proto\b")
# What the compiler, and macros of the kernel's headers, refer to.
_COMPILER = re.compile(r"__(?:x86|sanitizer|asan|ubsan|kasan|tsan)_|"
		       r"__this_module$|__tracepoint_|__SC[TK]__")
_DEPENDENCY = re.compile(r"^\s+(\S+\.h) \\?$", re.MULTILINE)


def _inside(path):
	"""@path as the tree has it."""
	return os.path.relpath(path, kbuild.COPY) if os.path.isabs(path) else path


def parse(lines):
	"""{(path, text): how often} of the findings among @lines. A converted
	hook has the name that it had before."""
	found = collections.Counter()
	for line in lines:
		match = _PLACE.match(line)
		if match and not _NO_FINDING.match(match.group(3)):
			found[_inside(match.group(1)),
			      _RENAMED.sub(r"\1", match.group(3))] += 1
	return found


class Entry:
	"""What came of one object.

	@findings: Counter of (path, text)
	@defined, @undefined: its global symbols
	@module: is it part of a module?
	@headers: those of the series' headers that it reads
	"""

	def __init__(self, findings, defined, undefined, module, headers):
		self.findings = collections.Counter(
			{(path, text): count for path, text, count in findings})
		self.defined = set(defined)
		self.undefined = set(undefined)
		self.module = module
		self.headers = set(headers)

	def as_json(self):
		return [[[*what, count] for what, count in
			 sorted(self.findings.items())], sorted(self.defined),
			sorted(self.undefined), self.module,
			sorted(self.headers)]


class Results:
	"""What one configuration has found in the base and in the made tree."""

	def __init__(self, configuration):
		self.configuration = configuration
		self.path = os.path.join(kbuild.CHECK, "findings",
					 configuration.name + ".json")
		self.kept = self._read()
		self.used = set()
		self.built = 0
		self.missing = []
		self.said = ""

	def _read(self):
		try:
			with open(self.path, encoding="utf-8") as file:
				return json.load(file)
		except (OSError, ValueError):
			return {}

	def save(self):
		"""Keep what was found for the next run."""
		os.makedirs(os.path.dirname(self.path), exist_ok=True)
		with open(self.path + ".new", "w", encoding="utf-8") as file:
			json.dump(self.kept, file)
		os.replace(self.path + ".new", self.path)

	def forget(self):
		"""Forget what this run has not used."""
		self.kept = {key: entry for key, entry in self.kept.items()
			     if key in self.used}
		self.save()

	def examine(self, commit, goals):
		"""Have the objects @goals, {object: path}, of @commit built and
		checked. Returns {object: Entry}; self.missing has the files of
		the rest, and self.said what make printed."""
		kbuild.checkout(commit)
		self.configuration.configure()
		headers = self._headers(commit)
		common = "\0".join([self.configuration.digest(), *CHECKS,
				    kbuild.patches.base_of(kbuild.TREE),
				    kbuild.run("sparse", "--version",
					       folder=kbuild.CHECK),
				    repr(headers)])
		keys = {goal: self._key(common, commit, path)
			for goal, path in goals.items()}
		todo = [goal for goal in goals if keys[goal] not in self.kept]
		for first in range(0, len(todo), _PART):
			self._build(todo[first:first + _PART], goals, keys,
				    headers)
			self.save()
		found = {}
		for goal, key in keys.items():
			if key in self.kept:
				self.used.add(key)
				found[goal] = Entry(*self.kept[key])
		return found

	def _build(self, todo, goals, keys, headers):
		"""Build the objects @todo, and keep what is found."""
		said, out = self.configuration.build(todo, *CHECKS)
		for goal in todo:
			# What is not enabled may compile by chance.
			if not self.configuration.built(goal) or \
			   not self.configuration.enabled(goal):
				self.missing.append(goals[goal])
				self.said = out[-4000:]
				continue
			# kbuild names the source behind CHECK.
			lines = said[goal] + said[os.path.join(kbuild.COPY,
							       goals[goal])]
			self.kept[keys[goal]] = self._entry(
				goal, lines, headers).as_json()
			self.built += 1

	def _headers(self, commit):
		"""{header: its id at @commit} of those that the series changes; for
		the base, whose headers are what they are, nothing."""
		if commit == kbuild.patches.base_of(kbuild.TREE):
			return {}
		paths = [path for path in kbuild.changed()
			 if path.endswith(".h")]
		lines = kbuild.run("git", "ls-tree", commit, "--", *paths,
				   folder=kbuild.TREE).splitlines()
		return {line.split("\t")[1]: line.split()[2] for line in lines}

	def _key(self, common, commit, path):
		blob = kbuild.run("git", "rev-parse", f"{commit}:{path}",
				  folder=kbuild.TREE)
		return hashlib.sha256((common + path + blob).encode()).hexdigest()

	def _entry(self, goal, lines, headers):
		folder = self.configuration.folder
		symbols = {"defined": [], "undefined": []}
		for kind, names in symbols.items():
			out = kbuild.run(self.configuration.cross + "nm", "-g",
					 "-P", "--" + kind + "-only", goal,
					 folder=folder)
			names += [line.split()[0] for line in out.splitlines()]
		where, name = os.path.split(goal)
		with open(os.path.join(folder, where, f".{name}.cmd"),
			  encoding="utf-8") as file:
			command = file.read()
		reads = {_inside(os.path.join(folder, path))
			 for path in _DEPENDENCY.findall(command)}
		findings = [[*what, count]
			    for what, count in parse(lines).items()]
		return Entry(findings, *symbols.values(),
			     " -DMODULE " in command, reads & headers.keys())


def _total(entries, changed):
	"""{text: how often} in the files @changed, wherever they are read."""
	total = collections.Counter()
	for entry in entries.values():
		for (path, text), count in entry.findings.items():
			if path in changed:
				total[text] += count
	return total


def new_findings(old, new, changed):
	"""What @new has and @old has not, as lines of text.

	@old, @new: {object: Entry}
	@changed: the paths that the series changes; in those it is counted, in
	other headers it counts whether something is found at all. What is moved
	from one of them to another is not new.
	"""
	was_total, total = _total(old, changed), _total(new, changed)
	lines = []
	for goal, entry in sorted(new.items()):
		before = old[goal].findings if goal in old else {}
		for (path, text), count in sorted(entry.findings.items()):
			was = before.get((path, text), 0)
			if path not in changed and not was or path in changed \
			   and was < count and was_total[text] < total[text]:
				lines.append(f"{goal}: {path}: {text}")
	return lines


class Comparison:
	"""The base and the made tree, in one configuration.

	@plan: which configuration compiles which file
	@name: the configuration
	@old, @new: {object: Entry} of the base and of the made tree
	@compiled: the C files, and the headers of the series that they read
	@missing: the C files that were not compiled, @said what make printed
	@built: how many objects had to be built for it
	"""

	def __init__(self, plan, configuration):
		changed = kbuild.changed()
		goals = plan.goals(configuration.name,
				   [path for path in changed
				    if path.endswith(".c")])
		results = Results(configuration)
		self.old = results.examine(
			kbuild.patches.base_of(kbuild.TREE),
			{goal: path for goal, path in goals.items()
			 if changed[path] == "M"})
		self.new = results.examine(kbuild.head(), goals)
		results.forget()
		self.compiled = {goals[goal] for goal in self.new}.union(
			*(entry.headers for entry in self.new.values()))
		self.missing = sorted(set(results.missing))
		self.said = results.said
		self.built = results.built
		self.changed = changed
		record(self.compiled, configuration.name)

	def findings(self):
		"""What is found in the made tree and not in the base, as lines."""
		return new_findings(self.old, self.new, self.changed)

	def symbols(self):
		"""Objects that want what nobody gives them, as lines.

		What a converted file calls that it did not call before is defined
		in its folder, in one above or below it, or is exported if the file
		is part of a module.
		"""
		given = collections.defaultdict(set)
		for goal, entry in self.new.items():
			given[os.path.dirname(goal)] |= entry.defined
		wanted = {}
		for goal, entry in sorted(self.new.items()):
			if not entry.module:
				continue
			here = os.path.dirname(goal)
			wanted[goal] = entry.undefined.difference(
				*(names for folder, names in given.items()
				  if (here + "/").startswith(folder + "/")
				  or folder.startswith(here + "/")))
			if goal in self.old:
				wanted[goal] -= self.old[goal].undefined
		names = {name for wants in wanted.values() for name in wants
			 if not _COMPILER.match(name)}
		missing = names - exported(names)
		return [f"{goal}: {name} is not exported"
			for goal, wants in wanted.items()
			for name in sorted(wants & missing)]


	def gone(self):
		"""The global names that the base's objects define, and those of
		the made tree do not."""
		old, new = ({name for entry in entries.values()
			     for name in entry.defined}
			    for entries in (self.old, self.new))
		return {name for name in old - new
			if name.isidentifier() and not _COMPILER.match(name)}


def exported(names):
	"""Those of @names that a module can call, whoever defines them."""
	if not names:
		return set()
	lines = kbuild.run("git", "grep", "-hoE",
			   rf"EXPORT_\w+\(({'|'.join(sorted(names))})\b", "HEAD",
			   "--", "*.c", "*.h", "*.S", folder=kbuild.TREE,
			   may_fail=True)
	return names & {line.split("(")[1] for line in lines.splitlines()}


def record(rows, name):
	"""Have the report say that the configuration @name compiled the files
	@rows; what it says of other configurations stays."""
	kept = []
	if os.path.exists(COMPILED):
		with open(COMPILED, encoding="utf-8", newline="") as file:
			kept = [tuple(row) for row in csv.reader(file)][1:]
	rows = sorted({row for row in kept if row[1] != name} |
		      {(path, name) for path in rows})
	with open(COMPILED + ".new", "w", encoding="utf-8",
		  newline="") as file:
		writer = csv.writer(file, lineterminator="\n")
		writer.writerows([("file", "configuration"), *rows])
	os.replace(COMPILED + ".new", COMPILED)
