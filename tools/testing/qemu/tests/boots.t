#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Every way in which a boot can go wrong fails the run, and says why.

Boots the machine with programs that break it (guest/faults).
KSRC, BUILD and QEMU are taken from the environment, as `make check` sets them.
"""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(HERE)
RUN = os.path.join(TOP, "host", "run.py")
sys.path.insert(0, os.path.join(HERE, "../../../../scripts/overlay"))

import tap  # noqa: E402

SETTINGS = {}
LINE = re.compile(r"^(not ok|ok) (\d+) - (.*)$", re.M)

# Line numbers take seconds: only these look at them.
DECODED = ("oops", "warn")

BOOTED = "machine: reached the first test"
WHOLE = "machine: no result is lost"
QUIET = "machine: the kernel reported nothing"
EXPECTED = "machine: the kernel reported what it should, and nothing else"
OFF = "machine: powered itself off"
WARNS = "WARNING: .* at drivers/misc/lkdtm/"

# name of the boot: (test programs, seconds for each, for all, other options)
BOOTS = {
    "programs": ("pass fail skip skip_plan crash hang orphan subtest_pass "
                 "subtest_fail subtest_lost endless absent one_cpu "
                 "subtest_late skip_results", 2, 60,
                 ["--must-run", "pass skip"]),
    "good": ("pass subtest_pass orphan alone one_cpu other_cpus", 20, 60,
             ["--must-run", "pass", "--one-cpu", "pass one_cpu"]),
    "panic": ("pass panic pass", 20, 60, []),
    "oops": ("oops pass", 20, 60, []),
    "bug": ("bug pass", 20, 60, []),
    "warn": ("warn pass", 20, 60, []),
    "warn_expected": ("warn pass", 20, 60, ["--expect-report", WARNS]),
    "expected_missing": ("pass", 20, 60, ["--expect-report", WARNS]),
    "expected_other": ("warn", 20, 60, ["--expect-report", "BUG: KASAN"]),
    "lockdep": ("locked pass", 20, 60, []),
    "softlockup": ("softlockup", 20, 60, ["--append", "watchdog_thresh=1"]),
    "hung_task": ("hung_task", 20, 60,
                  ["--append", "sysctl.kernel.hung_task_timeout_secs=1"]),
    "stopped": ("hardlockup", 2, 8, ["--cpus", "1"]),
    "power_off": ("pass power_off pass", 20, 60, ["--boot-limit", "0.1"]),
    "kill_init": ("pass kill_init", 20, 60, []),
    "no_folder": ("", 20, 60, ["--dir", "/nowhere"]),
    "no_init": ("", 20, 60, ["--append", "rdinit=/faults/pass"]),
    "kernel_dies_early": ("", 20, 60, ["--append", "init_on_alloc=1 mem=8M"]),
}


def command(logs, tests, each, overall, options):
    """The command line of a run."""
    return [RUN, "--build", SETTINGS["BUILD"], "--ksrc", SETTINGS["KSRC"],
            "--qemu", SETTINGS["QEMU"], "--dir", "/faults",
            "--initramfs", os.path.join(SETTINGS["BUILD"], "faults.cpio"),
            "--logs", logs, "--tests", tests, "--test-timeout", str(each),
            "--timeout", str(overall), "--boot-limit", "60"] + options


class Boot:
    """What one boot printed.

    @results: {name: (True if ok, the line)}.
    """

    def __init__(self, name):
        with tempfile.TemporaryDirectory() as logs:
            begun = time.monotonic()
            words = command(logs, *BOOTS[name])
            if name not in DECODED:
                words.append("--no-decode")
            done = subprocess.run(words, text=True, capture_output=True,
                                  check=False)
            self.seconds = time.monotonic() - begun
        self.status = done.returncode
        self.text = done.stdout
        self.errors = done.stderr
        self.lines = LINE.findall(self.text)
        self.results = {}
        for word, _, rest in self.lines:
            # The figures behind the colon of "reached the first test".
            key = BOOTED if rest.startswith(BOOTED) else rest
            self.results[key] = word == "ok"


BOOTED_ONCE = {}


def setUpModule():
    """Build what is missing and make all boots, two at a time."""
    for name, default in (("KSRC", "build/linux"), ("BUILD", "build/qemu")):
        path = os.environ.get(name) or os.path.join(TOP, "../../..", default)
        SETTINGS[name] = os.path.abspath(path)
    SETTINGS["QEMU"] = os.environ.get("QEMU") or "qemu-system-x86_64"
    subprocess.run(["make", "-s", "--no-print-directory", "-C", TOP, "faults"]
                   + [f"{name}={value}" for name, value in SETTINGS.items()],
                   check=True, stdout=sys.stderr)
    with ThreadPoolExecutor(2) as pool:
        for name, boot in zip(BOOTS, pool.map(Boot, BOOTS)):
            BOOTED_ONCE[name] = boot


class Case(unittest.TestCase):
    """Helpers for all boots."""

    def boot(self, name):
        """The boot, after checking what holds for each of them."""
        boot = BOOTED_ONCE[name]
        self.figures = f"{boot.seconds:.1f} s"
        self.assertEqual(boot.errors, "")
        plan = re.findall(r"^1\.\.(\d+)$", boot.text, re.M)
        self.assertEqual(plan, [str(len(boot.lines))], boot.text)
        self.assertEqual([int(number) for _, number, _ in boot.lines],
                         list(range(1, len(boot.lines) + 1)), boot.text)
        return boot

    def assert_failed(self, boot, *names):
        """Exactly these lines are not ok, and the run fails."""
        failed = {name for name, good in boot.results.items() if not good}
        self.assertEqual(failed, set(names), boot.text)
        self.assertEqual(boot.status, 1)
        self.assertIn("# the last lines of the console", boot.text)


class Good(Case):
    def test_good(self):
        """nothing wrong: the run passes"""
        boot = self.boot("good")
        self.assert_none_failed(boot)
        self.assertEqual(list(boot.results),
                         ["pass", "subtest_pass", "orphan", "alone", "one_cpu",
                          "other_cpus", BOOTED, WHOLE, QUIET, OFF])

    def assert_none_failed(self, boot):
        self.assertEqual([n for n, good in boot.results.items() if not good],
                         [], boot.text)
        self.assertEqual(boot.status, 0)
        self.assertNotIn("last lines of the console", boot.text)

    def test_subtest(self):
        """a program's TAP is a subtest"""
        self.assertIn("# Subtest: subtest_pass\n    TAP version 13\n"
                      "    1..2\n    ok 1 - first\n    ok 2 - second\n"
                      "ok 2 - subtest_pass\n", self.boot("good").text)

    def test_figures(self):
        """the time to the first test is a figure"""
        self.assertRegex(self.boot("good").text,
                         r"first test: \d+\.\d s after QEMU's start \(\d+\.\d "
                         r"s of CPU time\), guest uptime \d+\.\d s\n")


class Programs(Case):
    def test_verdicts(self):
        """only the bad programs fail, and the machine goes on"""
        self.assert_failed(self.boot("programs"), "fail", "skip", "crash",
                           "hang", "subtest_fail", "subtest_lost", "endless",
                           "absent", "one_cpu", "subtest_late")

    def assert_says(self, *texts):
        boot = self.boot("programs")
        for text in texts:
            self.assertIn(text, boot.text)

    def test_fail(self):
        """a failing program: its status and its words"""
        self.assert_says("# fail failed: it exited with status 1\n",
                         "# the reason of the failure\n")

    def test_crash(self):
        """a program killed by a signal: the signal and its last words"""
        self.assert_says("# crash failed: it was killed by signal 6 (Abort",
                         "# last words\nnot ok")

    def test_hang(self):
        """a program without end: its time and where it sleeps"""
        self.assert_says("# hang failed: it did not end within 2 s\n",
                         "# hang sleeps in the kernel at:\n")
        self.assertRegex(self.boot("programs").text, r"#   .*sys_pause")

    def test_skip(self):
        """a skip is a skip, unless the program must run"""
        self.assert_says("ok 4 - skip_plan # SKIP its plan is empty\n",
                         "- skip_results # SKIP each of its results is a "
                         "skip\n",
                         "not ok 3 - skip\n# skip was skipped (it exited "
                         "with status 4), but is on the list")

    def test_subtests(self):
        """bad TAP of a program that exits with 0 is not believed"""
        self.assert_says(
            "# subtest_fail failed: 1 of its 2 results are not ok\n",
            "# subtest_lost failed: it planned 3 results and printed 2\n",
            "# words\n# Subtest: subtest_late\n    TAP version 13\n",
            "# subtest_late failed: 1 of its 2 results are not ok\n")

    def test_endless(self):
        """output without end is cut"""
        self.assert_says("# endless: more than 4000 lines")
        self.assertLess(self.boot("programs").text.count("again"), 4100)

    def test_absent(self):
        """a program that does not exist"""
        self.assert_says("# cannot execute /faults/absent: No such file")


class Kernel(Case):
    def assert_reported(self, name, failed, *texts):
        boot = self.boot(name)
        self.assert_failed(boot, QUIET, *failed)
        for text in texts:
            self.assertRegex(boot.text, text)
        return boot

    def test_panic(self):
        """panic"""
        boot = self.assert_reported(
            "panic", (WHOLE, OFF), r"# panic during panic, console line \d+: ",
            "# 3 results were planned and 1 came\n# the guest did not say",
            "# panic was running\n", "# it ended before its tests did\n")
        self.assertTrue(boot.results["pass"])

    def test_oops(self):
        """oops, with source lines"""
        self.assert_reported(
            "oops", (WHOLE, OFF), "# oops during oops, console line",
            r"#   .*lkdtm_EXCEPTION .*\(drivers/misc/lkdtm/bugs\.c:\d+")

    def test_bug(self):
        """BUG()"""
        self.assert_reported("bug", (WHOLE, OFF), "# BUG during bug, .* kernel "
                             "BUG at .*bugs.c")

    def test_warning(self):
        """a warning, though every test passes; with source lines"""
        boot = self.assert_reported(
            "warn", (), "# WARNING during warn, console line",
            r"#   .*RIP: 0010:lkdtm_WARNING \(drivers/misc/lkdtm/bugs\.c:\d+",
            r"#   .*direct_entry \(drivers/misc/lkdtm/core\.c:\d+")
        self.assertTrue(boot.results["warn"] and boot.results["pass"])

    def test_expected(self):
        """a report that is to come does not fail the run"""
        boot = self.boot("warn_expected")
        self.assertEqual([name for name, good in boot.results.items()
                          if not good], [], boot.text)
        self.assertEqual(list(boot.results),
                         ["warn", "pass", BOOTED, WHOLE, EXPECTED, OFF])
        self.assertEqual(boot.status, 0)

    def test_expected_missing(self):
        """a report that is to come, and does not"""
        boot = self.boot("expected_missing")
        self.assert_failed(boot, EXPECTED)
        self.assertIn(f"# 0 reports begin with what matches {WARNS!r}, not 1",
                      boot.text)

    def test_expected_other(self):
        """another report than the one that is to come"""
        boot = self.boot("expected_other")
        self.assert_failed(boot, EXPECTED)
        self.assertIn("# WARNING during warn, console line", boot.text)
        self.assertIn("# 0 reports begin with what matches", boot.text)

    def test_lockdep(self):
        """a report of lockdep"""
        # Whether the program itself gets away with it is up to the scheduler.
        boot = self.boot("lockdep")
        own = () if boot.results["locked"] else ("locked",)
        self.assert_reported("lockdep", own,
                             "# lockdep during locked, console line")

    def test_softlockup(self):
        """a soft lockup"""
        self.assert_reported("softlockup", (WHOLE, OFF),
                             "# lockup during softlockup, console line")

    def test_hung_task(self):
        """a hung task"""
        self.assert_reported("hung_task", (WHOLE, OFF),
                             "# hung task during hung_task, console line")

    def test_early(self):
        """a kernel that dies before it has a serial driver"""
        boot = self.boot("kernel_dies_early")
        self.assert_failed(boot, BOOTED, WHOLE, QUIET, OFF)
        self.assertIn("# panic, console line", boot.text)

    def test_kill_init(self):
        """init is killed"""
        self.assert_reported("kill_init", (WHOLE, OFF),
                             "Attempted to kill init", "1 came")

    def test_other_init(self):
        """an init that does nothing"""
        self.assert_reported("no_init", (BOOTED, WHOLE, OFF),
                             "no plan came from the guest")


class Lost(Case):
    def test_power_off(self):
        """the machine is powered off before the plan is fulfilled"""
        boot = self.boot("power_off")
        self.assert_failed(boot, BOOTED, WHOLE, OFF)
        self.assertIn("# 3 results were planned and 1 came\n", boot.text)

    def test_stopped(self):
        """the machine stops: killed when its time is over"""
        boot = self.boot("stopped")
        self.assert_failed(boot, WHOLE, OFF)
        self.assertIn("# it did not end within 8 s and was killed", boot.text)
        self.assertIn("# hardlockup was running\n", boot.text)
        self.assertLess(boot.seconds, 16)

    def test_slow(self):
        """the boot takes more time than it may"""
        self.assertIn("# more than 0.1 s", self.boot("power_off").text)

    def test_no_folder(self):
        """init gives up"""
        boot = self.boot("no_folder")
        self.assert_failed(boot, BOOTED, WHOLE, OFF)
        self.assertIn("# the guest gave up: cannot read the folder /nowhere",
                      boot.text)


class Killed(unittest.TestCase):
    """Processes that are killed from outside while a test hangs."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.runner = subprocess.Popen(
            command(folder.name, "pass hang", 30, 60, []), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.addCleanup(self.runner.stdout.close)
        self.addCleanup(self.runner.wait)
        self.addCleanup(self.runner.kill)
        for line in self.runner.stdout:
            if line == "ok 1 - pass\n":
                break
        path = f"/proc/{self.runner.pid}/task/{self.runner.pid}/children"
        with open(path, encoding="ascii") as stream:
            self.qemu = int(stream.read())

    def assert_qemu_ends(self):
        deadline = time.monotonic() + 5
        while os.path.exists(f"/proc/{self.qemu}"):
            self.assertLess(time.monotonic(), deadline, "QEMU still runs")
            time.sleep(0.02)

    def test_qemu(self):
        """QEMU is killed: the result is lost"""
        os.kill(self.qemu, signal.SIGKILL)
        text, _ = self.runner.communicate()
        self.assertEqual(self.runner.returncode, 1)
        self.assertIn(f"not ok 3 - {WHOLE}\n", text)
        self.assertIn(f"not ok 5 - {OFF}\n# QEMU was killed by signal 9\n",
                      text)

    def test_runner(self):
        """the runner is killed: QEMU does not stay"""
        self.runner.kill()
        self.assert_qemu_ends()

    def test_interrupt(self):
        """the runner is told to end: QEMU does not stay"""
        self.runner.terminate()
        text, _ = self.runner.communicate()
        self.assertEqual(self.runner.returncode, 130)
        self.assertIn("Bail out! interrupted", text)
        self.assertFalse(os.path.exists(f"/proc/{self.qemu}"))


class NoMachine(unittest.TestCase):
    def failed(self, *options):
        """Output of a run that cannot start."""
        done = subprocess.run(command("/nonexistent", "pass", 9, 9,
                                      list(options)), text=True,
                              capture_output=True, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("not ok 1 - machine: started", done.stdout)
        return done.stdout

    def test_no_qemu(self):
        """no QEMU: says what to install"""
        self.assertIn("install the package qemu-system-x86",
                      self.failed("--qemu", "/nonexistent/qemu"))

    def test_no_kernel(self):
        """no kernel: says what to build"""
        self.assertIn("/nonexistent/kernel/arch/x86/boot/bzImage does not "
                      "exist: run make build",
                      self.failed("--build", "/nonexistent"))

    def test_bad_option(self):
        """QEMU refuses its options: it is quoted"""
        with tempfile.TemporaryDirectory() as logs:
            done = subprocess.run(
                command(logs, "pass", 9, 20, ["--memory", "nonsense"]),
                text=True, capture_output=True, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("# QEMU ended with status 1\n", done.stdout)
        self.assertRegex(done.stdout, "# QEMU says:\n#   .*nonsense")


if __name__ == "__main__":
    tap.main()
