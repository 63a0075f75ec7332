#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Measures what mmap() costs and prints it beside what it may cost.

	bench.py --build build [--only harness|kernel|library]

What the kernel does is counted in instructions: by callgrind where mm/vma.c runs
in userland ("harness"), by QEMU where two whole kernels do ("kernel"). Both
compare the tree with its own base, and one hook with the other. How long the
conversion of the tree takes, and in how much memory, is measured on this
machine, as it is ("library"). Exit status: 0 if every target of the file
`targets` is met, 1 if one is missed, 2 if something could not be measured.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tarfile

import library

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
QEMU_DIR = os.path.join(ROOT, "tools", "testing", "qemu")
TARGETS = os.path.join(HERE, "targets")
CONFIGS = os.path.join(HERE, "configs")
GUESTS = [os.path.join(HERE, "guest", name)
	  for name in ("bench_mmap.c", "bench_gmem.c")]

# The commit after which the step of this file is done is the base of the
# harness: mmap_region() is in mm/vma.c, and as it was.
MOVED = os.path.join(ROOT, "mm", "mmap-region.step")
# What the harness needs of either commit, and what it shares: the userland
# tests are those of the newer one, or it would compare these as well.
MEASURED = ["mm/vma.c", "mm/vma.h", "include/linux/fs.h"]
ADDED = ["mm/vma_proto.c", "mm/vma_proto_action.c", "mm/vma_proto_nested.c"]
SHARED = ["include/linux", "lib", "tools/arch", "tools/include", "tools/lib",
	  "tools/testing/shared", "tools/testing/radix-tree",
	  "tools/testing/vma"]
NAMES = ("base", "tree")


class BenchError(Exception):
	"""Something cannot be measured; the text says what and why."""


def run(*argv, log=None, **options):
	"""The output of @argv, which must succeed; also written to @log."""
	env = {name: value for name, value in os.environ.items()
	       if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "BUILD",
			       "KSRC", "TREE")}
	try:
		done = subprocess.run(argv, text=True, env=env,
				      stdout=subprocess.PIPE,
				      stderr=subprocess.STDOUT, **options)
	except FileNotFoundError:
		raise BenchError(f"{argv[0]} is not installed: run `make "
				 "packages`.") from None
	if log:
		with open(log, "w", encoding="utf-8") as file:
			file.write(done.stdout)
	if done.returncode:
		raise BenchError(f"{' '.join(argv)} exited with "
				 f"{done.returncode}:\n{done.stdout[-3000:]}")
	return done.stdout


def say(text):
	print(f"  {text}", file=sys.stderr, flush=True)


def export(git, commit, paths, folder):
	"""Write @paths of @commit in the repository @git below @folder."""
	with subprocess.Popen(["git", "-C", git, "archive", commit, *paths],
			      stdout=subprocess.PIPE) as archive:
		with tarfile.open(fileobj=archive.stdout, mode="r|") as tar:
			tar.extractall(folder)
	if archive.returncode:
		raise BenchError(f"git cannot read {commit} of {git}.")


def revision(git, name):
	return run("git", "-C", git, "rev-parse", "--verify", name).strip()


# ---- mm/vma.c in userland --------------------------------------------------


def moved_commit(tree):
	"""The commit of @tree whose mmap_region() is where ours is, unchanged."""
	with open(MOVED, encoding="utf-8") as file:
		subject = file.read().splitlines()[1]
	for line in run("git", "-C", tree, "log", "--format=%H %s").splitlines():
		commit, _, text = line.partition(" ")
		if text == subject:
			return commit
	raise BenchError(f"{tree} has no commit '{subject}': run `make tree`.")


def build_harness(tree, folder):
	"""Build both programs below @folder. Returns {name: path}."""
	commits = {"base": moved_commit(tree), "tree": revision(tree, "HEAD")}
	programs = {}
	shutil.rmtree(folder, ignore_errors=True)
	for name in NAMES:
		copy = os.path.join(folder, name)
		os.makedirs(copy)
		export(tree, commits["tree"], SHARED, copy)
		export(tree, commits[name],
		       MEASURED + (ADDED if name == "tree" else []), copy)
		say(f"BUILD    {copy}")
		run("make", "-s", "-C", os.path.join(HERE, "harness"),
		    f"KSRC={copy}", f"PROTO={'y' if name == 'tree' else ''}",
		    log=os.path.join(folder, f"{name}.build.log"))
		programs[name] = os.path.join(copy, "tools", "testing", "vma",
					      "bench_mmap")
	return programs


def count(program, out):
	"""Run @program under callgrind with its dumps in the files @out.N.

	Returns {case: instructions per operation}.
	"""
	run("valgrind", "--tool=callgrind", f"--callgrind-out-file={out}",
	    "--collect-atstart=no", program, log=f"{out}.log")
	found = {}
	folder, prefix = os.path.split(out)
	for entry in os.listdir(folder):
		if not re.fullmatch(re.escape(prefix) + r"\.\d+", entry):
			continue
		with open(os.path.join(folder, entry), encoding="utf-8") as file:
			text = file.read()
		case = re.search(r"^desc: Trigger: Client Request: (\S+)/(\d+)$",
				 text, re.M)
		total = re.search(r"^totals: (\d+)$", text, re.M)
		if case and total:
			found[case[1]] = int(total[1]) / int(case[2])
	return found


def measure_harness(build):
	"""{"harness.base.CASE" or "harness.tree.CASE": instructions}"""
	folder = os.path.join(build, "bench", "harness")
	programs = build_harness(os.path.join(build, "linux"), folder)
	found = {}
	for name, program in programs.items():
		say(f"COUNT    {program}")
		cases = count(program, os.path.join(folder, f"{name}.callgrind"))
		if not cases:
			raise BenchError(f"callgrind counted nothing; see "
					 f"{folder}/{name}.callgrind.log.")
		for case, instructions in cases.items():
			found[f"harness.{name}.{case}"] = instructions
	return found


# ---- whole kernels ---------------------------------------------------------


def base_source(build):
	"""The folder of the kernel without our commits; made when it changes."""
	git = os.path.join(build, "base.git")
	folder = os.path.join(build, "bench", "base.src")
	stamp = folder + ".commit"
	commit = revision(git, "base")
	if os.path.exists(stamp):
		with open(stamp, encoding="utf-8") as file:
			if file.read() == commit:
				return folder
		os.remove(stamp)
	say(f"SOURCE   {folder}")
	shutil.rmtree(folder, ignore_errors=True)
	os.makedirs(folder)
	export(git, commit, [], folder)
	with open(stamp, "w", encoding="utf-8") as file:
		file.write(commit)
	return folder


def boot(source, folder, extra, tree):
	"""Build the kernel @source in @folder and boot it with the benchmark.

	@extra: fragments of its configuration besides the one that both have
	@tree: where the test driver's interface is
	Returns {case: instructions per operation}.
	"""
	text = run("make", "-s", "--no-print-directory", "-C", QEMU_DIR,
		   f"KSRC={source}", f"BUILD={folder}",
		   f"CONFIGS={os.path.join(CONFIGS, 'measured.config')}",
		   f"EXTRA_CONFIGS={' '.join(extra)}", "KVM_TESTS=",
		   f"GUEST_TESTS={' '.join(GUESTS)}",
		   f"GUEST_CFLAGS=-I{os.path.join(tree, 'lib')}",
		   "TESTS=bench_mmap bench_gmem", "CPUS=1", "MEMORY=2G",
		   "QEMU=" + os.environ.get("QEMU", "qemu-system-x86_64") +
		   " -icount shift=0,sleep=off",
		   "BOOT_LIMIT=300", "TEST_TIMEOUT=1800", "TIMEOUT=2400", "boot",
		   log=f"{folder}.log")
	return {case: float(ticks) for case, ticks in
		re.findall(r"^# bench (\S+) ([0-9.]+)$", text, re.M)}


def measure_kernel(build):
	"""{"kernel.base.CASE" or "kernel.tree.CASE": instructions}"""
	tree = os.path.join(build, "linux")
	sources = {"base": base_source(build), "tree": tree}
	extra = {"base": [], "tree": [os.path.join(CONFIGS, "driver.config")]}
	found = {}
	for name in NAMES:
		folder = os.path.join(build, "bench", name)
		say(f"BOOT     {folder}, whose kernel takes minutes to build the "
		    "first time")
		cases = boot(sources[name], folder, extra[name], tree)
		for case, instructions in cases.items():
			found[f"kernel.{name}.{case}"] = instructions
	return found


def measure_library(build):
	"""{"library.CASE": milliseconds or MB}"""
	say("CONVERT  the whole tree, twice")
	try:
		return library.measure(ROOT, build)
	except library.LibraryError as error:
		raise BenchError(str(error)) from None


MEASURES = {"harness": measure_harness, "kernel": measure_kernel,
	    "library": measure_library}


# ---- the table -------------------------------------------------------------


def read_targets(path):
	"""The file of targets, as a list of rows.

	A row is a heading, or a tuple (name measured, name or number compared
	with, highest ratio or None, text).
	"""
	rows = []
	with open(path, encoding="utf-8") as file:
		for number, line in enumerate(file, 1):
			line = line.split("#", 1)[0].rstrip()
			if not line:
				continue
			if line.startswith("= "):
				rows.append(line[2:])
				continue
			words = line.split(None, 3)
			if len(words) != 4:
				raise BenchError(f"{path}:{number}: a target is "
						 "two names, or a name and a "
						 "number, a ratio, a text.")
			target = None if words[2] == "-" else float(words[2])
			rows.append((words[0], words[1], target, words[3]))
	return rows


def is_number(name):
	"""Is what a row compares with no name, but a number?"""
	return name.isdigit()


def print_table(rows, found):
	"""Print @rows with what was @found. Returns the number of misses."""
	missed = met = 0
	for row in rows:
		if isinstance(row, str):
			print(f"\n{row:<41}{'against':>9}{'here':>9}{'ratio':>7}"
			      f"{'target':>8}")
			continue
		here, against, target, text = row
		base = float(against) if is_number(against) else found[against]
		ratio = found[here] / base
		line = (f"  {text:<39}{base:>9.0f}{found[here]:>9.0f}"
			f"{ratio:>7.3f}")
		if target is None:
			print(line)
			continue
		# What is printed is what is judged.
		good = round(ratio, 3) <= target
		met += good
		missed += not good
		print(f"{line}{target:>8.3f} {'PASS' if good else 'MISS'}")
	print(f"\n{met} target{'s' * (met != 1)} met, {missed} missed")
	return missed


def select(rows, parts):
	"""@rows without those of other parts than @parts, nor their headings."""
	chosen, heading = [], None
	for row in rows:
		if isinstance(row, str):
			heading = row
		elif row[0].split(".")[0] in parts:
			chosen += [heading] if heading else []
			chosen.append(row)
			heading = None
	return chosen


def main():
	"""Measure, print, and return the exit status."""
	parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
	parser.add_argument("--build", required=True,
			    help="folder with the tree and its base")
	parser.add_argument("--only", choices=sorted(MEASURES),
			    help="measure this part alone")
	arguments = parser.parse_args()
	build = os.path.abspath(arguments.build)
	parts = [arguments.only] if arguments.only else sorted(MEASURES)
	try:
		rows = select(read_targets(TARGETS), parts)
		found = {}
		for part in parts:
			found.update(MEASURES[part](build))
		lacking = sorted({name for row in rows
				  if not isinstance(row, str)
				  for name in row[:2]
				  if name not in found and not is_number(name)})
		if lacking:
			raise BenchError("not measured: " + ", ".join(lacking))
		return 1 if print_table(rows, found) else 0
	except BenchError as error:
		print(f"error: {error}", file=sys.stderr)
		return 2


if __name__ == "__main__":
	sys.exit(main())
