# SPDX-License-Identifier: GPL-2.0-only
"""Reads what the guest's init sends on the result channel (guest/init.c)."""

import re

RESULT = re.compile(r"(not )?ok (\d+) - (.*?)(?: # SKIP ?(.*))?$")
PLAN = re.compile(r"1\.\.(\d+)$")
NOTE = "#: "
UPTIME = "uptime at first test "
RUNNING = "running "
END = "end of results"


class Results:
    """The results that have arrived so far.

    @must_run: names of programs whose skip is a failure.

    @planned: number of programs of the guest's plan; None before it came.
    @seen: number of results.
    @failed: names of programs that failed.
    @ran: names of programs that passed or failed.
    @running: name of the program that was started last and has no result.
    @ended: the end mark has come.
    @problems: sentences about what is wrong with the results themselves.
    @uptime: the guest's uptime at the first test in seconds, or None.
    """

    def __init__(self, must_run=()):
        self.must_run = frozenset(must_run)
        self.planned = None
        self.seen = 0
        self.failed = []
        self.ran = set()
        self.running = None
        self.ended = False
        self.problems = []
        self.uptime = None

    def feed(self, line):
        """Take one line of the channel. Returns the lines of TAP to print."""
        if line.startswith(NOTE):
            self._note(line[len(NOTE):])
            return []
        if line.startswith("TAP version"):
            return []
        plan = PLAN.match(line)
        if plan:
            self.planned = int(plan.group(1))
            return []
        result = RESULT.match(line)
        if result:
            return self._result(*result.groups())
        if line.startswith("Bail out!"):
            self.problems.append("the guest gave up:" +
                                 line[len("Bail out!"):])
            return []
        if not line.startswith(("#", "    ")):
            self.problems.append(f"this line is not TAP: {line!r}")
            return []
        return [line]

    def _note(self, note):
        if note.startswith(UPTIME):
            self.uptime = float(note[len(UPTIME):])
        elif note.startswith(RUNNING):
            self.running = note[len(RUNNING):]
        elif note == END:
            self.ended = True

    def _result(self, bad, number, name, reason):
        self.seen += 1
        self.running = None
        if int(number) != self.seen:
            self.problems.append(f"result {self.seen} has the number {number}")
        lines = []
        if reason is not None and name in self.must_run:
            bad = True
            lines.append(f"# {name} was skipped ({reason}), but is on the "
                         f"list of programs that must run")
        elif reason is not None:
            return [f"ok {self.seen} - {name} # SKIP {reason}"]
        if bad:
            self.failed.append(name)
        self.ran.add(name)
        return [f"{'not ok' if bad else 'ok'} {self.seen} - {name}"] + lines

    def lost(self):
        """Return sentences about results that should be there and are not."""
        lost = list(self.problems)
        if self.planned is None:
            lost.append("no plan came from the guest")
        elif self.seen != self.planned:
            lost.append(f"{self.planned} results were planned and {self.seen} "
                        f"came")
        if not self.ended:
            lost.append("the guest did not say that it has come to the end")
        if self.running:
            lost.append(f"{self.running} was running")
        for name in sorted(self.must_run - self.ran - set(self.failed)):
            lost.append(f"{name} must run and did not")
        return lost
