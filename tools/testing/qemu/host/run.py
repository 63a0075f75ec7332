#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Boots the test machine, runs its test programs, prints TAP.

The results come on a channel of their own; the console is watched for the
kernel's reports. Behind the guest's own results come those about the machine:
it booted in time, no result is lost, the kernel reported nothing (or what a
test is about), the machine powered itself off. Each of them fails the run, whatever the tests said.
Exit status: 0 if everything is ok, else 1.
"""

import argparse
import os
import selectors
import signal
import sys
import time

import decode
import machine
from reports import Console
from results import Results

LAST_LINES = 40


class LineReader:
    """Cuts the bytes of a file descriptor into lines and keeps them in a log.

    @take: called with each line, without its newline.
    """

    def __init__(self, descriptor, log, take):
        self.descriptor = descriptor
        self.log = open(log, "wb", buffering=0)
        self.take = take
        self.rest = b""

    def read(self):
        """Read what there is. Returns False at the end."""
        data = os.read(self.descriptor, 65536)
        self.log.write(data)
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in lines:
            self._line(line)
        if data:
            return True
        if self.rest:
            self._line(self.rest)
        self.close()
        return False

    def _line(self, line):
        text = line.decode("utf-8", "replace").rstrip("\r")
        self.take("".join(char if char.isprintable() or char == "\t" else "?"
                          for char in text))

    def close(self):
        """Close both files; more than once does no harm."""
        if not self.log.closed:
            self.log.close()
            os.close(self.descriptor)


class Run:
    """One boot of the machine, from its start to its last TAP line."""

    def __init__(self, arguments):
        self.arguments = arguments
        self.results = Results(filter(None, arguments.must_run.split()))
        self.console = Console()
        self.messages = []
        self.number = 0
        self.failures = 0
        self.process = None
        self.begun = None
        self.first_test = None
        self.timed_out = False

    # -- while it runs ------------------------------------------------------

    def _take_result(self, line):
        for out in self.results.feed(line):
            print(out, flush=True)
        if self.results.uptime is not None and self.first_test is None:
            self.first_test = (time.monotonic() - self.begun,
                               machine.cpu_seconds(self.process))

    def _readers(self, console, results, messages):
        folder = self.arguments.logs
        os.makedirs(folder, exist_ok=True)
        return [LineReader(descriptor, os.path.join(folder, name), take)
                for descriptor, name, take in (
                    (console, "console.log", self.console.feed),
                    (results, "results.log", self._take_result),
                    (messages, "qemu.log", self.messages.append))]

    def _follow(self, readers):
        """Read until QEMU has ended or the time is over."""
        deadline = self.begun + self.arguments.timeout
        with selectors.DefaultSelector() as selector:
            for reader in readers:
                selector.register(reader.descriptor, selectors.EVENT_READ,
                                  reader)
            while selector.get_map():
                left = deadline - time.monotonic()
                if left <= 0:
                    self.timed_out = True
                    return
                for key, _ in selector.select(left):
                    if not key.data.read():
                        selector.unregister(key.fd)

    def boot(self):
        """Run the machine to its end, or kill it when its time is over."""
        words = [f"guest_timeout={self.arguments.test_timeout}",
                 f"guest_dir={self.arguments.dir}"]
        if self.arguments.tests:
            words.append("guest_tests=" +
                         ",".join(self.arguments.tests.split()))
        if self.arguments.one_cpu:
            words.append("guest_one_cpu=" +
                         ",".join(self.arguments.one_cpu.split()))
        guest = machine.Machine(self.arguments, words)
        self.begun = time.monotonic()
        self.process, *pipes = guest.start()
        readers = self._readers(*pipes)
        try:
            self._follow(readers)
            if not self.timed_out:
                # All pipes are closed: QEMU is about to end, if it can.
                self.process.wait(10)
        finally:
            machine.kill(self.process)
            # What was in the pipes when it was killed.
            for reader in readers:
                while not reader.log.closed and reader.read():
                    pass

    # -- what is said about it ----------------------------------------------

    def _check(self, text, faults):
        """Print one line about the machine; @faults are sentences."""
        self.number += 1
        print(f"{'not ok' if faults else 'ok'} {self.number} - {text}")
        for fault in faults:
            print(f"# {fault}")
        self.failures += bool(faults)

    def _boot_faults(self):
        """Was it quick enough? A busy host is not the kernel's fault."""
        limit = self.arguments.boot_limit
        if self.first_test is None:
            return ["the first test was never reached"]
        seconds, cpu = self.first_test
        if seconds > limit and cpu > limit:
            return [f"more than {limit:g} s: the kernel's boot became slower, "
                    f"or the host is: BOOT_LIMIT sets another limit"]
        return []

    def _boot_figures(self):
        if self.first_test is None:
            return ""
        seconds, cpu = self.first_test
        return (f": {seconds:.1f} s after QEMU's start ({cpu:.1f} s of CPU "
                f"time), guest uptime {self.results.uptime:.1f} s")

    def _report_faults(self):
        faults = []
        expected = self.arguments.expect_report
        found = self.console.matching(expected) if expected else []
        if expected and len(found) != 1:
            faults.append(f"{len(found)} reports begin with what matches "
                          f"{expected!r}, not 1")
        for index, kind in self.console.reports:
            if index in found:
                continue
            during = self.console.during(index)
            faults.append(f"{kind}{' during ' + during if during else ''}, "
                          f"console line {index + 1}: "
                          f"{self.console.lines[index]}")
        return faults

    def _end_faults(self):
        if self.timed_out:
            return [f"it did not end within {self.arguments.timeout:g} s and "
                    f"was killed (TIMEOUT sets another limit)"]
        status = self.process.returncode
        if status < 0:
            return [f"QEMU was killed by signal {-status}"]
        if status:
            return [f"QEMU ended with status {status}"]
        if not self.results.ended:
            return ["it ended before its tests did"]
        return []

    def _show(self, title, lines):
        print(f"# {title}")
        for line in lines:
            print(f"#   {line}")

    def _explain(self):
        """What helps to understand a failure."""
        if self.messages:
            self._show("QEMU says:", self.messages[-LAST_LINES:])
        if self.console.reports:
            report = self.console.first_report()
            if not self.arguments.no_decode:
                vmlinux = os.path.join(self.arguments.build, machine.VMLINUX)
                report = decode.decode(report, vmlinux, self.arguments.ksrc)
            self._show("the first report:", report)
        self._show(f"the last lines of the console (all of it: "
                   f"{self.arguments.logs}/console.log):",
                   self.console.lines[-LAST_LINES:] or ["(it is empty)"])

    def conclude(self):
        """Print the lines about the machine. Returns the exit status."""
        self.number = self.results.seen
        self._check("machine: reached the first test" + self._boot_figures(),
                    self._boot_faults())
        self._check("machine: no result is lost", self.results.lost())
        self._check("machine: the kernel reported " +
                    ("what it should, and nothing else"
                     if self.arguments.expect_report else "nothing"),
                    self._report_faults())
        self._check("machine: powered itself off", self._end_faults())
        if self.failures or self.results.failed:
            self._explain()
        print(f"1..{self.number}", flush=True)
        return 1 if self.failures or self.results.failed else 0


def parse_arguments():
    """The command line, as a namespace."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    machine.add_arguments(parser)
    parser.add_argument("--dir", default="/tests",
                        help="folder of the test programs in the guest")
    parser.add_argument("--tests", default="",
                        help="run only these of them, in this order")
    parser.add_argument("--must-run", default="",
                        help="programs that must not skip")
    parser.add_argument("--one-cpu", default="",
                        help="programs to keep on the first processor")
    parser.add_argument("--timeout", type=float, default=600,
                        help="seconds for everything")
    parser.add_argument("--test-timeout", type=int, default=120,
                        help="seconds for each test program")
    parser.add_argument("--boot-limit", type=float, default=5,
                        help="seconds to the first test")
    parser.add_argument("--expect-report", metavar="REGEX", default="",
                        help="exactly one report of the kernel must begin "
                             "with this, and there must be no other")
    parser.add_argument("--no-decode", action="store_true",
                        help="no line numbers in the report: saves seconds")
    parser.add_argument("--logs",
                        help="folder for logs (default: BUILD/results)")
    arguments = parser.parse_args()
    if not arguments.logs:
        arguments.logs = os.path.join(arguments.build, "results")
    return arguments


def main():
    """Boot once. SIGTERM ends it as Ctrl-C does: without leaving QEMU."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    run = Run(parse_arguments())
    print("TAP version 13", flush=True)
    try:
        run.boot()
    except machine.MachineError as error:
        print(f"not ok 1 - machine: started\n# {error}\n1..1")
        return 1
    except KeyboardInterrupt:
        print("Bail out! interrupted")
        return 130
    return run.conclude()


if __name__ == "__main__":
    sys.exit(main())
