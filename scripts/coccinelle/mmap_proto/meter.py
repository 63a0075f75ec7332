# SPDX-License-Identifier: GPL-2.0-only
"""Says how far a run is."""

import shutil
import sys


class Meter:
    """One line that is rewritten on a terminal; elsewhere nothing.

    @lines  write a line for each thing said to the standard output instead,
            for a program that shows them
    """

    def __init__(self, lines=False):
        self.lines = lines
        self.live = not lines and sys.stderr.isatty()
        self.shown = 0

    def say(self, text, number=None, total=None):
        """Show what is done now: @text, the @number-th of @total."""
        if total is not None:
            text = f"{text}: {number} of {total}"
        if self.lines:
            print(text, flush=True)
        elif self.live:
            text = text[:shutil.get_terminal_size().columns - 1]
            sys.stderr.write("\r" + text.ljust(self.shown))
            sys.stderr.flush()
            self.shown = len(text)

    def close(self):
        """Leave the terminal's line empty, for what is printed next."""
        if self.live and self.shown:
            sys.stderr.write("\r" + " " * self.shown + "\r")
            sys.stderr.flush()
            self.shown = 0
