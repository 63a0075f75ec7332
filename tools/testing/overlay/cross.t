#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""What converted.t does with an x86 compiler, for files of other machines.

Their configurations, and which file needs which, are in the file
`configurations` beside this script.
"""

import os
import sys
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
sys.path.insert(0, os.path.join(ROOT, "scripts", "overlay"))
sys.path.insert(0, HERE)

import findings
import kbuild
import tap


def setUpModule():
	kbuild.make_copy()


class Compiled(unittest.TestCase):
	def check(self, plan, configuration):
		begun = time.monotonic()
		result = findings.Comparison(plan, configuration)
		self.assertEqual(result.missing, [], result.said)
		self.assertEqual(result.findings(), [])
		self.assertEqual(result.symbols(), [])
		count = len([path for path in result.compiled
			     if path.endswith(".c")])
		self.figures = (f"{count} files, {result.built} objects built, "
				f"{time.monotonic() - begun:.0f} s")


def add_tests():
	"""Give Compiled a test for each configuration but the first."""
	plan = kbuild.Plan()
	for configuration in plan.configurations[1:]:
		def test(self, configuration=configuration):
			self.check(plan, configuration)
		test.__doc__ = f"{configuration.name}: compiles, nothing new found"
		name = "test_" + configuration.name.replace("-", "_")
		setattr(Compiled, name, test)


add_tests()

if __name__ == "__main__":
	tap.main()
