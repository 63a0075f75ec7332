#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Every kind of report is recognised on a console, and nothing else is."""

import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "host"))
sys.path.insert(0, os.path.join(HERE, "../../../../scripts/overlay"))

import reports  # noqa: E402
import tap  # noqa: E402

REPORTS = {
    "panic": ("Kernel panic - not syncing: sysrq triggered crash",),
    "sanitizer": ("BUG: KASAN: slab-use-after-free in fn+0x10/0x20",
                  "BUG: KCSAN: data-race in fn / other",
                  "BUG: KMSAN: uninit-value in fn",
                  "BUG: KFENCE: out-of-bounds read in fn+0x10/0x20",
                  "UBSAN: array-index-out-of-bounds in mm/file.c:10:2"),
    "lockup": ("watchdog: BUG: soft lockup - CPU#0 stuck for 22s! [x:10]",
               "BUG: workqueue lockup - pool cpus=0 stuck for 43s!",
               "watchdog: Watchdog detected hard LOCKUP on cpu 1"),
    "hung task": ("INFO: task test:42 blocked for more than 30 seconds.",),
    "RCU stall": ("rcu: INFO: rcu_sched self-detected stall on CPU",
                  "rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:"),
    "lockdep": ("WARNING: possible circular locking dependency detected",
                "WARNING: possible recursive locking detected",
                "WARNING: possible irq lock inversion dependency detected",
                "WARNING: HARDIRQ-safe -> HARDIRQ-unsafe lock order detected",
                "WARNING: inconsistent lock state",
                "WARNING: bad unlock balance detected!",
                "WARNING: held lock freed!",
                "WARNING: test/42 still has locks held!",
                "WARNING: lock held when returning to user space!",
                "WARNING: suspicious RCU usage",
                "INFO: possible circular locking dependency detected",
                "INFO: trying to register non-static key.",
                "[ BUG: Invalid wait context ]"),
    "oops": ("Oops: Oops: 0002 [#1] PREEMPT SMP",
             "Oops: general protection fault, probably for non-canonical",
             "general protection fault, probably for non-canonical address"),
    "BUG": ("BUG: kernel NULL pointer dereference, address: 0",
            "BUG: sleeping function called from invalid context at mm/x.c:1",
            "BUG: Bad page state in process test  pfn:01234",
            "BUG: Bad rss-counter state mm:0 type:MM_ANONPAGES val:1",
            "BUG kmalloc-64 (Not tainted): Right Redzone overwritten",
            "BUG at mas_validate_limits:7500 (1)",
            "kernel BUG at mm/vma.c:100!"),
    "WARNING": ("WARNING: CPU: 1 PID: 41 at mm/vma.c:100 fn+0xa/0x10",
                "WARN at mas_validate:10 (1)"),
    "leak": ("kmemleak: 3 new suspected memory leaks (see /sys/kernel/...)",),
    "unhandled interrupt": ("irq 9: nobody cared (try booting with ...)",),
}

STAMPS = ("[    1.234567] ", "[  101.000000][   T42] ", "[1.5][    C1] ", "")

HARMLESS = (
    "[    0.1] Spectre V2 : WARNING: Unprivileged eBPF is enabled",
    "[    0.1] traps: test[42] general protection fault ip:401000 sp:7ffc",
    "[    0.1] test[42]: segfault at 1 ip 0000000000401000 sp 00007ffc error 4",
    "[    0.1] Debug messages of BUG: are printed here",
    "[    0.1] DEBUG: nothing",
    "[    0.1] init: test 3: WARNING: is the name of a test",
    "[    0.1] Kernel command line: panic=-1 oops=panic",
    "[    0.1] kmemleak: Kernel memory leak detector initialized",
    "[    0.1] rcu: Hierarchical RCU implementation.",
    "",
)


class Kinds(unittest.TestCase):
    def test_recognised(self):
        """each kind of report is recognised by its first line"""
        for kind, lines in REPORTS.items():
            for line in lines:
                for stamp in STAMPS:
                    self.assertEqual(reports.kind_of(stamp + line), kind,
                                     stamp + line)

    def test_each_kind_tested(self):
        """no kind is without an example here"""
        self.assertEqual({kind for kind, _ in reports.KINDS}, set(REPORTS))

    def test_harmless(self):
        """lines that only contain such words are no reports"""
        for line in HARMLESS:
            self.assertIsNone(reports.kind_of(line), line)


class Consoles(unittest.TestCase):
    def setUp(self):
        self.console = reports.Console()
        for line in ("[ 0.1] Linux version",
                     "[ 0.2] init: test 1: good",
                     "[ 0.3] init: test 2: bad",
                     "[ 0.4] WARNING: CPU: 1 PID: 41 at mm/vma.c:100",
                     "[ 0.4] Call Trace:",
                     "[ 0.4] ---[ end trace 0000000000000000 ]---",
                     "[ 0.5] init: test 3: good"):
            self.console.feed(line)

    def test_place(self):
        """a report has its line and its test"""
        self.assertEqual(self.console.reports, [(3, "WARNING")])
        self.assertEqual(self.console.during(3), "bad")
        self.assertEqual(self.console.during(0), "")

    def test_matching(self):
        """a report is found by a regex for its first line"""
        self.assertEqual(self.console.matching("WARNING: .* at mm/"), [3])
        self.assertEqual(self.console.matching("CPU: 1"), [])
        self.assertEqual(self.console.matching("Call Trace"), [])

    def test_extent(self):
        """a report goes from its first line to its end mark"""
        self.assertEqual(self.console.first_report(),
                         self.console.lines[3:6])


if __name__ == "__main__":
    tap.main()
