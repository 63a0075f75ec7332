#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The summary of a build says what was made, and fits a terminal."""

import json
import os
import subprocess
import sys
import time

import fixture
from fixture import TOOL, write
import tap

REPORTS = {
	"overlay.json": {"version": "6.12.117", "commits": 8,
			 "changed_files": 47,
			 "kinds": {"add": 24, "cocci": 10, "move": 1,
				   "append": 0}},
	"summary.json": {"found": 175, "converted": 1, "refused": 174,
			 "reasons": {"rare": 4, "frequent": 170}},
}


class Summary(fixture.Case):
	def reports(self, name=None, **changes):
		"""Write the reports, with @changes in the one @name."""
		for report, data in REPORTS.items():
			if report == name:
				data = dict(data, **changes)
			write(self.top, {"build/report/" + report:
					 json.dumps(data)})

	def run_tool(self, *more):
		"""Run summary.py: (exit status, output, errors)."""
		done = subprocess.run(
			[sys.executable, os.path.join(TOOL, "summary.py"),
			 "--build", "build", *more], cwd=self.top, check=False,
			stdout=subprocess.PIPE, stderr=subprocess.PIPE)
		return done.returncode, done.stdout.decode(), \
			done.stderr.decode()

	def page(self, *more):
		"""The lines that it prints, which must fit."""
		status, out, err = self.run_tool(*more)
		self.assertEqual((status, err), (0, ""))
		lines = out.splitlines()
		for line in lines:
			# In the last column some terminals wrap.
			self.assertLess(len(line), 80, line)
		# The prompt, and what make says, need a line too.
		self.assertLessEqual(len(lines), 22)
		return lines

	def test_what(self):
		"""base, overlay, series, hooks by reason, where things are"""
		self.reports()
		self.assertEqual(self.page(), [
			"base       Linux 6.12.117",
			"overlay    35 files: 24 add, 10 cocci, 1 move",
			"series     8 commits, 47 files of the kernel changed or "
			"added",
			"hooks      175 found, 1 converted, 174 refused:",
			"             170  frequent",
			"               4  rare",
			"tree       build/linux",
			"report     build/report/index.html",
		])

	def test_no_refusals(self):
		"""all hooks are converted: no reasons are announced"""
		self.reports("summary.json", converted=175, refused=0, reasons={})
		self.assertIn("hooks      175 found, 175 converted, 0 refused",
			      self.page())

	def test_many_reasons(self):
		"""many reasons, long ones: the most frequent, and the others"""
		reasons = {f"reason {n} " + "very long words " * n: n
			   for n in range(1, 40)}
		self.reports("summary.json", reasons=reasons)
		lines = [line for line in self.page() if line.startswith("   ")]
		self.assertEqual(len(lines), 7)
		self.assertTrue(lines[0].startswith(" " * 14 + "39  reason 39 "))
		self.assertTrue(lines[0].endswith(" ..."))
		# No hook is left out of the sum.
		self.assertEqual(sum(int(line.split()[0]) for line in lines),
				 sum(reasons.values()))
		self.assertTrue(lines[-1].endswith("  other reasons"))

	def test_order(self):
		"""reasons that are as frequent: the same order always"""
		names = ["b", "a", "d", "c"]
		self.reports("summary.json", reasons={name: 2 for name in names})
		self.assertEqual([line.split()[1] for line in self.page()
				  if line.startswith("   ")], sorted(names))

	def test_large(self):
		"""large numbers"""
		kinds = ("add", "supersede", "move", "cocci", "insert", "append")
		large = 12345678
		for name, changes in (
				("overlay.json", {
					"kinds": {kind: large for kind in kinds},
					"commits": large, "changed_files": large,
					"version": "6.12.117-" + "x" * 40}),
				("summary.json", {
					"found": large, "converted": large,
					"refused": large,
					"reasons": {"a " * 99: large,
						    "aa " + "a " * 99: large}})):
			self.reports(name, **changes)
			text = "\n".join(self.page("--begun", "0"))
			self.assertIn(str(large), text)
			if name == "overlay.json":
				for kind in kinds:
					self.assertIn(f"{large} {kind}",
						      " ".join(text.split()))

	def test_time(self):
		"""how long it took"""
		self.reports()
		for ago, text in ((4.2, r"4\.\d s"), (59, r"59\.\d s"),
				  (61, "1 min 1 s"), (3725, "62 min 5 s")):
			begun = str(time.time() - ago)
			self.assertRegex(self.page("--begun", begun)[-1],
					 "^time       " + text + "$")

	def test_missing(self):
		"""a report that is missing or broken: a sentence, nothing else"""
		for name in REPORTS:
			for text in (None, "", "{\"found\": 1", "{}"):
				with self.subTest(name=name, text=text):
					self.reports()
					write(self.top, {"build/report/" + name:
							 text})
					status, out, err = self.run_tool()
					self.assertEqual((status, out), (1, ""))
					self.assertRegex(
						err, "^summary: the reports below "
						"build/report cannot be read .*"
						"Run 'make', which writes them"
						"\\.\n$")


if __name__ == "__main__":
	tap.main()
