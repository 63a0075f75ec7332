# SPDX-License-Identifier: GPL-2.0-only
"""Runs the unittest cases of a script and reports them as TAP.

A test script ends with

	if __name__ == "__main__":
		tap.main()

Each test method is one TAP line; its text is the first line of the method's
docstring, or its name. A method that wants to show figures assigns a string
to self.figures, which is printed behind the text.
"""

import sys
import traceback
import unittest


class TapResult(unittest.TestResult):
	"""Prints one TAP line as soon as a test has ended."""

	def __init__(self, stream):
		super().__init__()
		self.stream = stream
		self.number = 0

	def _line(self, good, test, note=""):
		self.number += 1
		text = test.shortDescription() or test.id().split(".", 1)[-1]
		figures = getattr(test, "figures", "")
		if figures:
			text += ": " + figures
		# A '#' would start a TAP directive.
		text = text.replace("#", "\\#")
		word = "ok" if good else "not ok"
		self.stream.write(f"{word} {self.number} - {text}{note}\n")
		self.stream.flush()

	def _trace(self, error):
		for line in "".join(traceback.format_exception(*error)).splitlines():
			self.stream.write(f"# {line}\n")

	def addSuccess(self, test):
		super().addSuccess(test)
		self._line(True, test)

	def addFailure(self, test, error):
		super().addFailure(test, error)
		self._line(False, test)
		self._trace(error)

	def addError(self, test, error):
		super().addError(test, error)
		self._line(False, test)
		self._trace(error)

	def addSkip(self, test, reason):
		super().addSkip(test, reason)
		self._line(True, test, f" # SKIP {reason}")

	def addSubTest(self, test, subtest, error):
		super().addSubTest(test, subtest, error)
		if error is not None:
			self._line(False, subtest)
			self._trace(error)


def main(module="__main__"):
	"""Run every test case of @module; exit with 1 if one failed.

	Arguments on the command line select tests by name, as unittest does.
	"""
	loader = unittest.TestLoader()
	names = sys.argv[1:]
	owner = sys.modules[module]
	if names:
		suite = loader.loadTestsFromNames(names, owner)
	else:
		suite = loader.loadTestsFromModule(owner)
	result = TapResult(sys.stdout)
	print("TAP version 13")
	suite.run(result)
	print(f"1..{result.number}")
	sys.exit(0 if result.wasSuccessful() and result.number else 1)
