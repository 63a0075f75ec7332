# SPDX-License-Identifier: GPL-2.0-only
"""Reads the results of KUnit suites from the console of a kernel.

The lines of a suite are indented by four spaces, those of the parameters of a
case by eight. Whatever else the kernel has to say stands between them, and what
stands before a result belongs to it.
"""

import re

RESULT = re.compile(r"^( *)(not ok|ok) (\d+)(?: -)? (.*?)"
                    r"(?: # (?i:SKIP)\b *(.*))?$")
SUBTEST = re.compile(r"^    # Subtest: (.*)$")
PLAN = re.compile(r"^    1\.\.(\d+)$")

SUITE, CASE, PARAMETER = 0, 4, 8


class Case:
    """A case of a suite.

    @parameters: how many results its parameters had.
    @skipped: the reason, or None if it was not skipped.
    @words: the lines before its result.
    """

    def __init__(self, name, good, parameters, skipped, words):
        self.name = name
        self.good = good
        self.parameters = parameters
        self.skipped = skipped
        self.words = words


class Suite:
    """A suite.

    @plan: how many cases it said it had, or None.
    @good: its own result, or None if that did not come.
    """

    def __init__(self, name):
        self.name = name
        self.plan = None
        self.good = None
        self.cases = []

    def complete(self):
        """Did all come that was planned?"""
        return (self.good is not None and bool(self.cases)
                and self.plan == len(self.cases))


class _Reader:
    def __init__(self):
        self.suites = []
        self.words = []
        self.parameters = 0
        self.skipped = []

    def take(self, line):
        suite = self.suites[-1] if self.suites else None
        subtest = SUBTEST.match(line)
        plan = PLAN.match(line)
        result = RESULT.match(line)
        if subtest:
            self.suites.append(Suite(subtest.group(1)))
            self.words = []
        elif suite and suite.good is None and plan and suite.plan is None:
            suite.plan = int(plan.group(1))
        elif suite and suite.good is None and result:
            self.take_result(suite, result)
        else:
            self.words.append(line)

    def take_result(self, suite, result):
        indent, word, _, name, skipped = result.groups()
        good = word == "ok"
        if len(indent) == SUITE and name == suite.name:
            suite.good = good
        elif len(indent) == CASE:
            # A case is skipped even when only one of its parameters is.
            reasons = self.skipped if skipped is None else [skipped]
            suite.cases.append(Case(
                name, good, self.parameters,
                reasons[0] if reasons else None, self.words))
            self.words = []
            self.parameters = 0
            self.skipped = []
        else:
            if len(indent) == PARAMETER:
                self.parameters += 1
                if skipped is not None:
                    self.skipped.append(skipped)
            self.words.append(result.group(0))


def read(lines):
    """Return the list of Suite that @lines, without newlines, tell of."""
    reader = _Reader()
    for line in lines:
        reader.take(line.rstrip("\r\n"))
    return reader.suites
