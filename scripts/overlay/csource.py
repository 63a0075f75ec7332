# SPDX-License-Identifier: GPL-2.0-only
"""Finds function definitions in C source without a C parser.

Comments, strings, characters and preprocessor directives are masked, then
brackets are counted. What cannot be told for sure is an error, never a guess.
"""

import bisect
import re

from failure import Failure

_TOKEN = re.compile(r"""
	(?P<comment> /\*.*?\*/ | //(?:[^\\\n]|\\.)* )
      | (?P<string> "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*' )
      | (?P<newline> \n )
      | (?P<splice> \\\n )
      | (?P<other> . )
""", re.S | re.X)
_INTERESTING = re.compile(r"/[/*]|[\"']|^[ \t]*\#", re.M)
_EVENT = re.compile(r"[{}();=]")
_CALL = re.compile(r"\b([A-Za-z_]\w*)\s*\(", re.ASCII)
_SYSCALL = re.compile(r"(?:COMPAT_)?SYSCALL_DEFINE\d\Z")
_ATTRIBUTES = r"(?:\s+(?:(?:__attribute__|__aligned)\s*\(\)|__\w+(?!\s*\()))*"
_AGGREGATE = re.compile(
	r"(?:(?:typedef|static|const|extern|volatile)\s+)*(?:struct|union|enum)"
	+ _ATTRIBUTES + r"(?:\s+\w+)?" + _ATTRIBUTES + r"\s*", re.ASCII)
_MACRO_LINE = re.compile(r"(?:[A-Za-z_]\w*\s*\(\)\s*)*", re.ASCII)
# The statements about a function %s that go along with it, and those that
# have it called by its name.
_TAIL = r"\b(?:EXPORT_\w+|ALLOW_ERROR_INJECTION|NOKPROBE_SYMBOL)\s*\(\s*%s\b"
_CALLER = (r"\b(?:\w*(?:init|exit)call\w*|module_init|module_exit|__setup\w*"
	   r"|early_param)\s*\([^;(){}]*\b%s\b")


class Function:
	"""A function definition, as lines [start, end) of its file, from 0.

	@name_line: the line its name is on
	@condition: the line of the innermost #if around it, or None
	"""

	def __init__(self, name, start, end, name_line, condition):
		self.name = name
		self.start = start
		self.end = end
		self.name_line = name_line
		self.condition = condition


class _Item:
	"""One thing at the top level: a declaration or a definition."""

	def __init__(self, start, level):
		self.start = start
		self.level = level
		self.open = None
		self.end = None
		self.initialiser = False
		self.broken = None
		self.conditions = []


class _Branch:
	"""An #if that is open: what was open when it began, and at its ends."""

	def __init__(self, line, depth):
		self.line = line
		self.depth = depth
		self.ends = []
		self.otherwise = False


class Source:
	"""A C file. @text is its whole text, @path its name in messages."""

	def __init__(self, text, path):
		self.text = text
		self.path = path
		# Only \n ends a line of C; splitlines() knows more.
		self.lines = re.findall(r"[^\n]*\n|[^\n]+\Z", text)
		self.starts = [0]
		for line in self.lines:
			self.starts.append(self.starts[-1] + len(line))
		self.comments = []
		self.directives = []
		self._mask()
		self._scan()

	def _line(self, offset):
		return bisect.bisect_right(self.starts, offset) - 1

	def _fail(self, line, text):
		raise Failure(f"{self.path}:{line + 1}: {text}")

	def _mask(self):
		"""Fill self.masked, self.comments and self.directives."""
		text = self.text
		parts = []
		at = 0
		while True:
			match = _INTERESTING.search(text, at)
			if not match:
				parts.append(text[at:])
				break
			parts.append(text[at:match.start()])
			begin = match.start()
			if match.group().endswith("#"):
				end = self._directive_end(match.end())
				word = re.match(r"\s*(\w*)", text[match.end():end])
				self.directives.append((begin, end, word.group(1)))
			else:
				token = _TOKEN.match(text, begin)
				end = token.end()
				if token.lastgroup == "comment":
					self.comments.append((begin, end))
				elif token.lastgroup == "other":
					if text.startswith("/*", begin):
						self._fail(self._line(begin),
							   "This comment never ends.")
					# A quote that is not closed on its line.
					end = begin + 1
			parts.append(re.sub(r"[^\n]", " ", text[begin:end]))
			at = end
		self.masked = "".join(parts)

	def _directive_end(self, at):
		"""The end of the directive whose '#' is before @at."""
		while True:
			token = _TOKEN.match(self.text, at)
			if not token or token.lastgroup == "newline":
				return at
			if (token.lastgroup == "other"
			    and self.text.startswith("/*", at)):
				self._fail(self._line(at), "This comment never ends.")
			at = token.end()

	def _events(self):
		"""Brackets and directives, in the order of the text."""
		events = [(match.start(), match.group())
			  for match in _EVENT.finditer(self.masked)]
		events += [(begin, "#" + word)
			   for begin, _, word in self.directives]
		events.sort()
		return events

	def _scan(self):
		"""Fill self.items: everything at the top level, in order."""
		self.items = []
		braces = parens = 0
		branches = []
		item = None
		at = 0			# where the next item may begin
		resume = 0		# brackets before this are not counted

		def begin(upto):
			nonlocal item
			if item is None:
				found = re.compile(r"\S").search(self.masked, at)
				start = found.start() if found else upto
				item = _Item(min(start, upto), list(branches))
				item.conditions = [b.line for b in branches
						   if not self._is_guard(b.line)]

		def finish(offset):
			nonlocal item, at, braces, parens
			if item.broken is None and item.level != branches:
				item.broken = (self._line(offset),
					       "an #if that begins inside it is "
					       "still open there")
			item.end = offset
			self.items.append(item)
			item = None
			at = offset
			braces = parens = 0

		def give_up(offset, reason):
			"""The item cannot be followed: go on at column 0."""
			nonlocal item, at, resume, braces, parens
			begin(offset)
			if item.broken is None:
				item.broken = (self._line(offset), reason)
			found = re.compile(r"^\}", re.M).search(self.masked, offset)
			resume = found.end() if found else len(self.text)
			item.end = resume
			self.items.append(item)
			item = None
			at = resume
			braces = parens = 0
			for branch in branches:
				branch.depth = (0, 0)
				branch.ends = []

		for offset, what in self._events():
			if what[0] == "#":
				# A directive between two items belongs to none.
				if item is None:
					found = re.compile(r"\S").search(
						self.masked, at, offset)
					if found:
						begin(offset)
				word = what[1:]
				if word in ("if", "ifdef", "ifndef"):
					branches.append(_Branch(self._line(offset),
								(braces, parens)))
				elif word in ("elif", "else", "elifdef",
					      "elifndef", "endif"):
					if not branches:
						self._fail(self._line(offset),
							   f"#{word} without #if.")
					branch = branches[-1]
					if item is not None and branch in item.level \
					   and item.broken is None:
						item.broken = (
							self._line(offset),
							"an #if that began before it "
							"goes on inside it")
					branch.ends.append((braces, parens))
					if word == "endif":
						branches.pop()
						if not branch.otherwise:
							branch.ends.append(branch.depth)
						if len(set(branch.ends)) > 1 and \
						   offset >= resume:
							give_up(offset,
								"the branches of the #if of "
								f"line {branch.line + 1} open "
								"and close different numbers "
								"of brackets")
					else:
						if word == "else":
							branch.otherwise = True
						if offset >= resume:
							braces, parens = branch.depth
				continue
			if offset < resume:
				continue
			begin(offset)
			if what == "(":
				parens += 1
			elif what == ")":
				parens -= 1
			elif what == "{":
				if not braces and not parens and item.open is None \
				   and not item.initialiser:
					item.open = offset
				braces += 1
			elif what == "}":
				braces -= 1
				if not braces and not parens and \
				   item.open is not None and \
				   not self._aggregate(item):
					finish(offset + 1)
					continue
			elif what == ";":
				if not braces and not parens:
					finish(offset + 1)
					continue
			elif not braces and not parens and item.open is None:
				item.initialiser = True
			if braces < 0 or parens < 0:
				give_up(offset, "a bracket is closed there that "
					"was never opened")
		if item is not None and item.open is not None:
			item.broken = item.broken or (
				len(self.lines) - 1, "the file ends inside it")
			item.end = len(self.text)
			self.items.append(item)
		if branches:
			self._fail(branches[-1].line, "This #if has no #endif.")

	def _is_guard(self, line):
		"""Is the #if of @line the include guard of a header?"""
		if any(re.match(r"\s*#", text) for text in self.lines[:line]):
			return False
		return (re.match(r"\s*#\s*ifndef\s+(\w+)", self.lines[line])
			and line + 1 < len(self.lines)
			and re.match(r"\s*#\s*define\s+"
				     + re.escape(self.lines[line].split()[-1])
				     + r"\s*$", self.lines[line + 1]) is not None)

	def _aggregate(self, item):
		head = _flat(self.masked[item.start:item.open])
		return _AGGREGATE.fullmatch(head) is not None

	def _name_at(self, item, name):
		"""The offset of @name in the head of @item if it defines it."""
		if item.open is None:
			return None
		head = self.masked[item.start:item.open]
		depth = 0
		level = []
		for char in head:
			level.append(depth)
			depth += (char == "(") - (char == ")")
		for match in _CALL.finditer(head):
			if level[match.start()]:
				continue
			if match.group(1) == name:
				return item.start + match.start()
			if _SYSCALL.match(match.group(1)):
				first = re.compile(r"\s*(\w+)").match(head, match.end())
				if first and first.group(1) == name:
					return item.start + match.start()
		return None

	def _in_broken(self, item, name):
		"""The line of a definition of @name inside the broken @item."""
		pattern = re.compile(r"^(?:[A-Za-z_][^\n;]*\W)?(" + re.escape(name)
				     + r")\s*\([^;]*?\{", re.M | re.ASCII)
		match = pattern.search(self.masked, self.starts[
			self._line(item.start)], item.end)
		return self._line(match.start(1)) if match else None

	def find(self, name):
		"""The definition of the function @name, a Function.

		Raises Failure if there is none, more than one, or if where it
		begins or ends cannot be told.
		"""
		good = []
		lines = []
		broken = None
		for item in self.items:
			if item.broken:
				line = self._in_broken(item, name)
				if line is not None:
					lines.append(line)
					broken = item
				continue
			at = self._name_at(item, name)
			if at is not None:
				good.append((item, at))
				lines.append(self._line(at))
		if not lines:
			raise Failure(
				f"{self.path}: the function {name}() is not defined "
				"here. Look where the base has it now and correct "
				"the name or the file.")
		if len(lines) > 1:
			where = " and ".join(str(line + 1) for line in sorted(lines))
			raise Failure(
				f"{self.path}: the function {name}() is defined "
				f"{len(lines)} times, in lines {where}; which one is "
				"meant cannot be told. Edit it with an insert or a "
				"semantic patch instead.")
		if broken:
			line, reason = broken.broken
			self._fail(lines[0], f"the end of the function {name}() "
				   f"cannot be found: at line {line + 1}, {reason}. "
				   "Edit it with an insert or a semantic patch "
				   "instead.")
		return self._function(name, *good[0])

	def _function(self, name, item, at):
		name_line = self._line(at)
		first = self._head_start(name, item, at, name_line)
		for begin, end, _ in self.directives:
			if self.starts[first] <= begin < item.open:
				self._fail(self._line(begin), f"the head of the "
					   f"function {name}() has a preprocessor line "
					   "in it; where it begins cannot be told. Edit "
					   "it with an insert or a semantic patch "
					   "instead.")
		last = self._line(item.end - 1)
		self._check_end(name, item, last)
		start = self._comment_start(first)
		end = self._tail_end(name, last + 1)
		self._check_exports(name, start, end)
		condition = item.conditions[-1] if item.conditions else None
		return Function(name, start, end, name_line, condition)

	def _head_start(self, name, item, at, name_line):
		"""The first line of the head: upwards to a line without code."""
		top = self._line(item.start)
		first = name_line
		while first > top and self._masked_line(first - 1).strip():
			first -= 1
		before = _flat(self.masked[item.start:self.starts[first]]) \
			if self.starts[first] > item.start else ""
		head = self.masked[max(self.starts[first], item.start):at]
		calls = [word for word in _CALL.findall(_flat(head))
			 if not word.startswith("__") and word != "typeof"]
		lead = self.masked[self.starts[first]:item.start] \
			if item.start > self.starts[first] else ""
		syscall = _SYSCALL.match(
			_CALL.match(self.masked, at).group(1))
		if (not _MACRO_LINE.fullmatch(before.strip()) or calls
		    or lead.strip() or not (head.strip() or syscall)):
			self._fail(name_line, "the beginning of the function "
				   f"{name}() cannot be found: its return type must "
				   "be directly before its name, with only attributes "
				   "around it.")
		return first

	def _masked_line(self, line):
		return self.masked[self.starts[line]:self.starts[line + 1]]

	def _check_end(self, name, item, last):
		rest = self.masked[item.end:self.starts[last + 1]]
		one_line = self._line(item.open) == last
		if (item.end - 1 != self.starts[last] and not one_line) \
		   or rest.strip():
			self._fail(last, f"the end of the function {name}() cannot "
				   "be found: the brace that seems to close it is not "
				   "alone in column 0. Edit it with an insert or a "
				   "semantic patch instead.")

	def _comment_start(self, first):
		"""Upwards over the comment lines directly above line @first."""
		own = set()
		for begin, end in self.comments:
			a, b = self._line(begin), self._line(end - 1)
			if not self.text[self.starts[a]:begin].strip() and \
			   not self.text[end:self.starts[b + 1]].strip():
				own.update(range(a, b + 1))
		while first - 1 in own and \
		      "SPDX-License-Identifier" not in self.lines[first - 1]:
			first -= 1
		return first

	def _tail_end(self, name, end):
		"""Downwards over the EXPORT_SYMBOL() lines from line @end."""
		tail = re.compile(r"[ \t]*" + _TAIL % re.escape(name)
				  + r"[^;{}()]*\)\s*;[ \t]*$", re.M)
		while True:
			at = end
			if at < len(self.lines) and not self.lines[at].strip():
				at += 1
			match = tail.match(self.masked, self.starts[at])
			if not match:
				return end
			last = self._line(match.end() - 1)
			if any(self._line(begin) == last < self._line(to - 1)
			       for begin, to in self.comments):
				return end
			end = last + 1

	def _check_exports(self, name, start, end):
		for form in (_TAIL, _CALLER):
			for match in re.finditer(form % re.escape(name),
						 self.masked):
				line = self._line(match.start())
				if not start <= line < end:
					self._fail(line, "this line belongs to the "
						   f"function {name}() but cannot "
						   "go along with it; it would be "
						   "left behind. Edit it with an "
						   "insert or a semantic patch "
						   "instead.")


def _flat(text):
	"""@text with what is in parentheses left out."""
	out = []
	depth = 0
	for char in text:
		if char == ")":
			depth -= 1
		if not depth:
			out.append(char)
		if char == "(":
			depth += 1
	return "".join(out)
