# SPDX-License-Identifier: GPL-2.0-only
"""The edits on plain text: insert, append, move, supersede.

Each has a parse_*() that reads an edit file and an apply function that takes
the text of the file to be edited and returns the new one. All raise Failure.
"""

import difflib
import hashlib
import re
import textwrap

from csource import Source
from failure import Failure

SPDX = re.compile(r"(?:# |// )?SPDX-License-Identifier: \S.*\Z")


def split_lines(text):
	"""The lines of @text with their \\n, which alone ends a line."""
	return re.findall(r"[^\n]*\n|[^\n]+\Z", text)


class _Header:
	"""Reads the key lines of an edit file up to its '---'."""

	def __init__(self, path, text):
		self.path = path
		self.lines = split_lines(text)
		self.at = 0

	def fail(self, line, text):
		raise Failure(f"{self.path}:{line + 1}: {text}")

	def spdx(self):
		"""Step over the first line, the licence."""
		if not self.lines or not SPDX.match(self.lines[0].rstrip("\n")):
			self.fail(0, "The first line must be "
				  "'SPDX-License-Identifier: GPL-2.0-only'.")
		self.at = 1

	def keys(self, known, body):
		"""Yield (line number, key, value) for each line up to '---'.

		@known: the keys that may be there
		@body: whether '---' must come; otherwise the end will do
		"""
		while self.at < len(self.lines):
			number = self.at
			line = self.lines[number].rstrip("\n")
			self.at += 1
			if line == "---":
				return
			if not line or line.startswith(("# ", "// ")) or line == "#":
				continue
			key, colon, value = line.partition(":")
			if not colon or key not in known:
				self.fail(number, "This line is not "
					  + " or ".join(f"'{k}: ...'" for k in known)
					  + " and not the line '---' that ends the "
					  "header." if known else
					  "Only the line '---' may follow the licence.")
			if value.startswith(" "):
				value = value[1:]
			yield number, key, value
		if body:
			self.fail(len(self.lines) - 1, "The line '---' that ends "
				  "the header is missing.")

	def body(self, separator=None):
		"""The text up to the line @separator, and if that was there."""
		begin = self.at
		while self.at < len(self.lines):
			if separator and self.lines[self.at].rstrip("\n") == separator:
				self.at += 1
				return "".join(self.lines[begin:self.at - 1]), True
			self.at += 1
		return "".join(self.lines[begin:]), False


class Insert:
	"""One insertion: @text, before, after or instead of the lines @anchor.

	@side: "Before", "After" or "Instead"
	"""

	def __init__(self, line, side, anchor, text):
		self.line = line
		self.side = side
		self.anchor = anchor
		self.text = text


def parse_insert(path, text):
	"""The list of Insert that the edit file @path with @text holds."""
	header = _Header(path, text)
	header.spdx()
	inserts = []
	more = True
	while more:
		first = header.at
		side = None
		anchor = []
		last = None
		for number, key, value in header.keys(
				("Before", "After", "Instead"), True):
			if side not in (None, key):
				header.fail(number, "An insert has one of 'Before:', "
					    "'After:' and 'Instead:', not two.")
			if last is not None and number != last + 1:
				header.fail(number, "The lines of one anchor must "
					    "follow one another.")
			side, last = key, number
			anchor.append(value)
		if not anchor:
			header.fail(min(first, len(header.lines) - 1),
				    "This insert names no place: 'Before:', "
				    "'After:' or 'Instead:' with a whole line is "
				    "missing.")
		body, more = header.body("===")
		if not body and side != "Instead":
			header.fail(min(header.at, len(header.lines)) - 1,
				    "There is no text to insert.")
		if body and not body.endswith("\n"):
			header.fail(len(header.lines) - 1, "The text to insert does "
				    "not end with a line break.")
		inserts.append(Insert(first, side, anchor, body))
	return inserts


def insert(inserts, path, target, text):
	"""Make @inserts of the edit file @path in @text of the file @target."""
	lines = split_lines(text)
	bare = [line.rstrip("\n") for line in lines]
	places = []
	for order, one in enumerate(inserts):
		size = len(one.anchor)
		found = [n for n in range(len(bare) - size + 1)
			 if bare[n:n + size] == one.anchor]
		shown = " / ".join(f"'{line}'" for line in one.anchor)
		if not found:
			raise Failure(
				f"{path}:{one.line + 1}: the anchor {shown} is not in "
				f"{target}{_nearest(one.anchor, bare)}. Choose a "
				"place that is there.")
		if len(found) > 1:
			numbers = ", ".join(str(n + 1) for n in found[:8])
			times = "twice" if len(found) == 2 else f"{len(found)} times"
			raise Failure(
				f"{path}:{one.line + 1}: the anchor {shown} is "
				f"{times} in {target}, in lines {numbers}. Lengthen "
				"it with a line before or after it (repeat the key) "
				"until it is there once.")
		places.append((found[0] + (size if one.side == "After" else 0),
			       order, one))
	out = []
	done = 0
	for place, _, one in sorted(places, key=lambda entry: entry[:2]):
		if place < done:
			raise Failure(f"{path}:{one.line + 1}: this place in {target} "
				      "is among the lines that another insert has "
				      "text instead of. Make one of the two.")
		out += lines[done:place]
		if place and not lines[place - 1].endswith("\n"):
			raise Failure(f"{path}:{one.line + 1}: {target} does not end "
				      "with a line break; nothing can be inserted "
				      "after its last line.")
		out.append(one.text)
		done = place + (len(one.anchor) if one.side == "Instead" else 0)
	return "".join(out + lines[done:])


def _nearest(anchor, bare):
	"""A hint at lines that differ from @anchor in white space alone."""
	wanted = "".join(anchor[0].split())
	near = [n + 1 for n, line in enumerate(bare)
		if wanted and "".join(line.split()) == wanted]
	if not near or len(near) > 3:
		return ""
	which = ", ".join(map(str, near))
	if bare[near[0] - 1] == anchor[0]:
		return f" (its first line is, in line {which})"
	return f" (line {which} differs from it in white space only)"


def parse_append(path, text):
	"""The text that the edit file @path with @text appends."""
	header = _Header(path, text)
	header.spdx()
	for _ in header.keys((), True):
		pass
	body, _ = header.body()
	if not body:
		header.fail(len(header.lines) - 1, "There is no text to append.")
	if not body.endswith("\n"):
		header.fail(len(header.lines) - 1, "The text to append does not end "
			    "with a line break.")
	return body


def append(body, path, target, text):
	"""Append @body of the edit file @path to @text of the file @target."""
	if text and not text.endswith("\n"):
		raise Failure(f"{path}: {target} does not end with a line break; "
			      "nothing can be appended to it.")
	return text + body


def parse_move(path, text):
	"""The list of (line, source file, function) that @path moves."""
	header = _Header(path, text)
	header.spdx()
	moves = []
	source = None
	for number, key, value in header.keys(("From", "Function"), False):
		value = value.strip()
		if not value:
			header.fail(number, f"'{key}:' needs a value.")
		if key == "From":
			source = value
		elif source is None:
			header.fail(number, "'From: FILE' must come before the "
				    "first 'Function:'.")
		elif (source, value) in [move[1:] for move in moves]:
			header.fail(number, f"{value}() is named twice.")
		else:
			moves.append((number, source, value))
	rest, _ = header.body()
	if rest.strip():
		header.fail(header.at - 1, "A move has no text after '---': what it "
			    "moves stays as it is.")
	if not moves:
		header.fail(len(header.lines) - 1, "No 'Function:' is named.")
	return moves


def remove_functions(names, text, path, moving=False):
	"""Take the functions @names out of @text of the C file @path.

	@moving: refuse a function inside an #if, whose condition it would lose
	Returns (the text that is left, {name: text of the function}).
	"""
	source = Source(text, path)
	taken = {}
	functions = [source.find(name) for name in names]
	for function in functions:
		if moving and function.condition is not None:
			raise Failure(
				f"{path}:{function.name_line + 1}: the function "
				f"{function.name}() is inside the #if of line "
				f"{function.condition + 1}, which a move would leave "
				"behind. Supersede it instead.")
		taken[function.name] = "".join(
			source.lines[function.start:function.end])
	lines = source.lines
	for function in sorted(functions, key=lambda f: -f.start):
		start, end = function.start, function.end
		blank_before = start == 0 or not lines[start - 1].strip()
		blank_after = end < len(lines) and not lines[end].strip()
		if blank_before and blank_after:
			end += 1
		elif start and blank_before and end == len(lines):
			start -= 1
		lines = lines[:start] + lines[end:]
	return "".join(lines), taken


def add_function(text, function, target):
	"""Put the text @function at the end of @text of the file @target."""
	if text and not text.endswith("\n"):
		raise Failure(f"{target} does not end with a line break; nothing "
			      "can be moved to its end.")
	if not function.endswith("\n"):
		function += "\n"
	if text and not text.endswith("\n\n"):
		text += "\n"
	return text + function


class Reviewed:
	"""A function as it was when last reviewed.

	@lines: the hash of each of its lines; @whole: of its text. Empty when
	it has never been recorded.
	"""

	def __init__(self, line, name):
		self.line = line
		self.name = name
		self.lines = []
		self.whole = ""


class Supersede:
	"""What a .supersede file holds: @version, and @functions (Reviewed)."""

	def __init__(self, version, functions):
		self.version = version
		self.functions = functions


def hash_line(line):
	"""Four hex digits that stand for the @line, which has no \\n."""
	return _sha256(line)[:4]


def _sha256(text):
	return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def parse_supersede(path, text):
	"""The Supersede that the edit file @path with @text holds."""
	header = _Header(path, text)
	header.spdx()
	version = ""
	functions = []
	keys = ("Reviewed", "Function", "Lines", "Sha256")
	for number, key, value in header.keys(keys, False):
		value = value.strip()
		if not value:
			header.fail(number, f"'{key}:' needs a value.")
		if key == "Reviewed":
			if version:
				header.fail(number, "'Reviewed:' is there twice.")
			version = value
		elif key == "Function":
			if value in [function.name for function in functions]:
				header.fail(number, f"{value}() is named twice.")
			functions.append(Reviewed(number, value))
		elif not functions:
			header.fail(number, f"'{key}:' must come after a "
				    "'Function:'.")
		elif key == "Lines":
			words = value.split()
			for word in words:
				if not re.fullmatch("[0-9a-f]{4}", word):
					header.fail(number, f"'{word}' is not four "
						    "hex digits.")
			functions[-1].lines += words
		elif functions[-1].whole:
			header.fail(number, "'Sha256:' is there twice for "
				    f"{functions[-1].name}().")
		elif not re.fullmatch("[0-9a-f]{64}", value):
			header.fail(number, "The value is not 64 hex digits.")
		else:
			functions[-1].whole = value
	rest, _ = header.body()
	if rest.strip():
		header.fail(header.at - 1, "A supersede has no text after '---'.")
	if not functions:
		header.fail(len(header.lines) - 1, "No 'Function:' is named.")
	return Supersede(version, functions)


def supersede(edit, path, target, text, version):
	"""Remove the functions of @edit, the file @path, from @text of @target.

	@version: the base's version, for the message if a function's text is
	not the reviewed one
	"""
	names = [function.name for function in edit.functions]
	left, taken = remove_functions(names, text, target)
	changed = [_difference(function, taken[function.name], edit, path, target,
			       version)
		   for function in edit.functions
		   if _sha256(taken[function.name]) != function.whole]
	if changed:
		raise Failure("\n".join(changed) + "\nReview the change, carry it "
			      "over into the code that replaces the function, "
			      "then run\n    scripts/overlay/overlay.py record "
			      f"{path}\nwhich records the text as reviewed.")
	return left


def _difference(function, text, edit, path, target, version):
	"""The message for a function that is not as it was reviewed."""
	lines = [line.rstrip("\n") for line in split_lines(text)]
	where = f"{path}:{function.line + 1}: "
	if not function.whole:
		return (f"{where}the function {function.name}() of {target} has "
			"never been recorded as reviewed.")
	out = [f"{where}the function {function.name}() of {target} is not the "
	       f"one that was reviewed: reviewed at {edit.version or 'no version'}"
	       f", the base is {version}. The difference:"]
	now = [hash_line(line) for line in lines]
	matcher = difflib.SequenceMatcher(None, function.lines, now, False)
	for tag, a, b, c, d in matcher.get_opcodes():
		if tag == "equal":
			continue
		out += [f"- (line {n + 1} of the reviewed text)"
			for n in range(a, b)]
		out += ["+ " + line for line in lines[c:d]]
	if len(out) == 1:
		out.append("  none by line: the recorded hashes contradict one "
			   "another; the file was edited by hand.")
	return "\n".join(out)


def record(path, old_text, target, text, version):
	"""The new text of the .supersede file @path, whose text is @old_text.

	Its functions are recorded as they are in @text of @target now, as
	reviewed at the base's @version. Comments above the first key stay.
	"""
	edit = parse_supersede(path, old_text)
	names = [function.name for function in edit.functions]
	_, taken = remove_functions(names, text, target)
	lines = old_text.split("\n")
	keep = 1
	while keep < len(lines) and (lines[keep].startswith(("#", "//"))):
		keep += 1
	out = lines[:keep] + [f"Reviewed: {version}"]
	for name in names:
		body = taken[name]
		hashes = " ".join(hash_line(line.rstrip("\n"))
				  for line in split_lines(body))
		out.append(f"Function: {name}")
		out += ["Lines: " + line for line in textwrap.wrap(hashes, 70)]
		out.append(f"Sha256: {_sha256(body)}")
	return "\n".join(out) + "\n"
