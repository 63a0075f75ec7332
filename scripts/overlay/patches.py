#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Writes the commits of the tree, on top of the base, as numbered patches.

	patches.py --tree build/linux --output build/series

The folder is replaced whole. Exit status: 0, or 1 with a sentence.
"""

import argparse
import os
import shutil
import sys

import process
from failure import Failure, from_oserror
from repository import EMAIL, NAME, git


def base_of(tree):
	"""The id of the commit that the series of @tree begins on."""
	roots = process.checked(
		git(os.path.join(tree, ".git"), "rev-list", "--max-parents=0",
		    "HEAD"), tree, f"Reading the history of {tree}")
	return roots.decode().split()[0]


def write(tree, output):
	"""Write the patches of @tree to the folder @output; returns the paths."""
	if not os.path.isdir(os.path.join(tree, ".git")):
		raise Failure(f"There is no tree {tree}. Run 'make', which makes "
			      "it.")
	aside = output + ".new"
	shutil.rmtree(aside, ignore_errors=True)
	env = process.environment({"GIT_COMMITTER_NAME": NAME,
				   "GIT_COMMITTER_EMAIL": EMAIL})
	out = process.checked(
		git(os.path.join(tree, ".git"), "format-patch", "--signoff",
		    "--numbered", "--zero-commit", "--no-signature", "-M",
		    "-o", aside, f"{base_of(tree)}..HEAD"),
		output, f"Writing the patches to {output}", env=env)
	shutil.rmtree(output, ignore_errors=True)
	os.rename(aside, output)
	return [os.path.join(output, os.path.basename(path))
		for path in out.decode().splitlines()]


def main():
	parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
	parser.add_argument("--tree", default="build/linux")
	parser.add_argument("--output", default="build/series")
	arguments = parser.parse_args()
	try:
		for path in write(arguments.tree, arguments.output):
			print(path)
	except Failure as failure:
		print(f"series: {failure}", file=sys.stderr)
		return 1
	except OSError as error:
		print(f"series: {from_oserror(error, arguments.output)}",
		      file=sys.stderr)
		return 1
	return 0


if __name__ == "__main__":
	sys.exit(main())
