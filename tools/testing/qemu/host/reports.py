# SPDX-License-Identifier: GPL-2.0-only
"""Recognises the kernel's reports of its own misbehaviour on a console.

Only the kernel writes to the console of the test machine: what test programs
print takes another way. A report is known by how its first line starts, after
the time stamp, so that messages that merely contain such a word do not count.
"""

import re

STAMP = re.compile(r"^(\[ *\d+\.\d+\])?(\[ *[TC]\d+\])? ?")

# In the order in which they are tried.
KINDS = tuple((kind, re.compile(pattern)) for kind, pattern in (
    ("panic", r"Kernel panic\b"),
    ("sanitizer", r"BUG: K(A|C|M)SAN: |BUG: KFENCE: |UBSAN: |KASAN: "),
    ("lockup", r"(watchdog: )?BUG: (soft lockup|workqueue lockup)|"
               r"(NMI watchdog: |watchdog: )?Watchdog detected hard LOCKUP|"
               r"BUG: spinlock lockup"),
    ("hung task", r"INFO: task .* blocked for more than"),
    ("RCU stall", r"(rcu: )?INFO: rcu\w* .*stall"),
    ("lockdep", r"WARNING: (possible (circular|recursive|irq lock)|"
                r"inconsistent lock state|suspicious RCU usage|"
                r"held lock freed|bad unlock balance|bad contention|"
                r"Nested lock was not taken|chain_key collision|"
                r"lock held when returning|\S+ still has locks held|"
                r"\S+-safe -> \S+-unsafe lock order)|"
                r"INFO: (possible|suspicious|trying to register non-static)|"
                r"\[ BUG: Invalid wait context|"
                r"possible (circular|recursive|irq) lock|DEBUG_LOCKS_WARN_ON"),
    ("oops", r"(Internal error: )?Oops\b|general protection fault[,:]|"
             r"Unable to handle kernel |double fault:|"
             r"(PANIC: )?double fault|invalid opcode:|divide error:|"
             r"stack segment:|unable to handle page fault"),
    ("BUG", r"(\[ )?BUG\b|kernel BUG at "),
    ("WARNING", r"WARNING: |WARN at "),
    ("leak", r"kmemleak: \d+ new suspected memory leak"),
    ("unhandled interrupt", r"irq \d+: nobody cared"),
))

REPORT_LINES = 60
# The end of an oops or a warning, or init's mark of the next test.
END = re.compile(r"---\[ end |init: (test \d+:|all tests)")
MARK = re.compile(r"init: test \d+: (.*)")


def kind_of(line):
    """Return the kind of report that a console line starts, or None."""
    text = STAMP.sub("", line, count=1)
    for kind, pattern in KINDS:
        if pattern.match(text):
            return kind
    return None


class Console:
    """The lines of a console, and the reports among them.

    @lines: all lines so far.
    @reports: list of (index of the line, kind).
    """

    def __init__(self):
        self.lines = []
        self.reports = []

    def feed(self, line):
        """Take one line, without its newline. Returns its kind or None."""
        kind = kind_of(line)
        if kind:
            self.reports.append((len(self.lines), kind))
        self.lines.append(line)
        return kind

    def matching(self, pattern):
        """Indices of the lines that start a report and match a regex."""
        return [index for index, _ in self.reports
                if re.match(pattern, STAMP.sub("", self.lines[index],
                                               count=1))]

    def during(self, index):
        """Name of the test program that ran at a line; "" if none did."""
        for line in reversed(self.lines[:index]):
            mark = MARK.match(STAMP.sub("", line, count=1))
            if mark:
                return mark.group(1)
        return ""

    def first_report(self):
        """The lines of the first report, from its start to its end."""
        start = self.reports[0][0]
        lines = []
        for line in self.lines[start:start + REPORT_LINES]:
            lines.append(line)
            if END.search(line):
                break
        return lines
