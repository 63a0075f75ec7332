#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Prints what a build made, in a page of 80 columns and 24 lines.

	summary.py --build build [--begun SECONDS]

SECONDS, since the epoch, is when the build began. Exit status: 0, or 1 when the
reports that it reads are not there.
"""

import argparse
import json
import os
import sys
import textwrap
import time

# How many reasons for a refusal are named before "other reasons".
REASONS = 6
WIDTH = 79


def read(path):
	with open(path, encoding="utf-8") as file:
		return json.load(file)


def duration(seconds):
	"""@seconds as a person says it."""
	if seconds < 60:
		return f"{seconds:.1f} s"
	return f"{int(seconds) // 60} min {int(seconds) % 60} s"


def refusals(reasons):
	"""Lines for the reasons {text: hooks}, the most frequent first."""
	ordered = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
	lines = [(count, text) for text, count in ordered[:REASONS]]
	rest = sum(count for _, count in ordered[REASONS:])
	if rest:
		lines.append((rest, "other reasons"))
	return [entry("", f"{count:5}  {text}", 1)[0] for count, text in lines]


def entry(name, text, most=2):
	"""The lines, @most at most, of an entry @name that says @text."""
	return textwrap.wrap(text, WIDTH, max_lines=most, placeholder=" ...",
			     initial_indent=f"{name:11}",
			     subsequent_indent=" " * 11, break_on_hyphens=False)


def page(build, begun):
	"""The lines of the summary of what is below the folder @build."""
	report = os.path.join(build, "report")
	overlay = read(os.path.join(report, "overlay.json"))
	hooks = read(os.path.join(report, "summary.json"))
	kinds = ", ".join(f"{count} {kind}"
			  for kind, count in overlay["kinds"].items() if count)
	refused = refusals(hooks["reasons"])
	lines = entry("base", f"Linux {overlay['version']}")
	lines += entry("overlay",
		       f"{sum(overlay['kinds'].values())} files: {kinds}")
	lines += entry("series", f"{overlay['commits']} commits, "
		       f"{overlay['changed_files']} files of the kernel changed "
		       "or added")
	lines += entry("hooks", f"{hooks['found']} found, {hooks['converted']} "
		       f"converted, {hooks['refused']} refused"
		       + (":" if refused else ""))
	lines += refused
	# Paths are for copying: they are never broken.
	lines += [
		f"tree       {os.path.join(build, 'linux')}",
		f"report     {os.path.join(report, 'index.html')}",
	]
	if begun:
		lines.append(f"time       {duration(time.time() - begun)}")
	return lines


def main():
	parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
	parser.add_argument("--build", default="build")
	parser.add_argument("--begun", type=float)
	arguments = parser.parse_args()
	try:
		print("\n".join(page(arguments.build, arguments.begun)))
	except (OSError, KeyError, ValueError) as error:
		print(f"summary: the reports below {arguments.build}/report cannot "
		      f"be read ({error}). Run 'make', which writes them.",
		      file=sys.stderr)
		return 1
	return 0


if __name__ == "__main__":
	sys.exit(main())
