# SPDX-License-Identifier: GPL-2.0-only
"""Reads the series and its steps, and tells what each overlay file does."""

import fnmatch
import os
import re
import stat

import process
from edits import SPDX
from failure import Failure

KINDS = ("add", "supersede", "move", "cocci", "insert", "append")
EDITS = KINDS[1:]

# What a 6.12 kernel has at its top, for a check that has no base at hand.
FOLDERS = frozenset(
	"Documentation LICENSES arch block certs crypto drivers fs include init "
	"io_uring ipc kernel lib mm net rust samples scripts security sound tools "
	"usr virt".split())

_DROPPINGS = ("*~", ".*.swp", "*.orig", "*.rej", "*.pyc")
_STEP_NAME = re.compile(r"[a-z0-9-]+\Z")


class Edit:
	"""An edit file: @path of the overlay edits @target as its @kind says."""

	def __init__(self, path, target, kind):
		self.path = path
		self.target = target
		self.kind = kind


class Step:
	"""A step of the series.

	@path: its file; @name; @message: of its commit; @builds: objects
	@adds: plain files, sorted; @edits: Edit, in the order they are made
	"""

	def __init__(self, path, name, message, builds, claims):
		self.path = path
		self.name = name
		self.message = message
		self.builds = builds
		self.claims = claims
		self.adds = []
		self.edits = []


class Series:
	"""The overlay in the folder @root, read and checked.

	@folders: the top-level folders that the kernel has
	Raises Failure for whatever is wrong in series, steps and names.

	@steps: Step, in order; @files: every file that decides about the
	result (path in the overlay), sorted
	"""

	def __init__(self, root, folders=FOLDERS):
		self.root = root
		self.folders = folders
		self.excludes = []
		self.steps = []
		self._read_series()
		self.files = self._find_files()
		self._sort_files()

	def read(self, path):
		"""The text of the overlay file @path, lossless for any bytes."""
		try:
			with open(os.path.join(self.root, path), "rb") as file:
				return file.read().decode("utf-8", "surrogateescape")
		except OSError as error:
			raise Failure(f"{path} cannot be read: {error.strerror}.") \
				from None

	def plain(self, path):
		"""(git mode, bytes) of the plain overlay file @path."""
		full = os.path.join(self.root, path)
		try:
			mode = os.lstat(full).st_mode
			if stat.S_ISLNK(mode):
				return "120000", os.fsencode(os.readlink(full))
			with open(full, "rb") as file:
				data = file.read()
		except OSError as error:
			raise Failure(f"{path} cannot be read: {error.strerror}.") \
				from None
		return ("100755" if mode & 0o100 else "100644"), data

	def excluded(self, path):
		"""Is @path below one of the excluded prefixes?"""
		return any(path == prefix or path.startswith(prefix + "/")
			   for prefix in self.excludes)

	def _read_series(self):
		if not os.path.exists(os.path.join(self.root, "series")):
			raise Failure(f"There is no file 'series' in {self.root}. "
				      "Name the overlay's folder with --root.")
		lines = self.read("series").split("\n")
		if not SPDX.match(lines[0]):
			raise Failure("series:1: The first line must be "
				      "'# SPDX-License-Identifier: GPL-2.0-only'.")
		for number, line in enumerate(lines, 1):
			words = line.split()
			if not words or words[0].startswith("#"):
				continue
			if len(words) != 2 or words[0] not in ("step", "exclude"):
				raise Failure(f"series:{number}: This line is not "
					      "'step FILE' or 'exclude PREFIX'.")
			path = words[1].rstrip("/")
			if words[0] == "exclude":
				self.excludes.append(path)
			else:
				self._read_step(path, f"series:{number}")

	def _read_step(self, path, where):
		name, dot, kind = os.path.basename(path).rpartition(".")
		if not dot or kind != "step" or not _STEP_NAME.match(name):
			raise Failure(f"{where}: {path} is not the name of a step's "
				      "file: NAME.step, NAME of a-z, 0-9 and '-'.")
		for step in self.steps:
			if step.name == name:
				raise Failure(f"{where}: there is a step {name} "
					      f"already, {step.path}.")
		if not os.path.exists(os.path.join(self.root, path)):
			raise Failure(f"{where}: {path} does not exist. Write it or "
				      "take the line out.")
		lines = self.read(path).rstrip("\n").split("\n")
		if not SPDX.match(lines[0]):
			raise Failure(f"{path}:1: The first line must be "
				      "'# SPDX-License-Identifier: GPL-2.0-only'.")
		if "---" not in lines:
			raise Failure(f"{path}:{len(lines)}: The line '---' that ends "
				      "the message is missing.")
		end = lines.index("---")
		message = "\n".join(lines[1:end]).strip("\n")
		self._check_message(path, message.split("\n"),
				    next((n for n in range(1, end) if lines[n]), 1))
		keys = {"adds": [], "builds": []}
		for number in range(end + 1, len(lines)):
			line = lines[number]
			if not line.strip() or line.startswith("#"):
				continue
			key, colon, value = line.partition(":")
			if not colon or key not in keys:
				raise Failure(f"{path}:{number + 1}: This line is not "
					      "'adds: FILE...' or 'builds: "
					      "OBJECT...'.")
			keys[key] += [(word, number + 1) for word in value.split()]
		self.steps.append(Step(path, name, message + "\n",
				       [word for word, _ in keys["builds"]],
				       keys["adds"]))

	def _check_message(self, path, lines, first):
		where = f"{path}:{first + 1}: "
		if not lines[0].strip():
			raise Failure(f"{where}The commit message is missing.")
		if len(lines[0]) > 75:
			raise Failure(f"{where}The subject has {len(lines[0])} "
				      "characters; 75 is the limit.")
		if len(lines) < 3 or lines[1]:
			raise Failure(f"{where}A blank line and a body that says why "
				      "must follow the subject.")
		for number, line in enumerate(lines[2:], first + 3):
			if len(line) > 75 and " " in line.strip():
				raise Failure(f"{path}:{number}: The line has "
					      f"{len(line)} characters; wrap it at "
					      "75.")

	def _find_files(self):
		"""Every overlay file, from git where there is one, else by walking.

		git knows what is ignored: objects of a test that was built in
		place are no part of the overlay.
		"""
		if os.path.exists(os.path.join(self.root, ".git")):
			out = process.checked(
				["git", "-c", "safe.directory=*", "-C", self.root,
				 "ls-files", "-z", "--cached", "--others",
				 "--exclude-per-directory=.gitignore", "--",
				 *sorted(self.folders)], self.root,
				"Listing the files of the overlay")
			paths = {os.fsdecode(path) for path in out.split(b"\0") if path}
			paths = {path for path in paths if os.path.lexists(
				os.path.join(self.root, path))}
		else:
			paths = set()
			for folder in self.folders:
				paths.update(self._walk(folder))
		return sorted(path for path in paths if self._counts(path))

	def _walk(self, folder):
		top = os.path.join(self.root, folder)
		for path, folders, files in os.walk(top):
			for name in files + [f for f in folders if os.path.islink(
					os.path.join(path, f))]:
				yield os.path.relpath(os.path.join(path, name),
						      self.root)

	def _counts(self, path):
		parts = path.split("/")
		return (len(parts) > 1 and parts[0] in self.folders
			and "__pycache__" not in parts
			and not any(fnmatch.fnmatchcase(parts[-1], pattern)
				    for pattern in _DROPPINGS)
			and not self.excluded(path))

	def _sort_files(self):
		"""Give every file to the step that it belongs to."""
		steps = {step.name: step for step in self.steps}
		listed = {step.path for step in self.steps}
		plain = []
		for path in self.files:
			if os.path.isdir(os.path.join(self.root, path)) and \
			   not os.path.islink(os.path.join(self.root, path)):
				raise Failure(f"{path} is a git repository of its "
					      "own inside the overlay; move it out.")
			if path.endswith(".step"):
				if path not in listed:
					raise Failure(f"{path} is not in the series: "
						      f"add the line 'step {path}' "
						      "to the file 'series'.")
				continue
			edit = self._classify(path, steps)
			if edit:
				steps[edit[0]].edits.append(edit[1])
			else:
				plain.append(path)
		self._claim(plain)
		for step in self.steps:
			step.edits.sort(key=lambda edit: (KINDS.index(edit.kind),
							  edit.target))
			if not step.adds and not step.edits:
				raise Failure(f"{step.path}: the step has no file: "
					      "nothing is added by it and no file is "
					      f"named *.{step.name}.KIND.")

	def _classify(self, path, steps):
		"""(step's name, Edit) for an edit file, None for a plain one."""
		folder, _, name = path.rpartition("/")
		rest, dot, kind = name.rpartition(".")
		if kind not in EDITS or not dot:
			return None
		target, dot, step = rest.rpartition(".")
		if not dot or not _STEP_NAME.match(step):
			return None
		if step not in steps:
			known = ", ".join(steps) or "none"
			raise Failure(f"{path}: there is no step '{step}'. The steps "
				      f"are: {known}. Correct the name or add the "
				      "step to the series.")
		if not target:
			raise Failure(f"{path}: the name says no file that is to be "
				      f"edited: FILE.{step}.{kind}.")
		return step, Edit(path, f"{folder}/{target}", kind)

	def _claim(self, plain):
		"""Give each of the @plain files to the one step that adds it."""
		owner = {}
		for step in self.steps:
			for claim, line in step.claims:
				where = f"{step.path}:{line}: "
				if claim.endswith("/"):
					continue
				if claim in owner:
					raise Failure(f"{where}{claim} is added by the "
						      f"step {owner[claim].name} "
						      "already.")
				if claim not in plain:
					raise Failure(f"{where}{claim} is no plain "
						      "file of the overlay. Write it "
						      "or take it out.")
				owner[claim] = step
		owner.update(self._claim_folders(plain, owner))
		for path in plain:
			if path not in owner:
				raise Failure(f"{path} belongs to no step: name it in "
					      "an 'adds:' line of a step's file, or "
					      "exclude it in the file 'series'.")
			owner[path].adds.append(path)

	def _claim_folders(self, plain, named):
		"""The owners of the files that are claimed by their folder."""
		owner = {}
		for step in self.steps:
			for claim, line in step.claims:
				if not claim.endswith("/"):
					continue
				where = f"{step.path}:{line}: "
				below = [path for path in plain
					 if path.startswith(claim)
					 and path not in named]
				if not below:
					raise Failure(f"{where}there is no plain file "
						      f"below {claim} that no other "
						      "step names.")
				for path in below:
					if path in owner:
						raise Failure(
							f"{where}{path} is added by the"
							f" step {owner[path].name} "
							"already.")
					owner[path] = step
		return owner
