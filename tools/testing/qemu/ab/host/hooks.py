# SPDX-License-Identifier: GPL-2.0-only
"""Finds the mmap hooks of a kernel in its image, and names those reached.

No list of hooks is read to set the probes: every structure of the size of
struct file_operations whose pointers are functions, and whose mmap or
mmap_proto is set, is one.
"""

import bisect
import collections
import csv
import os
import re
import shlex
import struct
import subprocess
import tempfile

# What is asked of the compiler, which knows the layout.
LAYOUT = r"""
#include <linux/fs.h>
#include <linux/kbuild.h>
#if __has_include(<linux/vma_proto.h>)
#include <linux/vma_proto.h>
#endif
void layout(void);
void layout(void)
{
	DEFINE(size, sizeof(struct file_operations));
	DEFINE(mmap, offsetof(struct file_operations, mmap));
	DEFINE(flags, offsetof(struct file_operations, fop_flags));
	DEFINE(operations, offsetof(struct file, f_op));
#if __has_include(<linux/vma_proto.h>)
	DEFINE(mmap_proto, offsetof(struct file_operations, mmap_proto));
	DEFINE(file, offsetof(struct vma_proto, file));
#endif
}
"""
DEFINED = re.compile(r'->(\w+) \$?(\d+)')
MACRO = re.compile(r"^\s*(?:static )?(DEFINE_\w*FOPS)\((\w+)\)", re.M)
POINTER = 8


def layout_of(build):
	"""{name: offset in bytes}, of the kernel that was built in @build."""
	folder = os.path.join(build, "kernel")
	with open(os.path.join(folder, "kernel", ".fork.o.cmd"),
		  encoding="utf-8") as file:
		saved = file.readline().split(" := ", 1)[1]
	words = shlex.split(saved.split(";")[0])
	end = words.index("-c")
	words = [word for word in words[:end] if not word.startswith("-Wp,-M")]
	with tempfile.TemporaryDirectory() as scratch:
		source = os.path.join(scratch, "layout.c")
		with open(source, "w", encoding="utf-8") as file:
			file.write(LAYOUT)
		done = subprocess.run(words + ["-S", "-o", "-", source],
				      cwd=folder, text=True, check=True,
				      stdout=subprocess.PIPE)
	return {name: int(value)
		for name, value in DEFINED.findall(done.stdout)}


class Image:
	"""The kernel's image: its symbols, and what lies at its addresses."""

	def __init__(self, path):
		with open(path, "rb") as file:
			self.bytes = file.read()
		self.segments = list(self._segments())
		self.functions = {}
		self.objects = []
		listed = subprocess.run(["nm", "-nS", path], text=True,
					check=True, stdout=subprocess.PIPE)
		for line in listed.stdout.splitlines():
			words = line.split()
			if words[-2] in "tTwW":
				self.functions.setdefault(int(words[0], 16),
							  words[-1])
			elif len(words) == 4 and words[2] in "rRdD":
				self.objects.append((int(words[0], 16),
						     int(words[1], 16),
						     words[3]))
		self.starts = [start for start, _, _ in self.objects]

	def _segments(self):
		"""(address, size, offset in the file) of what is loaded."""
		at, = struct.unpack_from("<Q", self.bytes, 32)
		size, count = struct.unpack_from("<HH", self.bytes, 54)
		for number in range(count):
			kind, _, offset, address, _, length = \
				struct.unpack_from("<IIQQQQ", self.bytes,
						   at + number * size)
			if kind == 1:
				yield address, length, offset

	def words(self, address, size):
		"""The 64-bit words at @address; () if nothing is there."""
		for start, length, offset in self.segments:
			if start <= address and \
			   address + size <= start + length:
				return struct.unpack_from(
					f"<{size // POINTER}Q", self.bytes,
					offset + address - start)
		return ()

	def object_at(self, address):
		"""The name of the variable that has @address, or ''."""
		index = bisect.bisect_right(self.starts, address) - 1
		if index < 0:
			return ""
		start, size, name = self.objects[index]
		return name if address < start + size else ""


class Hooks:
	"""The hooks of the kernel that was built in @build.

	@found: {address of the operations: (their name, name of the hook)}.
	"""

	def __init__(self, build):
		self.layout = layout_of(build)
		self.image = Image(os.path.join(build, "kernel", "vmlinux"))
		self.found = {}
		self.probed = {}
		self._find()

	def _find(self):
		size = self.layout["size"]
		functions = self.image.functions
		flags = self.layout["flags"] // POINTER
		for start, length, name in self.image.objects:
			if length % size:
				continue
			for address in range(start, start + length, size):
				words = self.image.words(address, size)
				if any(word and word not in functions
				       for number, word in enumerate(words)
				       if number != flags):
					continue
				self._add(address, name, words)

	def _add(self, address, name, words):
		for member in ("mmap", "mmap_proto"):
			if member not in self.layout or not words:
				continue
			hook = words[self.layout[member] // POINTER]
			if hook:
				self.found[address] = (
					name, self.image.functions[hook])
				self.probed[hook] = member

	def probes(self):
		"""The lines for kprobe_events, one for each hook."""
		operations = f"+{self.layout['operations']}"
		for hook, member in sorted(self.probed.items()):
			if member == "mmap":
				fetch = f"{operations}(%di):x64"
			else:
				fetch = (f"{operations}(+{self.layout['file']}"
					 "(%di)):x64")
			yield f"p:ab/h_{hook:x} 0x{hook:x} operations={fetch}"

	def reached(self, notes):
		"""{(operations, hook): set of things} of the guest's notes."""
		seen = {}
		for note in notes:
			words = note.split()
			if len(words) != 4 or words[0] != "#reached":
				continue
			hook = self.image.functions.get(int(words[2], 16), "")
			operations = self.found.get(int(words[3], 16))
			name = operations[0] if operations else \
				self.image.object_at(int(words[3], 16))
			seen.setdefault((name, hook), set()).add(words[1])
		return seen


def plain(name):
	"""The name of a variable as it is in the source: cc adds numbers."""
	return name.split(".")[0]


def macro_users(tree):
	"""{name of operations: macro that defines them} of the whole @tree."""
	done = subprocess.run(["grep", "-rlE", "--include=*.c",
			       r"DEFINE_\w*FOPS\(", "drivers"], cwd=tree,
			      text=True, stdout=subprocess.PIPE)
	users = {}
	for path in done.stdout.split():
		with open(os.path.join(tree, path), encoding="utf-8") as file:
			for macro, name in MACRO.findall(file.read()):
				users[name] = macro
	return users


# What the macro in each of these headers is called by those who use it.
HEADERS = {
	"include/drm/drm_gem.h": "DEFINE_DRM_GEM_FOPS",
	"include/drm/drm_gem_dma_helper.h": "DEFINE_DRM_GEM_DMA_FOPS",
	"include/drm/drm_accel.h": "DEFINE_DRM_ACCEL_FOPS",
}


def read_rows(path):
	"""The hooks of struct file_operations in the report hooks.csv."""
	with open(path, encoding="utf-8", newline="") as file:
		return [row for row in csv.DictReader(file)
			if row["ops_struct"] == "file_operations"
			and row["result"] != "listed"]


def names_of(found, rows):
	"""{operations: names of their hook}: those of the kernels, and of @rows.

	@found: what the Hooks of each kernel have found. A row whose operations
	no other row is about may call the hook by a macro.
	"""
	names = {}
	for one in found:
		for name, hook in one.values():
			names.setdefault(plain(name), set()).add(plain(hook))
	counts = collections.Counter(row["instance"] for row in rows)
	for row in rows:
		if counts[row["instance"]] == 1 and row["instance"] in names:
			names[row["instance"]].add(row["hook"])
	return names


def things_of(row, seen, names, users):
	"""The things by which the hook of @row was reached.

	@seen: {(operations, hook): things}, @names: see names_of(), @users: see
	macro_users().
	"""
	things = set()
	macro = HEADERS.get(row["file"])
	for (name, hook), by in seen.items():
		name = plain(name)
		if not name:
			# A copy that the driver has made of its operations.
			hit = plain(hook) in names.get(row["instance"], ())
		elif macro:
			hit = users.get(name) == macro
		elif row["instance"].startswith("__"):
			# An attribute is where the name should be.
			hit = row["hook"] in names.get(name, ()) and \
				name not in users
		else:
			hit = name == row["instance"] and \
				row["hook"] in names.get(name, ())
		if hit:
			things |= by
	return things
