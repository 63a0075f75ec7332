#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""A run that is interrupted or killed leaves the previous tree whole."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import fixture
from fixture import LICENCE, git, read, step
import tap
import overlay as tool
import tree

CONVERT = """\
import sys
options = dict(zip(sys.argv[2::2], sys.argv[3::2]))
path = options["--tree"] + "/drivers/char/mem.c"
text = open(path).read()
open(path, "w").write(text.replace("mmap", "hook"))
open(options["--report"] + "/hooks.csv", "w").write("file\\n")
open(options["--report"] + "/commits.json", "w").write(
	'[{"message": "char: convert", "files": ["drivers/char/mem.c"]}]')
"""
PROGRAM = "scripts/coccinelle/mmap_proto/convert.py"

# Where a run is killed: before the call of an attribute.
POINTS = [(f"{owner}.{name}", "before") for owner, names in {
	"apply.Kernel": ["step"],
	"semantic.Spatch": ["_spatch"],
	"conversions.Conversions": ["_convert"],
	"overlay": ["make_commits", "_publish_file"],
	"overlay.Build": ["_publish"],
	"tree.WorkTree": ["_copy", "_link_objects", "_drop_objects",
			  "_write_state", "swap", "clean"],
}.items() for name in names]
# And after it, where that is not just before the next one.
AFTER = [("semantic.Spatch._spatch", "after"),
	 ("overlay._publish_file", "after"),
	 ("overlay.Build._publish", "after"),
	 ("tree.WorkTree._copy", "after")]
# A signal that can be handled takes the same way out of most of them.
HANDLED = [(path, side) for path, side in POINTS if path.split(".")[-1] in (
	"step", "_spatch", "_convert", "make_commits", "_link_objects",
	"_write_state", "swap", "_publish", "clean")] + [
	("threading.Thread.start", "after")]


def find(path):
	"""(the object that has it, the name) of the attribute @path."""
	owner, *rest, name = path.split(".")
	found = sys.modules[owner] if owner != "overlay" else tool
	for part in rest:
		found = getattr(found, part)
	return found, name


def stop_at(path, side, number):
	"""Send the signal @number to this process @side the call of @path."""
	owner, name = find(path)
	real = getattr(owner, name)

	def stopping(*arguments, **options):
		if side == "before":
			os.kill(os.getpid(), number)
		result = real(*arguments, **options)
		if side == "after":
			os.kill(os.getpid(), number)
		return result

	setattr(owner, name, stopping)


class Case(fixture.Case):
	def setUp(self):
		super().setUp()
		self.overlay_files = dict(fixture.OVERLAY)
		self.overlay_files[PROGRAM] = CONVERT
		self.overlay_files["mm/hook.step"] = step(
			"mm: add the hook", "adds: mm/ include/ scripts/\n")

	def forked(self, prepare=None):
		"""Build in a forked process; returns (status, what it said)."""
		name = os.path.join(self.top, "said")
		sys.stdout.flush()
		pid = os.fork()
		if not pid:
			said = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
			os.dup2(said, 1)
			os.dup2(said, 2)
			status = 99
			try:
				os.setsid()
				if prepare:
					prepare()
				status = tool.main(self.command()[2:])
			except BaseException as error:
				print("Traceback:", repr(error), file=sys.stderr)
			finally:
				sys.stdout.flush()
				sys.stderr.flush()
				os._exit(status)
		status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
		return status, read(name)

	def must_build(self):
		"""The next run works, and leaves nothing behind."""
		status, said = self.forked()
		self.assertEqual(status, 0, said)
		self.assertFalse(os.path.lexists(self.tree + ".stage"))
		now = self.whole()
		report = json.loads(read(self.report, "overlay.json"))
		self.assertEqual(report["tip"] + "\n", now[1])
		self.assertEqual(sorted(os.listdir(self.report)),
				 ["commits.json", "hooks.csv", "overlay.json"])
		return now

	def template(self):
		"""Build once, and what comes after; remember both."""
		fixture.make_base(self.base)
		self.write(self.overlay_files)
		old = self.must_build()
		kept = os.path.join(self.top, "kept")
		shutil.copytree(os.path.join(self.top, "build"), kept,
				symlinks=True)
		self.write({"mm/hook.c": "// " + LICENCE + "int newer;\n",
			    "mm/vma.c.hook.cocci": self.overlay_files[
				"mm/vma.c.hook.cocci"].replace("new_c", "newer_c"),
			    "mm/extra/file.c": "x\n"})
		new = self.must_build()
		self.assertNotEqual(old, new)
		return kept, old, new

	def restore(self, kept):
		"""The state before the new build."""
		build = os.path.join(self.top, "build")
		shutil.rmtree(build)
		if kept:
			subprocess.run(["cp", "-a", kept, build], check=True)


class Points(Case):
	def at_points(self, number, points, template=None):
		"""Stop at each of @points; returns how often each tree was there."""
		kept, old, new = template or self.template()
		counts = {"old": 0, "new": 0, "missed": 0}
		for path, side in points:
			with self.subTest(point=path, side=side):
				self.restore(kept)
				status, said = self.forked(
					lambda: stop_at(path, side, number))
				self.assertNotIn("Traceback", said)
				now = self.whole()
				self.assertIn(now, (old, new))
				which = "old" if now == old else "new"
				if status == 0:
					# Too late to be interrupted.
					self.assertEqual(now, new)
					counts["missed"] += 1
				else:
					counts[which] += 1
					self.check(number, status, said, which)
				self.assertEqual(self.must_build(), new)
		return counts

	def check(self, number, status, said, which):
		"""The status and the message of an interrupted run."""
		if number == signal.SIGKILL:
			self.assertEqual(status, -signal.SIGKILL)
			return
		self.assertEqual(status, 128 + number, said)
		self.assertEqual(which, "old")
		self.assertIn("Interrupted. Run again", said)
		self.assertIn("is as it was", said)
		self.assertFalse(os.path.lexists(self.tree + ".stage"))

	def test_kill(self):
		"""SIGKILL at every stage: one of the two trees, whole"""
		counts = self.at_points(signal.SIGKILL, POINTS + AFTER)
		self.assertEqual(counts["missed"], 0)
		self.assertGreater(counts["old"], 10)
		self.assertGreater(counts["new"], 3)
		self.figures = f"{counts['old']} old, {counts['new']} new"

	def test_interrupt(self):
		"""SIGINT at every stage: the previous tree and 130, or done"""
		counts = self.at_points(signal.SIGINT, HANDLED)
		self.assertGreater(counts["old"], 6)
		self.assertGreater(counts["missed"], 1)
		self.figures = f"{counts['old']} old, {counts['missed']} done"

	def test_terminate(self):
		"""SIGTERM and SIGHUP are no different"""
		template = self.template()
		for number in (signal.SIGTERM, signal.SIGHUP):
			counts = self.at_points(number, [
				("tree.WorkTree._copy", "after")], template)
			self.assertEqual(counts["old"], 1)

	def test_first(self):
		"""SIGKILL and SIGINT in the first run: no tree, or all of it"""
		_, _, new = self.template()
		base = os.path.join(self.top, "base.git")
		shutil.copytree(self.base, base)
		for number, path in (
				(signal.SIGKILL, "apply.Kernel.step"),
				(signal.SIGKILL, "tree.WorkTree._link_objects"),
				(signal.SIGKILL, "tree.WorkTree.swap"),
				(signal.SIGKILL, "overlay.Build._publish"),
				(signal.SIGINT, "overlay.make_commits"),
				(signal.SIGINT, "tree.WorkTree._write_state")):
			with self.subTest(point=path, signal=number):
				self.restore(None)
				shutil.copytree(base, self.base)
				status, said = self.forked(
					lambda: stop_at(path, "before", number))
				if path.endswith("_publish"):
					self.assertEqual(self.whole(), new)
				else:
					self.assertFalse(os.path.exists(self.tree))
				if number == signal.SIGINT:
					self.assertEqual(status, 130)
					self.assertIn("No " + self.tree
						      + " was made", said)
				else:
					self.assertEqual(status, -number)
				self.assertEqual(self.must_build(), new)


class Moments(Case):
	def alive(self):
		"""The processes that work below our folder."""
		found = []
		for pid in os.listdir("/proc"):
			if not pid.isdigit() or int(pid) == os.getpid():
				continue
			try:
				line = read("/proc", pid, "cmdline")
				where = os.readlink(f"/proc/{pid}/cwd")
				state = read("/proc", pid, "stat").split(") ")[1][0]
			except OSError:
				continue
			if state != "Z" and (self.top in line or
					     where.startswith(self.top)):
				found.append((pid, line))
		return found

	def wait_ready(self, pid):
		"""Wait until the run has begun to look after signals."""
		end = time.monotonic() + 10
		while time.monotonic() < end:
			for line in read("/proc", str(pid), "status").split("\n"):
				if line.startswith("SigCgt:") and \
				   int(line.split()[1], 16) >> signal.SIGHUP - 1 & 1:
					return
			time.sleep(0.005)
		self.fail("the run did not begin")

	def at_moments(self, number, group):
		"""Signal a run at some moments; none of its children outlives it."""
		kept, old, new = self.template()
		self.restore(kept)
		start = time.monotonic()
		self.must_build()
		span = time.monotonic() - start
		stopped = 0
		for moment in range(5):
			self.restore(kept)
			child = subprocess.Popen(
				self.command(), stdout=subprocess.PIPE,
				stderr=subprocess.STDOUT, start_new_session=True)
			self.wait_ready(child.pid)
			time.sleep(span * moment / 6)
			if group:
				os.killpg(child.pid, number)
			else:
				child.send_signal(number)
			said = child.communicate()[0].decode()
			self.assertNotIn("Traceback", said)
			if child.returncode:
				stopped += 1
				self.assertIn(child.returncode, (-number, 130))
			end = time.monotonic() + 2
			while self.alive() and time.monotonic() < end:
				time.sleep(0.02)
			self.assertEqual(self.alive(), [])
			now = self.whole()
			if child.returncode == 130:
				self.assertEqual(now, old)
				self.assertIn("is as it was", said)
			self.assertIn(now, (old, new))
			self.assertEqual(self.must_build(), new)
		self.assertGreater(stopped, 2)
		self.figures = f"{stopped} of 5 stopped"

	def test_kill(self):
		"""SIGKILL at any moment"""
		self.at_moments(signal.SIGKILL, False)

	def test_interrupt(self):
		"""Control-C at any moment"""
		self.at_moments(signal.SIGINT, True)


class NoExchange(Case):
	"""A file system that cannot exchange two folders."""

	def refuse(self):
		def exchange(one, other):
			raise OSError(errno.EINVAL, "Invalid argument", other)
		tree.exchange = exchange

	def test_works(self):
		"""two renames do the same"""
		kept, _, new = self.template()
		self.restore(kept)
		status, said = self.forked(self.refuse)
		self.assertEqual(status, 0, said)
		self.assertEqual(self.whole(), new)
		self.assertFalse(os.path.lexists(self.tree + ".stage"))

	def test_killed_between(self):
		"""killed between the two: the next run brings the old tree back"""
		kept, old, new = self.template()
		self.restore(kept)

		def prepare():
			self.refuse()
			real = os.rename

			def rename(one, other):
				real(one, other)
				if one == self.tree:
					os.kill(os.getpid(), signal.SIGKILL)
			os.rename = rename

		self.assertEqual(self.forked(prepare)[0], -signal.SIGKILL)
		self.assertFalse(os.path.lexists(self.tree))
		self.write({"mm/vma.c.region.move": "broken"})
		status, said = self.forked()
		self.assertEqual(status, 1)
		self.assertIn("is as it was", said)
		self.assertEqual(self.whole(), old)
		self.write({"mm/vma.c.region.move":
			    self.overlay_files["mm/vma.c.region.move"]})
		self.assertEqual(self.must_build(), new)

	def test_second_fails(self):
		"""where the second rename fails, the first is undone"""
		kept, old, _ = self.template()
		self.restore(kept)

		def prepare():
			self.refuse()
			real = os.rename

			def rename(one, other):
				if one.endswith(".stage/tree"):
					raise OSError(errno.EIO, "Input/output error",
						      one)
				real(one, other)
			os.rename = rename

		status, said = self.forked(prepare)
		self.assertEqual(status, 1)
		self.assertIn("Input/output error", said)
		self.assertEqual(self.whole(), old)


if __name__ == "__main__":
	tap.main()
