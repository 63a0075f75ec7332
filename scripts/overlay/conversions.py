# SPDX-License-Identifier: GPL-2.0-only
"""Has the conversion library convert the drivers of the stepped tree."""

import contextlib
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading

import process
from failure import Failure
from repository import Commit

FOLDER = "scripts/coccinelle/mmap_proto"
PROGRAM = FOLDER + "/convert.py"
# What makes a file interesting, one extended regular expression per line. The
# default is no whole word: ceph_mmap() is in a file that has no other "mmap".
PATTERNS = FOLDER + "/candidates"
_PATIENCE = 5		# seconds that it has to end when interrupted
_OUTSIDE = ("tools/", "Documentation/", "scripts/")
_PROTOTYPE = re.compile(rb"\.\s*mmap_proto\s*=")
# What tests the hooks has hooks of either kind, and shall keep them.
_TESTS = re.compile("_kunit|test_mmap_proto|_mmap_test")


def sources(series):
	"""The files that decide what is converted and how, sorted."""
	top = os.path.join(series.root, FOLDER)
	found = []
	for folder, folders, files in os.walk(top):
		folders[:] = [name for name in folders
			      if name not in ("tests", "__pycache__")]
		found += [os.path.relpath(os.path.join(folder, name), series.root)
			  for name in files
			  if not name.endswith((".pyc", "~", ".swp"))]
	return sorted(found)


def by_hand(steps, commits):
	"""{path: name of the step that gave it a prototype hook}

	@steps: the Steps that were made; @commits: the Commit of each
	"""
	found = {}
	for step, commit in zip(steps, commits):
		for path, value in commit.changes.items():
			if value and path not in found and \
			   _PROTOTYPE.search(value[1]):
				found[path] = step.name
	return found


class Conversions:
	"""One run of convert.py.

	@kernel: Kernel with all steps made
	@folder: where its tree is laid out; kept from run to run
	@cache: the tool's cache; convert.py gets the folder `convert` in it
	@report: the folder that convert.py writes its report to
	@source: the way from where the report will be to the finished tree
	@steps: {path: step} of the files that a step gave a prototype hook
	"""

	def __init__(self, kernel, folder, cache, report, source, steps, jobs,
		     progress):
		self.kernel = kernel
		self.tree = os.path.join(folder, "tree")
		self.cache = cache
		self.report = report
		self.source = source
		self.steps = steps
		self.jobs = jobs
		self.progress = progress
		self.program = os.path.join(kernel.series.root, PROGRAM)

	def make(self):
		"""Convert; returns the list of Commit. Raises Failure."""
		if not os.path.exists(self.program):
			return []
		self.progress.step("laying out the files to convert")
		paths = self._candidates()
		self._lay_out(paths)
		self.progress.step(f"converting ({len(paths)} files)")
		self._convert()
		return self._commits(paths)

	def _patterns(self):
		path = os.path.join(self.kernel.series.root, PATTERNS)
		if not os.path.exists(path):
			return ["mmap"]
		lines = self.kernel.series.read(PATTERNS).split("\n")
		return [line for line in lines if line and line[0] != "#"]

	def _candidates(self):
		"""The paths of the stepped tree that may have to be converted."""
		patterns = self._patterns()
		found = self._base_candidates(patterns)
		matcher = re.compile("|".join(f"(?:{p})" for p in patterns).encode(),
				     re.M)
		for path, (mode, data) in self.kernel.files.items():
			found.discard(path)
			if path.endswith((".c", ".h")) and mode != "120000" and \
			   matcher.search(data):
				found.add(path)
		return sorted(path for path in found
			      if not path.startswith(_OUTSIDE)
			      and not _TESTS.search(os.path.basename(path)))

	def _base_candidates(self, patterns):
		"""Searching the whole base takes seconds, so remember the result."""
		base = self.kernel.base
		key = hashlib.sha256("\n".join([base.commit] + patterns)
				     .encode()).hexdigest()
		path = os.path.join(self.cache, "candidates-" + key[:16])
		try:
			with open(path, encoding="utf-8",
				  errors="surrogateescape") as file:
				count, *names = file.read().split("\0")
			if int(count) == len(names):
				return set(names)
		except (OSError, ValueError):
			pass
		names = sorted(name for name in base.grep(patterns)
			       if base.files[name][0] != "120000")
		os.makedirs(self.cache, exist_ok=True)
		with open(path + ".new", "w", encoding="utf-8",
			  errors="surrogateescape") as file:
			file.write("\0".join([str(len(names))] + names))
		os.replace(path + ".new", path)
		return set(names)

	def _lay_out(self, paths):
		"""Make self.tree hold @paths, touching what differs alone."""
		wanted = set(paths)
		for folder, folders, files in os.walk(self.tree):
			for name in files + [f for f in folders if os.path.islink(
					os.path.join(folder, f))]:
				full = os.path.join(folder, name)
				if os.path.relpath(full, self.tree) not in wanted \
				   or os.path.islink(full):
					os.unlink(full)
		for path in paths:
			full = os.path.join(self.tree, path)
			if self._is_same(full, path):
				continue
			if os.path.isdir(full):
				shutil.rmtree(full)
			os.makedirs(os.path.dirname(full), exist_ok=True)
			with open(full, "wb") as file:
				file.write(self.kernel.file(path)[1])

	def _is_same(self, full, path):
		"""Does the file @full hold what @path of the kernel does?"""
		try:
			with open(full, "rb") as file:
				data = file.read()
		except OSError:
			return False
		if path in self.kernel.files:
			return self.kernel.files[path][1] == data
		# A git blob's id, which needs no look at the base's objects.
		blob = self.kernel.base.files[path][1]
		digest = hashlib.sha1 if len(blob) == 40 else hashlib.sha256
		return digest(b"blob %d\0" % len(data) + data).hexdigest() == blob

	def _convert(self):
		cache = os.path.join(self.cache, "convert")
		os.makedirs(cache, exist_ok=True)
		os.makedirs(self.report, exist_ok=True)
		steps = os.path.join(self.cache, "steps.json")
		with open(steps, "w", encoding="utf-8") as file:
			json.dump(self.steps, file)
		argv = [sys.executable, self.program, "tree", "--tree", self.tree,
			"--report", self.report, "--cache", cache,
			"--jobs", str(self.jobs), "--source", self.source,
			"--steps", steps, "--progress"]
		# It has children in sessions of their own, which it ends if it is
		# interrupted, but not if it is killed.
		child = process.start(
			argv, signal.SIGINT, stdout=-1, stderr=-1, cwd=self.kernel.series.root,
			env=process.environment({"PYTHONDONTWRITEBYTECODE": "1"}))
		# Both pipes are drained, so that neither stops the child.
		errors = []
		reader = threading.Thread(target=lambda: errors.append(
			child.stderr.read()), daemon=True)
		with process.uninterrupted():
			reader.start()
		try:
			for line in child.stdout:
				self.progress.note(line.decode("utf-8",
							       "replace").strip())
			status = child.wait()
		except BaseException:
			child.send_signal(signal.SIGINT)
			with contextlib.suppress(subprocess.TimeoutExpired):
				child.wait(_PATIENCE)
			process.kill(child)
			raise
		finally:
			reader.join()
			child.stdout.close()
			child.stderr.close()
			process.finished(child)
		if status:
			raise process.child_failure(["convert.py"], status, errors[0],
						    self.tree, "Converting")

	def _commits(self, paths):
		"""Make commits of what convert.py changed, as it grouped that."""
		changed = self._changed(paths)
		name = os.path.join(self.report, "commits.json")
		try:
			with open(name, encoding="utf-8") as file:
				groups = json.load(file)
			groups = [(str(group["message"]), list(group["files"]))
				  for group in groups]
		except (OSError, ValueError, KeyError, TypeError) as error:
			raise Failure(f"{PROGRAM} left no usable commits.json: "
				      f"{error}. This is a defect of it.") from None
		commits = []
		left = dict(changed)
		for message, files in groups:
			subject = message.split("\n", 1)[0]
			if not subject.strip() or not files:
				raise Failure(f"{PROGRAM}: the commit '{subject}' has "
					      "no message or no files. This is a "
					      "defect of it.")
			for number, path in enumerate(files):
				if path not in left or path in files[:number]:
					why = ("is in two commits" if path in changed
					       else "was not changed")
					raise Failure(f"{PROGRAM}: {path} of the "
						      f"commit '{subject}' {why}. "
						      "This is a defect of it.")
			commits.append(Commit(message.rstrip("\n") + "\n",
					      {path: left.pop(path)
					       for path in files}))
		if left:
			raise Failure(f"{PROGRAM} changed {', '.join(sorted(left))} "
				      "but put that in no commit. This is a defect "
				      "of it.")
		return commits

	def _changed(self, paths):
		"""{path: (mode, bytes)} of the files that are not as laid out."""
		changed = {}
		for path in paths:
			full = os.path.join(self.tree, path)
			if self._is_same(full, path):
				continue
			try:
				with open(full, "rb") as file:
					data = file.read()
			except OSError:
				raise Failure(f"{PROGRAM} removed {path}. This is a "
					      "defect of it.") from None
			mode = (self.kernel.files.get(path)
				or self.kernel.base.files[path])[0]
			changed[path] = mode, data
		return changed
