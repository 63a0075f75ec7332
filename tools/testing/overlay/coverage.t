#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""How much of mmap_region() and its hook the userland tests reach.

Lines and branches of mm/vma_proto*.c and of the functions of mm/vma.c and
mm/vma.h on the way of a mapping. What none of the programs reaches is in the
file 'unreached' beside this one, with the reason; nothing else may be, and
nothing that is reached after all. A table is written to
check/coverage.txt beside $TREE.
"""

import collections
import json
import os
import re
import shutil
import subprocess
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
sys.path.insert(0, os.path.join(ROOT, "scripts", "overlay"))

import tap

TREE = os.environ.get("TREE", os.path.join(ROOT, "build", "linux"))
TESTS = os.path.join(TREE, "tools", "testing", "vma")
REPORT = os.path.join(os.path.dirname(TREE), "check", "coverage.txt")
UNREACHED = os.path.join(HERE, "unreached")

# Always the same sequences, so that the same is reached.
PROGRAMS = (("mmap_proto",), ("mmap_action",), ("mmap_nested",), ("mmap_fault",),
	    ("mmap_random", "-n", "2000", "1"))
# All of these files, and of those these functions.
WHOLE = ("mm/vma_proto.c", "mm/vma_proto_action.c", "mm/vma_proto_nested.c")
PARTS = {
	"mm/vma.c": set("""
		__mmap_region __remove_shared_vm_struct __split_vma
		__vma_link_file accountable_mapping are_anon_vmas_compatible
		can_merge_remove_vma can_vma_merge_after can_vma_merge_before
		can_vma_merge_left can_vma_merge_right commit_merge copy_vma
		describe_mapping
		describe_traits do_mmap_region do_vmi_align_munmap do_vmi_munmap dup_anon_vma
		find_first
		has_traits init_multi_vma_prep init_vma_prep
		is_mergeable_anon_vma is_mergeable_vma may_merge_again
		mmap_new_vma mmap_plain_region new_page_prot
		mmap_proto_region mmap_region range_is_sealed remove_vma
		split_vma
		unlink_file_vma unmap_region vma_complete vma_expand vma_link
		vma_link_file vma_merge_existing_range vma_merge_extend
		vma_merge_new_range vma_modify vma_modify_flags vma_prepare
		vma_set_page_prot vma_wants_writenotify
		vms_clean_up_area vms_clear_ptes vms_complete_munmap_vmas
		vms_gather_munmap_vmas""".split()),
	"mm/vma.h": set("init_vma_munmap reattach_vmas vms_abort_munmap_vmas "
			"vma_iter_store".split()),
}
# What must never be true: that it has not been is no gap. And macros that look
# at sizes.
INVARIANT = re.compile(r"\b(?:VM_WARN_ON(?:_ONCE)?|VM_BUG_ON(?:_VMA)?|WARN_ON"
		       r"(?:_ONCE)?|BUG_ON|READ_ONCE|WRITE_ONCE)\(")


def run(*argv, **options):
	done = subprocess.run(argv, cwd=TESTS, text=True, errors="replace",
			      stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
			      **options)
	if done.returncode:
		raise AssertionError(f"{' '.join(argv)} exited with "
				     f"{done.returncode}:\n{done.stdout[-4000:]}")
	return done.stdout


def measure():
	"""Builds and runs the programs; yields gcov's account of each."""
	env = {name: value for name, value in os.environ.items()
	       if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "BUILD")}
	run("make", "-s", "coverage", env=env)
	for name in os.listdir(os.path.join(TESTS, "coverage")):
		if name.endswith(".gcda"):
			os.unlink(os.path.join(TESTS, "coverage", name))
	for program, *options in PROGRAMS:
		run(os.path.join("coverage", program), *options)
		done = subprocess.run(
			["gcov", "--branch-probabilities", "--json-format",
			 "--stdout", f"coverage/{program}.gcda"], cwd=TESTS,
			check=True, stdout=subprocess.PIPE,
			stderr=subprocess.DEVNULL, text=True)
		yield json.loads(done.stdout)


class Function:
	"""@lines: {number: reached}; @branches: {(line, index): reached}"""

	def __init__(self, path, name, start):
		self.path = path
		self.name = name
		self.start = start
		self.lines = {}
		self.branches = {}


def collect():
	"""[Function] of all that is to be reached, from all the programs."""
	functions = {}
	for account in measure():
		for file in account["files"]:
			path = os.path.relpath(os.path.realpath(os.path.join(
				TESTS, file["file"])), os.path.realpath(TREE))
			if path not in WHOLE and path not in PARTS:
				continue
			for one in file["functions"]:
				if path in PARTS and one["name"] not in PARTS[path]:
					continue
				functions.setdefault(
					(path, one["name"]),
					Function(path, one["name"], one["start_line"]))
			for line in file["lines"]:
				function = functions.get(
					(path, line.get("function_name")))
				if not function:
					continue
				number = line["line_number"]
				function.lines[number] = bool(line["count"]) or \
					function.lines.get(number, False)
				for i, branch in enumerate(line["branches"]):
					key = (number, i)
					function.branches[key] = bool(branch["count"]) or \
						function.branches.get(key, False)
	return sorted(functions.values(),
		      key=lambda one: (one.path, one.start))


def gaps(functions):
	"""Counter of (path, function, kind, text) that were not reached."""
	found = collections.Counter()
	sources = {}
	for function in functions:
		if function.path not in sources:
			with open(os.path.join(TREE, function.path)) as file:
				sources[function.path] = file.read().splitlines()
		source = sources[function.path]

		def note(number, kind):
			text = " ".join(source[number - 1].split())
			found[function.path, function.name, kind, text] += 1

		for number, reached in sorted(function.lines.items()):
			if not reached:
				note(number, "line")
		for key, reached in list(function.branches.items()):
			number = key[0]
			if INVARIANT.search(source[number - 1]):
				del function.branches[key]
			elif not reached and function.lines[number]:
				note(number, "branch")
	return found


def read_unreached():
	"""{(path, function, kind, text): how often} as the file has it."""
	listed = collections.Counter()
	reason = True
	with open(UNREACHED) as file:
		for line in file:
			line = line.rstrip("\n")
			if line.startswith("#") or not line:
				continue
			if line.startswith("\t"):
				reason = True
				continue
			if not reason:
				raise AssertionError(f"no reason before: {line}")
			where, what = line.split(": ", 1)
			match = re.fullmatch(r"(line|branch)(?: x(\d+))?: (.*)",
					     what)
			if not match:
				raise AssertionError(f"not understood: {line}")
			path, name = where.split(" ")
			listed[path, name, match.group(1), match.group(3)] += \
				int(match.group(2) or 1)
			reason = False
	if not reason:
		raise AssertionError("no reason at the end")
	return listed


def write_report(functions):
	"""A table of 80 columns; returns its last line."""
	rows = []
	totals = collections.Counter()
	for one in functions:
		counts = (sum(one.lines.values()), len(one.lines),
			  sum(one.branches.values()), len(one.branches))
		for i, count in enumerate(counts):
			totals[i] += count
		rows.append((one.path, one.name) + counts)
	rows.append(("", "all") + tuple(totals[i] for i in range(4)))
	def line(path, name, reached, taken):
		return f"{path:<21} {name:<37} {reached:>9} {taken:>9}"

	lines = [line("file", "function", "lines", "branches")]
	lines += [line(path, name, f"{counts[0]}/{counts[1]}",
		       f"{counts[2]}/{counts[3]}")
		  for path, name, *counts in rows]
	os.makedirs(os.path.dirname(REPORT), exist_ok=True)
	with open(REPORT, "w") as file:
		file.write("\n".join(lines) + "\n")
	return (f"{len(functions)} functions, lines {totals[0]} of {totals[1]}, "
		f"branches {totals[2]} of {totals[3]}")


class Coverage(unittest.TestCase):
	@classmethod
	def setUpClass(cls):
		if not shutil.which("gcov"):
			raise unittest.SkipTest("there is no gcov")
		cls.functions = collect()
		cls.found = gaps(cls.functions)
		cls.summary = write_report(cls.functions)

	def test_functions(self):
		"""all functions that are to be reached are there"""
		names = {(one.path, one.name) for one in self.functions}
		wanted = {(path, name) for path in PARTS
			  for name in PARTS[path]}
		self.assertEqual(wanted - names, set())
		for path in WHOLE:
			self.assertTrue(any(name[0] == path for name in names))
		self.figures = self.summary

	def difference(self, left, right):
		self.assertEqual(dict(left - right), {}, "\n" + "\n".join(
			f"{path} {name}: {kind}"
			f"{f' x{count}' if count > 1 else ''}: {text}"
			for (path, name, kind, text), count
			in sorted((left - right).items())))

	def test_unreached(self):
		"""what is not reached is listed with its reason"""
		self.difference(self.found, read_unreached())
		self.figures = f"{sum(self.found.values())} gaps"

	def test_reached(self):
		"""what is listed as not reached is not"""
		self.difference(read_unreached(), self.found)


if __name__ == "__main__":
	tap.main()
