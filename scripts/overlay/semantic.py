# SPDX-License-Identifier: GPL-2.0-only
"""Runs the rules of a semantic patch one by one and counts what each does.

spatch exits with 0 when a rule matches nothing, so a rule that edits declares
how many hunks it makes, and is run alone to see whether it does.
"""

import hashlib
import os
import re
import shlex
import subprocess
import tempfile
import time

import process
from edits import SPDX
from failure import Failure

TIMEOUT = 60		# seconds for one rule
_KEEP = 30 * 86400	# seconds that an unused result stays in the cache
_OPTIONS = ["--very-quiet", "--no-includes"]
_FIRES = re.compile(r"//\s*Fires:\s*(.*?)\s*\Z")
_WORDS = {"depends", "extends", "disable", "using", "exists", "forall",
	  "expression", "identifier", "type", "generated"}


class Rule:
	"""A rule of a semantic patch: @text from line @line on (from 1).

	@name: None for an unnamed script
	@script: is it code, not SmPL?
	@head, @declarations, @body: its parts
	@fires: the hunks it must make, None if it does not edit
	"""

	def __init__(self, line):
		self.line = line
		self.name = None
		self.script = False
		self.head = ""
		self.declarations = ""
		self.body = ""
		self.fires = None

	@property
	def text(self):
		return self.head + self.declarations + self.body

	@property
	def edits(self):
		"""Does the rule change what it matches?"""
		return not self.script and any(
			line[:1] in "+-" for line in self.body.split("\n") if line)


class Patch:
	"""The semantic patch @path, split into @preamble, @options, @rules."""

	def __init__(self, path, text):
		self.path = path
		self.options = []
		self.preamble = ""
		self.rules = []
		self._parse(text)
		self._check()

	def _fail(self, line, text):
		raise Failure(f"{self.path}:{line}: {text}")

	def _parse(self, text):
		lines = text.split("\n")
		if not SPDX.match(lines[0]):
			self._fail(1, "The first line must be "
				   "'// SPDX-License-Identifier: GPL-2.0-only'.")
		begun = [n for n, line in enumerate(lines) if line[:1] == "@"]
		first = begun[0] if begun else len(lines)
		for number, line in enumerate(lines):
			match = re.match(r"//\s*Options:(.*)", line)
			if match:
				words = shlex.split(match.group(1))
				self._check_options(number + 1, words)
				self.options += words
			if re.match(r"\s*#\s*spatch\b", line):
				self._fail_file(number + 1, "'# spatch' may name")
			if number < first and re.match(
					r"\s*(#\s*include|using)\b", line):
				self._fail_file(number + 1, "This line names")
		self.preamble = "\n".join(lines[:first]) + "\n"
		at = first
		while at < len(lines):
			at = self._parse_rule(lines, at)

	def _fail_file(self, line, what):
		"""A change of a file that nobody told us of goes unnoticed."""
		self._fail(line, f"{what} another file for spatch to read, which "
			   "an edit must not need. Write what is needed into this "
			   "file, and options that name no file into a line "
			   "'// Options:'.")

	def _check_options(self, line, words):
		"""Refuse an option with a value, but for -D and numbers."""
		before = ""
		for word in words:
			if before != "-D" and not re.fullmatch(r"-[^=]*|\d+", word):
				self._fail_file(line, f"'{word}' may name")
			before = word

	def _parse_rule(self, lines, at):
		"""Read the rule whose '@' begins line @at; returns its end."""
		rule = Rule(at + 1)
		self.rules.append(rule)
		self._parse_fires(rule, lines, at)
		# The head may go on over several lines, to the second '@'.
		head = lines[at]
		at += 1
		while "@" not in head[1:]:
			if at == len(lines):
				self._fail(rule.line, "The head of this rule has no "
					   "second '@'.")
			head += "\n" + lines[at]
			at += 1
		inside, rest = re.match(r"@([^@]*)@(.*)", head, re.S).groups()
		rule.head = "@" + inside + "@"
		self._parse_head(rule, inside)
		# Declarations up to '@@', which may be on the same line.
		if "@@" in rest:
			declarations, body = rest.split("@@", 1)
			rule.declarations = declarations + "@@"
			rule.body = body + "\n"
		else:
			taken = [rest]
			while True:
				if at == len(lines):
					self._fail(rule.line, "The declarations of "
						   "this rule are not ended by '@@'.")
				taken.append(lines[at])
				at += 1
				if "@@" in taken[-1]:
					break
			rule.declarations = "\n".join(taken) + "\n"
		body = []
		while at < len(lines) and lines[at][:1] != "@":
			body.append(lines[at])
			at += 1
		rule.body += "\n".join(body) + "\n"
		return at

	def _parse_fires(self, rule, lines, at):
		"""Take the count from the comment line directly above the rule."""
		match = _FIRES.match(lines[at - 1]) if at else None
		if match:
			if not re.fullmatch(r"[1-9]\d*", match.group(1)):
				self._fail(at, "'Fires:' needs a number of hunks, 1 "
					   "or more.")
			rule.fires = int(match.group(1))

	def _parse_head(self, rule, inside):
		words = re.sub(r"//[^\n]*", "", inside).split()
		if "using" in words:
			self._fail_file(rule.line, "'using' names")
		rule.script = bool(words) and ":" in words[0]
		if rule.script:
			words = words[1:]
		if words and words[0] not in _WORDS and \
		   re.fullmatch(r"\w+", words[0]):
			rule.name = words[0]
		elif not rule.script:
			self._fail(rule.line, "This rule has no name; every rule "
				   "needs one: '@name@'.")

	def _check(self):
		"""Refuse what cannot be run rule by rule."""
		names = set()
		editing = []
		for rule in self.rules:
			where = rule.line
			if rule.name in names:
				self._fail(where, f"The name {rule.name} is used "
					   "twice.")
			if rule.name:
				names.add(rule.name)
			if rule.edits and rule.fires is None:
				self._fail(where, f"The rule {rule.name} edits but "
					   "does not say how often: the line '// "
					   "Fires: N' is missing directly above it.")
			if not rule.edits and rule.fires is not None:
				self._fail(where, f"The rule {rule.name} declares "
					   f"{rule.fires} hunks but has no line that "
					   "begins with '+' or '-'.")
			for other in editing:
				if self._uses(rule, other.name):
					self._fail(where, f"The rule {rule.name} uses "
						   f"the rule {other.name}, which "
						   "edits. Each editing rule is run "
						   "alone: move what both need into a "
						   "rule that only matches.")
			if rule.edits:
				editing.append(rule)
		if not editing:
			self._fail(1, "No rule edits anything.")
		for rule in reversed(self.rules):
			if rule.edits:
				break
			if not re.match(r"@\s*finalize:", rule.head):
				self._fail(rule.line, f"The rule {rule.name} comes "
					   "after the last one that edits and would "
					   "never be used. Take it out.")

	def _uses(self, rule, name):
		inherits = re.search(rf"\b{name}\s*\.\s*\w", rule.declarations)
		depends = re.search(rf"\b(depends|extends)\b[^@]*\b{name}\b",
				    rule.head)
		return bool(inherits or depends)

	def smpl(self, rule):
		"""The semantic patch that runs the editing @rule alone.

		The rules before it that only match go along, for it to use.
		"""
		before = self.rules[:self.rules.index(rule)]
		return self.preamble + "".join(
			one.text for one in before if not one.edits) + rule.text


class Spatch:
	"""Runs spatch, remembering what came out.

	@cache: folder for the results, None for no cache
	@scratch: folder for temporary files; made when needed
	"""

	def __init__(self, cache, scratch):
		self.cache = cache
		self.scratch = scratch
		self._version = None

	@property
	def version(self):
		"""What the installed spatch says about itself, or "none"."""
		if self._version is None:
			try:
				_, out, _ = process.run(["spatch", "--version"])
				self._version = out.decode("utf-8", "replace")
			except Failure:
				self._version = "none"
		return self._version

	def apply(self, patch, target, data):
		"""Run the rules of @patch on @data, the bytes of @target.

		Returns the new bytes. Raises Failure, naming file and rule, if
		spatch fails or a rule does not make the hunks it declares.
		"""
		for rule in patch.rules:
			if not rule.edits:
				continue
			key, new, known = self._run(patch, rule, target, data)
			hunks = self._hunks(data, new)
			if hunks != rule.fires:
				times = "once" if hunks == 1 else f"{hunks} times"
				raise Failure(
					f"{patch.path}:{rule.line}: the rule "
					f"{rule.name} fired {times} on {target}; it "
					f"declares {rule.fires}. Look at what the base "
					"has there now, and correct the rule or, if "
					"the result is right, its 'Fires:'.")
			# Only now: what is not as declared may be a failure of
			# spatch that it did not tell of.
			if not known:
				self._remember(key, new)
			data = new
		return data

	def _run(self, patch, rule, target, data):
		"""Returns (key in the cache, new bytes, were they remembered?)."""
		smpl = patch.smpl(rule).encode("utf-8", "surrogateescape")
		name = os.path.basename(target)
		parts = [self.version.encode(), "\0".join(patch.options).encode(),
			 name.encode(), smpl, data]
		key = hashlib.sha256(b"".join(
			b"%d:%s" % (len(part), part) for part in parts)).hexdigest()
		new = self._recall(key)
		if new is not None:
			return key, new, True
		return key, self._spatch(patch, rule, name, target, smpl,
					 data), False

	def _spatch(self, patch, rule, name, target, smpl, data):
		os.makedirs(self.scratch, exist_ok=True)
		with tempfile.TemporaryDirectory(dir=self.scratch) as folder:
			work = os.path.join(folder, name)
			_write(work, data)
			_write(os.path.join(folder, "rule.cocci"), smpl)
			# No settings of the person's own, no files left in /tmp.
			env = process.environment({"HOME": folder,
						   "TMPDIR": folder})
			argv = ["spatch", *_OPTIONS, *patch.options, "--sp-file",
				"rule.cocci", "--in-place", name]
			what = (f"{patch.path}:{rule.line}: the rule {rule.name} "
				f"on {target}")
			try:
				process.checked(argv, self.scratch, what, cwd=folder,
						env=env, timeout=TIMEOUT)
			except subprocess.TimeoutExpired:
				raise Failure(f"{what}: spatch was not done after "
					      f"{TIMEOUT} seconds. Make the rule "
					      "narrower.") from None
			with open(work, "rb") as file:
				return file.read()

	def _hunks(self, old, new):
		"""How many hunks 'diff -U0' shows from @old to @new."""
		if old == new:
			return 0
		os.makedirs(self.scratch, exist_ok=True)
		with tempfile.TemporaryDirectory(dir=self.scratch) as folder:
			_write(os.path.join(folder, "old"), old)
			_write(os.path.join(folder, "new"), new)
			argv = ["diff", "-a", "-U0", "old", "new"]
			status, out, err = process.run(argv, cwd=folder)
			if status != 1:
				raise process.child_failure(argv, status, err, folder,
							    "Counting hunks")
		return sum(line.startswith(b"@@") for line in out.split(b"\n"))

	def _entry(self, key):
		return os.path.join(self.cache, "spatch", key[:2], key[2:])

	def _recall(self, key):
		"""The remembered result, None if there is no sound one."""
		if not self.cache:
			return None
		path = self._entry(key)
		try:
			with open(path, "rb") as file:
				digest, _, data = file.read().partition(b"\n")
			if digest.decode() != hashlib.sha256(data).hexdigest():
				return None
			os.utime(path)
		except (OSError, ValueError):
			return None
		return data

	def _remember(self, key, data):
		if not self.cache:
			return
		path = self._entry(key)
		os.makedirs(os.path.dirname(path), exist_ok=True)
		digest = hashlib.sha256(data).hexdigest().encode()
		handle, name = tempfile.mkstemp(dir=os.path.dirname(path))
		try:
			with os.fdopen(handle, "wb") as file:
				file.write(digest + b"\n" + data)
			os.replace(name, path)
		except BaseException:
			os.unlink(name)
			raise

	def prune(self):
		"""Forget results that no run has used for a month."""
		top = os.path.join(self.cache, "spatch") if self.cache else ""
		limit = time.time() - _KEEP
		for folder, _, files in os.walk(top):
			for name in files:
				path = os.path.join(folder, name)
				if os.lstat(path).st_mtime < limit:
					os.unlink(path)


def _write(path, data):
	with open(path, "wb") as file:
		file.write(data)
