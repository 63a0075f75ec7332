# SPDX-License-Identifier: GPL-2.0-only
"""Makes the steps of a series on the base, in memory."""

import concurrent.futures

import edits
import process
from failure import Failure
from repository import Commit
from semantic import Patch


def decode(data):
	"""The text of a file's bytes, lossless whatever they are."""
	return data.decode("utf-8", "surrogateescape")


def encode(text):
	"""The bytes that decode() made @text of."""
	return text.encode("utf-8", "surrogateescape")


def parse(series, edit):
	"""Read the edit file @edit of @series; raises Failure if it is wrong."""
	return {
		"append": edits.parse_append,
		"cocci": Patch,
		"insert": edits.parse_insert,
		"move": edits.parse_move,
		"supersede": edits.parse_supersede,
	}[edit.kind](edit.path, series.read(edit.path))


class Kernel:
	"""The kernel's files as the steps so far have left them.

	@series: Series; @base: Base; @spatch: Spatch; @jobs: how many semantic
	patches to run at a time

	@files: {path: (mode, bytes)} of every file that differs from the base
	"""

	def __init__(self, series, base, spatch, jobs=1):
		self.series = series
		self.base = base
		self.spatch = spatch
		self.jobs = jobs
		self.files = {}
		self._folders = None

	def file(self, path):
		"""(mode, bytes) of the file @path now, None if there is none."""
		return self._was(self.files, path)

	def step(self, step):
		"""Make @step; returns its Commit. Raises Failure."""
		before = dict(self.files)
		for path in step.adds:
			self._add(path, step)
		patches = []
		for edit in step.edits:
			if edit.kind == "cocci":
				patches.append(edit)
				continue
			# Semantic patches come between moves and inserts.
			if edit.kind in ("insert", "append"):
				self._patch(patches)
				patches = []
			self._edit(edit)
		self._patch(patches)
		changes = {path: value for path, value in self.files.items()
			   if self._was(before, path) != value}
		if not changes:
			raise Failure(f"{step.path}: the step changes nothing. Take "
				      "it out of the series.")
		return Commit(step.message, changes)

	def _was(self, before, path):
		"""What file() said of @path when self.files was @before."""
		if path in before:
			return before[path]
		entry = self.base.files.get(path)
		return entry and (entry[0], self.base.read(entry[1]))

	def add_all(self, step):
		"""Make only the additions of @step."""
		for path in step.adds:
			self._add(path, step)

	def _add(self, path, step):
		if path in self.files or path in self.base.files:
			raise Failure(f"{path}: the kernel has this file already, so "
				      f"the step {step.name} cannot add it. Edit it "
				      "instead (insert, append, cocci), or choose "
				      "another name.")
		parents = path.split("/")
		for size in range(1, len(parents)):
			parent = "/".join(parents[:size])
			if parent in self.files or parent in self.base.files:
				raise Failure(f"{path} cannot be added: the kernel has "
					      f"a file {parent}, which is no folder. "
					      "Choose another name.")
		if path in self._all_folders():
			raise Failure(f"{path} cannot be added: the kernel has a "
				      "folder of that name. Choose another one.")
		self.files[path] = self.series.plain(path)

	def _all_folders(self):
		if self._folders is None:
			self._folders = set()
			for path in self.base.files:
				while "/" in path:
					path = path.rpartition("/")[0]
					if path in self._folders:
						break
					self._folders.add(path)
		return self._folders

	def _text(self, path, edit):
		"""(mode, text) of the file @path, which @edit needs."""
		found = self.file(path)
		if found is None:
			raise Failure(f"{edit.path}: the kernel has no {path} at this "
				      "step. Look where the base has it now and "
				      "rename the edit, or take it out.")
		if found[0] == "120000":
			raise Failure(f"{edit.path}: {path} is a symbolic link; edit "
				      "the file that it names.")
		return found[0], decode(found[1])

	def _edit(self, edit):
		parsed = parse(self.series, edit)
		mode, text = self._text(edit.target, edit)
		if edit.kind == "insert":
			text = edits.insert(parsed, edit.path, edit.target, text)
		elif edit.kind == "append":
			text = edits.append(parsed, edit.path, edit.target, text)
		elif edit.kind == "supersede":
			text = self._supersede(edit, parsed, text)
		else:
			text = self._move(edit, parsed, text)
		self.files[edit.target] = mode, encode(text)

	def _supersede(self, edit, parsed, text):
		try:
			return edits.supersede(parsed, edit.path, edit.target, text,
					       self.base.version)
		except Failure as error:
			raise _named(edit.path, error) from None

	def _move(self, edit, parsed, text):
		sources = {}
		for line, source, name in parsed:
			if source == edit.target:
				raise Failure(f"{edit.path}:{line + 1}: {source} is "
					      "the file itself.")
			sources.setdefault(source, []).append(name)
		taken = {}
		for source, names in sources.items():
			mode, old = self._text(source, edit)
			try:
				left, functions = edits.remove_functions(
					names, old, source, moving=True)
			except Failure as error:
				raise _named(edit.path, error) from None
			self.files[source] = mode, encode(left)
			for name in names:
				taken[source, name] = functions[name]
		for _, source, name in parsed:
			text = edits.add_function(text, taken[source, name],
						  edit.target)
		return text

	def _patch(self, patches):
		"""Run the semantic patches @patches, each on a file of its own."""
		if not patches:
			return
		jobs = []
		for edit in patches:
			parsed = parse(self.series, edit)
			mode, text = self._text(edit.target, edit)
			jobs.append((edit, parsed, mode, encode(text)))
		with concurrent.futures.ThreadPoolExecutor(self.jobs) as pool:
			try:
				# A thread that the pool does not know of yet would
				# go on when all is over.
				with process.uninterrupted():
					done = [pool.submit(self.spatch.apply, parsed,
							    edit.target, data)
						for edit, parsed, _, data in jobs]
				for (edit, _, mode, _), result in zip(jobs, done):
					self.files[edit.target] = mode, result.result()
			except Failure:
				pool.shutdown(cancel_futures=True)
				raise
			except BaseException:
				process.kill_all()
				raise


def _named(path, error):
	"""@error with the edit file @path in front, if it is not there."""
	text = str(error)
	return error if text.startswith(path) else Failure(f"{path}: {text}")
