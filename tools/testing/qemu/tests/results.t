#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""What the runner makes of the lines of the result channel."""

import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "host"))
sys.path.insert(0, os.path.join(HERE, "../../../../scripts/overlay"))

import tap  # noqa: E402
from results import Results  # noqa: E402

GOOD = ("TAP version 13", "1..2", "#: uptime at first test 1.50",
        "#: running a", "ok 1 - a", "#: running b", "# words of b",
        "    ok 1 - inner", "ok 2 - b # SKIP no device",
        "#: end of results")


def fed(lines, must_run=()):
    """Results with these lines, and what they print."""
    results = Results(must_run)
    printed = []
    for line in lines:
        printed += results.feed(line)
    return results, printed


class Whole(unittest.TestCase):
    def test_good(self):
        """a whole run has lost nothing and prints only TAP"""
        results, printed = fed(GOOD, {"a"})
        self.assertEqual(results.lost(), [])
        self.assertEqual(results.failed, [])
        self.assertEqual(results.uptime, 1.5)
        self.assertEqual(printed, ["ok 1 - a", "# words of b",
                                   "    ok 1 - inner",
                                   "ok 2 - b # SKIP no device"])

    def test_failure(self):
        """a failing program is a failure by name"""
        results, printed = fed(("1..1", "not ok 1 - a", "#: end of results"))
        self.assertEqual(results.failed, ["a"])
        self.assertEqual(printed, ["not ok 1 - a"])
        self.assertEqual(results.lost(), [])

    def test_inner_lines(self):
        """lines of a program cannot pass for init's"""
        results, _ = fed(("1..1", "    1..7", "    not ok 1 - inner",
                          "# : end of results", "# ok 1 - no", "ok 1 - a"))
        self.assertEqual((results.planned, results.seen), (1, 1))
        self.assertFalse(results.ended)
        self.assertEqual(results.failed, [])


class MustRun(unittest.TestCase):
    def test_skip(self):
        """the skip of a program that must run is a failure"""
        results, printed = fed(GOOD, {"b"})
        self.assertEqual(results.failed, ["b"])
        self.assertIn("not ok 2 - b", printed)

    def test_absent(self):
        """a program that must run and is not there is a lost result"""
        results, _ = fed(GOOD, {"a", "c"})
        self.assertEqual(results.lost(), ["c must run and did not"])


class Lost(unittest.TestCase):
    def lost_without(self, line):
        lines = [kept for kept in GOOD if kept != line]
        self.assertNotEqual(len(lines), len(GOOD))
        return fed(lines)[0].lost()

    def test_plan(self):
        """no plan"""
        self.assertEqual(self.lost_without("1..2"),
                         ["no plan came from the guest"])

    def test_end(self):
        """no end mark"""
        self.assertEqual(self.lost_without("#: end of results"),
                         ["the guest did not say that it has come to the end"])

    def test_result(self):
        """a result is missing: the numbers and the plan show it"""
        self.assertEqual(self.lost_without("ok 1 - a"),
                         ["result 1 has the number 2",
                          "2 results were planned and 1 came"])

    def test_running(self):
        """the program that ran at the end is named"""
        self.assertIn("b was running", fed(GOOD[:6])[0].lost())

    def test_nothing(self):
        """nothing came at all"""
        self.assertIn("no plan came from the guest", fed(())[0].lost())

    def test_bail_out(self):
        """the guest gave up"""
        self.assertIn("the guest gave up: no folder",
                      fed(("TAP version 13", "Bail out! no folder"))[0].lost())

    def test_garbage(self):
        """a line that is not TAP"""
        self.assertIn("this line is not TAP: 'k 1 - a'",
                      fed(("1..1", "k 1 - a"))[0].lost())


if __name__ == "__main__":
    tap.main()
