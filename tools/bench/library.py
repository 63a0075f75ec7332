# SPDX-License-Identifier: GPL-2.0-only
"""Measures the conversion library on the whole tree: time and memory."""

import json
import os
import shutil
import subprocess
import time

PROGRAM = os.path.join("scripts", "coccinelle", "mmap_proto", "convert.py")
# Of the kernel's source, what the library is given: as `make tree` laid it out.
LAID_OUT = os.path.join("convert", "tree")


class LibraryError(Exception):
	"""The library cannot be measured; the text says why."""


def lay_out(build, folder):
	"""Write the files to convert, as they are before that, below @folder."""
	tree = os.path.join(build, "linux")
	laid_out = os.path.join(build, LAID_OUT)
	try:
		with open(os.path.join(build, "report", "overlay.json"),
			  encoding="ascii") as file:
			commits = json.load(file)["conversions"]
	except OSError as error:
		raise LibraryError(f"there is no report of a tree ({error}): run "
				   "`make tree`.") from None
	paths = [os.path.relpath(os.path.join(where, name), laid_out)
		 for where, _, names in os.walk(laid_out) for name in names]
	if not commits or not paths:
		raise LibraryError("the tree has no conversions: run `make tree`.")
	shutil.rmtree(folder, ignore_errors=True)
	os.makedirs(folder)
	with subprocess.Popen(["git", "-C", tree, "archive", commits[0] + "^",
			       *sorted(paths)],
			      stdout=subprocess.PIPE) as archive:
		done = subprocess.run(["tar", "-x", "-C", folder],
				      stdin=archive.stdout, check=False)
	if archive.returncode or done.returncode:
		raise LibraryError(f"git cannot read {commits[0]}^ of {tree}.")
	return len(paths)


def run(root, folder):
	"""Convert the tree in @folder/tree.

	Returns (milliseconds, those that processors were busy, MB of the largest
	process).
	"""
	begun = time.monotonic()
	child = subprocess.Popen(
		[os.path.join(root, PROGRAM), "tree",
		 "--tree", os.path.join(folder, "tree"),
		 "--report", os.path.join(folder, "report"),
		 "--cache", os.path.join(folder, "cache")],
		env=dict(os.environ, PYTHONDONTWRITEBYTECODE="1"))
	_, status, usage = os.wait4(child.pid, 0)
	passed = time.monotonic() - begun
	# So that nobody waits for it again.
	child.returncode = os.waitstatus_to_exitcode(status)
	if child.returncode:
		raise LibraryError(f"{PROGRAM} exited with {child.returncode}.")
	# Of the processes that it waited for too: times are sums, memory is that
	# of the largest.
	return (passed * 1000, (usage.ru_utime + usage.ru_stime) * 1000,
		usage.ru_maxrss / 1024)


def changed_file(folder):
	"""A file that was converted, the first by name."""
	with open(os.path.join(folder, "report", "commits.json"),
		  encoding="utf-8") as file:
		return min(path for commit in json.load(file)
			   for path in commit["files"])


def measure(root, build):
	"""{"library.CASE": figure}

	@root: the folder that has the library; @build: the one that has the tree
	"""
	folder = os.path.join(build, "bench", "library")
	shutil.rmtree(folder, ignore_errors=True)
	lay_out(build, os.path.join(folder, "old"))
	tree = os.path.join(folder, "tree")
	shutil.copytree(os.path.join(folder, "old"), tree)
	whole, busy, memory = run(root, folder)
	path = changed_file(folder)
	shutil.rmtree(tree)
	shutil.copytree(os.path.join(folder, "old"), tree)
	with open(os.path.join(tree, path), "ab") as file:
		file.write(b"\n/* one line more */\n")
	again, busy_again, memory_again = run(root, folder)
	return {"library.whole": whole, "library.whole-busy": busy,
		"library.changed": again, "library.changed-busy": busy_again,
		"library.memory": max(memory, memory_again)}
