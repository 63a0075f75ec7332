#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""An option that was asked for and is not set is named."""

import os
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
CHECK = os.path.join(HERE, "..", "host", "check_config.py")
sys.path.insert(0, os.path.join(HERE, "../../../../scripts/overlay"))

import tap  # noqa: E402


class Check(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def check(self, config, *fragments):
        """Exit status and messages for these texts."""
        paths = []
        for number, text in enumerate((config,) + fragments):
            paths.append(os.path.join(self.folder, f"file{number}"))
            with open(paths[-1], "w", encoding="utf-8") as stream:
                stream.write(text)
        done = subprocess.run([CHECK] + paths, capture_output=True, text=True,
                              check=False)
        return done.returncode, done.stderr

    def test_good(self):
        """everything is set as asked for"""
        status, text = self.check(
            'CONFIG_A=y\n# CONFIG_B is not set\nCONFIG_C="x y"\nCONFIG_D=5\n',
            "# words\n\nCONFIG_A=y\nCONFIG_B=n\n",
            'CONFIG_C="x y"\n# CONFIG_E is not set\nCONFIG_D=5\n')
        self.assertEqual((status, text), (0, ""))

    def test_missing(self):
        """an option is missing: its name and its place"""
        status, text = self.check("CONFIG_A=y\n", "CONFIG_A=y\n\nCONFIG_B=y\n")
        self.assertEqual(status, 1)
        self.assertIn("file1:3: CONFIG_B=y was asked for, but it is n", text)
        self.assertNotIn("CONFIG_A", text)

    def test_other_value(self):
        """an option has another value"""
        status, text = self.check("CONFIG_A=m\nCONFIG_D=6\n",
                                  "CONFIG_A=y\nCONFIG_D=5\n")
        self.assertEqual(status, 1)
        self.assertIn("CONFIG_A=y was asked for, but it is m", text)
        self.assertIn("CONFIG_D=5 was asked for, but it is 6", text)

    def test_forced_on(self):
        """an option that was to be off is on"""
        status, text = self.check("CONFIG_A=y\n", "# CONFIG_A is not set\n")
        self.assertEqual(status, 1)
        self.assertIn("CONFIG_A=n was asked for, but it is y", text)

    def test_override(self):
        """a later fragment overrides an earlier one"""
        status, _ = self.check("CONFIG_A=n\n", "CONFIG_A=y\n", "CONFIG_A=n\n")
        self.assertEqual(status, 0)


if __name__ == "__main__":
    tap.main()
