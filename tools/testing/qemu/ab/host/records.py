# SPDX-License-Identifier: GPL-2.0-only
"""Reads what the guest has recorded, and compares it."""

import re

LINE = re.compile(r"([^:=]+: .+?) = (.*)")


class Records:
	"""What one kernel did.

	@values: {operation: value}; one that repeats has its number behind it.
	@notes: lines that are not compared.
	@ended: the guest came to the end.
	@bad: lines that are not understood.
	"""

	def __init__(self, lines):
		self.values = {}
		self.notes = []
		self.bad = []
		counts = {}
		for line in lines:
			if line.startswith("#"):
				self.notes.append(line)
				continue
			match = LINE.fullmatch(line)
			if not match:
				self.bad.append(line)
				continue
			key, value = match.groups()
			counts[key] = counts.get(key, 0) + 1
			if counts[key] > 1:
				key += f" ({counts[key]})"
			self.values[key] = value
		self.ended = "#end" in self.notes

	def things(self):
		"""{name of a thing: number of operations}."""
		counts = {}
		for key in self.values:
			name = key.split(":")[0]
			counts[name] = counts.get(name, 0) + 1
		return counts


ABSENT = "(none)"


def differences(base, converted):
	"""Yield (operation, value of the base, value of the converted)."""
	for key in list(base.values) + [key for key in converted.values
					if key not in base.values]:
		values = (base.values.get(key, ABSENT),
			  converted.values.get(key, ABSENT))
		if values[0] != values[1]:
			yield (key,) + values


def _pattern(text):
	"""'*' stands for anything, all else for itself."""
	return re.compile(".*".join(map(re.escape, text.split("*"))))


class Expected:
	"""One entry of the list of differences that are meant.

	@where: what operations it is about; @base and @converted: the values;
	@reason: why they differ; @used: number of differences it has taken.
	"""

	FIELDS = ("where", "base", "converted", "reason")

	def __init__(self, fields):
		self.where = fields["where"]
		self.reason = fields["reason"]
		self.patterns = [_pattern(fields[name])
				 for name in self.FIELDS[:3]]
		self.used = 0

	def takes(self, difference):
		"""Is this one of those? Counts it if so."""
		hit = all(pattern.fullmatch(text) for pattern, text in
			  zip(self.patterns, difference))
		self.used += hit
		return hit


def read_expected(path):
	"""The entries of a list: paragraphs of "field: value" lines."""
	with open(path, encoding="utf-8") as file:
		text = "".join(line for line in file
			       if not line.startswith("#"))
	entries = []
	for paragraph in re.split(r"\n\s*\n", text.strip()):
		fields = {}
		for line in paragraph.splitlines():
			if line.startswith((" ", "\t")):
				fields[name] += " " + line.strip()
				continue
			name, _, value = line.partition(": ")
			fields[name] = value
		if fields and tuple(fields) != Expected.FIELDS:
			raise ValueError(f"{path}: {paragraph!r} must have "
					 f"{', '.join(Expected.FIELDS)}")
		if fields:
			entries.append(Expected(fields))
	return entries
