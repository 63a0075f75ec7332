#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The KUnit suites of mmap_proto(), run by the kernel's own kunit.py.

Usage: kunit.t [MACHINE]...

Builds a kernel for each machine outside of $TREE, in the folder kunit beside
it, boots it under QEMU in software, and prints one line for each case.
"""

import os
import re
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
QEMU = os.path.join(ROOT, "tools", "testing", "qemu")
CONFIGS = os.path.join(QEMU, "kunit")
sys.path.insert(0, os.path.join(QEMU, "host"))

import ktap
import reports

TREE = os.path.abspath(os.environ.get("TREE") or
		       os.path.join(ROOT, "build", "linux"))
BUILD = os.path.join(os.path.dirname(TREE), "kunit")
# Seconds for the boot alone.
TIMEOUT = 300
LINES = 40

X86_SUITES = ["mmap_proto", "mmap_proto_action", "mmap_proto_nested"]


class Machine:
	"""What to build and boot, and which suites it must have run.

	@configs: fragments besides mm/.kunitconfig.
	@skips: {"suite.case": reason} of the cases that may be skipped.
	"""

	def __init__(self, arch, suites, configs, cross="", timeout=TIMEOUT,
		     skips=()):
		self.arch = arch
		self.suites = suites
		self.configs = configs
		self.cross = cross
		self.timeout = timeout
		self.skips = dict(skips)


MACHINES = {
	"x86_64": Machine("x86_64", X86_SUITES, ["x86_64.kunitconfig"]),
	"riscv_nommu": Machine(
		"riscv_nommu", ["mmap_proto_nommu"],
		["riscv_nommu.kunitconfig"], "riscv64-linux-gnu-"),
	"x86_64-debug": Machine(
		"x86_64", X86_SUITES,
		["x86_64.kunitconfig", "debug.kunitconfig"], timeout=900),
}
USUAL = ["x86_64", "riscv_nommu"]


class Tap:
	"""Prints results."""

	def __init__(self):
		self.number = 0
		self.failures = 0

	def result(self, good, text, words=(), skipped=None):
		"""Print one result, with @words if it is bad."""
		self.number += 1
		line = f"{'ok' if good else 'not ok'} {self.number} - {text}"
		if skipped is not None:
			line += f" # SKIP {skipped}"
		print(line)
		if not good:
			self.failures += 1
			for word in words:
				print("# " + word)
		sys.stdout.flush()

	def end(self):
		print(f"1..{self.number}")


def environment():
	"""Debian's own python3 runs the kernel's scripts."""
	env = dict(os.environ)
	env["PATH"] = "/usr/bin:/bin:/usr/sbin:/sbin:" + env["PATH"]
	for name in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "KSRC", "BUILD",
		     "ARCH", "CROSS_COMPILE", "TREE"):
		env.pop(name, None)
	env.update({"CCACHE_DEPEND": "true", "PYTHONDONTWRITEBYTECODE": "1",
		    "LC_ALL": "C"})
	return env


def command(name, machine):
	"""kunit.py's command line."""
	ccache = "ccache " if shutil.which("ccache") else ""
	configs = ["mm"] + [os.path.join(CONFIGS, config)
			    for config in machine.configs]
	options = [f"--kunitconfig={config}" for config in configs]
	if machine.cross:
		options.append(f"--cross_compile={machine.cross}")
	return ["/usr/bin/python3", "tools/testing/kunit/kunit.py", "run",
		f"--arch={machine.arch}",
		f"--build_dir={os.path.join(BUILD, name)}",
		*options, "--qemu_args=-accel tcg",
		"--make_options=LOCALVERSION=",
		f"--make_options=CC={ccache}{machine.cross}gcc",
		f"--timeout={machine.timeout}"]


def tree_state():
	"""What git says of $TREE, and every file that is not in git."""
	return subprocess.run(
		["git", "-c", "safe.directory=*", "status", "--porcelain",
		 "--ignored"], cwd=TREE, env=environment(), text=True,
		check=True, stdout=subprocess.PIPE).stdout.splitlines()


def report_suites(tap, name, machine, console):
	"""One line for each case, and one for the suites as a whole."""
	suites = ktap.read(console)
	for suite in suites:
		for case in suite.cases:
			text = f"{name}: {suite.name}.{case.name}"
			good = case.good
			words = case.words[-LINES:]
			if case.parameters:
				text += f", {case.parameters} times"
			if case.skipped is not None:
				known = machine.skips.get(
					f"{suite.name}.{case.name}")
				good = good and case.skipped == known
				words = words + ["skipped: " + case.skipped]
			tap.result(good, text, words,
				   case.skipped if good else None)
	came = [suite.name for suite in suites if suite.complete()]
	bad = sorted(set(machine.suites) ^ set(came)) + \
		[one for one in came if came.count(one) > 1]
	cases = sum(len(suite.cases) for suite in suites)
	tap.result(not bad, f"{name}: every suite came, and as a whole: "
		   f"{len(came)} suites, {cases} cases",
		   ["these did not, or are not known: " + " ".join(bad)] +
		   console[-LINES:])


def report_kernel(tap, name, console):
	"""The kernel had nothing to report but the results."""
	log = reports.Console()
	for line in console:
		log.feed(line)
	words = log.first_report() if log.reports else []
	tap.result(not log.reports, f"{name}: the kernel reported nothing",
		   words)


def run(tap, name, machine):
	"""Build, boot and report one machine."""
	os.makedirs(BUILD, exist_ok=True)
	log = os.path.join(BUILD, name, "test.log")
	if os.path.exists(log):
		os.remove(log)
	before = tree_state()
	begun = time.monotonic()
	done = subprocess.run(command(name, machine), cwd=TREE,
			      env=environment(), text=True, errors="replace",
			      stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
			      stderr=subprocess.STDOUT)
	seconds = time.monotonic() - begun
	said = done.stdout.splitlines()
	spent = re.findall(r"([\d.]+)s (building|running)", done.stdout)
	figures = ", ".join(f"{float(time):.1f} s {what}"
			    for time, what in spent) or f"{seconds:.1f} s"

	console = []
	if os.path.exists(log):
		with open(log, encoding="utf-8", errors="replace") as file:
			console = file.read().splitlines()
	report_suites(tap, name, machine, console)
	report_kernel(tap, name, console)
	tap.result(done.returncode == 0,
		   f"{name}: kunit.py found no failure: {figures}",
		   [f"it exited with {done.returncode}"] + said[-LINES:])
	after = tree_state()
	tap.result(before == after, f"{name}: the source tree is as it was",
		   sorted(set(before) ^ set(after)))


def main():
	names = sys.argv[1:] or USUAL
	unknown = [name for name in names if name not in MACHINES]
	if unknown:
		sys.exit(f"kunit.t: no machine is called {' '.join(unknown)}; "
			 f"there are {' '.join(MACHINES)}")
	print("TAP version 13")
	tap = Tap()
	for name in names:
		run(tap, name, MACHINES[name])
	tap.end()
	sys.exit(1 if tap.failures else 0)


if __name__ == "__main__":
	main()
