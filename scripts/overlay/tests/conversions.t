#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""What the overlay tool gives to convert.py, and makes of its results."""

import json
import os
import shutil
import signal
import subprocess
import textwrap
import time

import fixture
from fixture import OVERLAY, git, read, step, write
import tap

FOLDER = "scripts/coccinelle/mmap_proto/"

# Converts what it is told to, and tells what it was given.
CONVERT = textwrap.dedent("""\
	import json, os, sys
	here = os.path.dirname(os.path.abspath(__file__))
	options = dict(zip(sys.argv[2::2], sys.argv[3::2]))
	tree, report = options["--tree"], options["--report"]
	seen = {}
	for top, _, names in os.walk(tree):
		for name in names:
			path = os.path.join(top, name)
			seen[os.path.relpath(path, tree)] = open(path).read()
	with open(options["--cache"] + "/runs", "a") as file:
		file.write("x")
	todo = json.load(open(here + "/todo.json"))
	for path in todo["edit"]:
		with open(os.path.join(tree, path), "a") as file:
			file.write("/* converted */\\n")
	for path, text in todo.get("write", {}).items():
		with open(os.path.join(here, "../../..", path), "w") as file:
			file.write(text)
	for path in todo.get("remove", []):
		os.unlink(os.path.join(tree, path))
	json.dump([sys.argv[1:2], seen], open(report + "/seen.json", "w"),
		  sort_keys=True)
	json.dump([json.load(open(options["--steps"])), options["--source"]],
		  open(report + "/steps.json", "w"))
	if "commits" in todo:
		json.dump(todo["commits"], open(report + "/commits.json", "w"))
	print("half way")
	if "error" in todo:
		sys.exit(todo["error"])
	""")


def commit(message, *files):
	return {"message": message, "files": list(files)}


class Case(fixture.Case):
	def make(self):
		"""A base, and an overlay with a conversion library."""
		fixture.make_base(self.base)
		self.write({**OVERLAY, FOLDER + "convert.py": CONVERT,
			    "mm/hook.step": step("mm: add the hook",
						 "adds: mm/ include/ scripts/\n")})
		self.todo(edit=[], commits=[])

	def todo(self, **what):
		self.write({FOLDER + "todo.json": json.dumps(what)})

	def seen(self):
		return json.loads(read(self.report, "seen.json"))[1]

	def laid_out(self):
		return os.path.join(self.top, "build", "convert", "tree")


class Good(Case):
	def setUp(self):
		super().setUp()
		self.set_up_built(self.make)

	def test_candidates(self):
		"""it gets each .c and .h that says mmap, but tests of the hooks"""
		self.write({"mm/more.c": "ceph_mmap\n", "mm/not.c": "map\n",
			    "mm/not.txt": "mmap\n", "mm/more_kunit.c": "mmap\n",
			    "mm/more_kunit_world.h": "mmap\n"})
		self.build()
		self.assertEqual(sorted(self.seen()), [
			"drivers/char/mem.c", "fs/other.c", "include/linux/fs.h",
			"mm/more.c"])
		self.assertIn("hook", self.seen()["include/linux/fs.h"])
		self.assertEqual(json.loads(read(self.report, "seen.json"))[0],
				 ["tree"])

	def test_steps(self):
		"""it is told which step gave a file a prototype hook by hand"""
		hook = "struct file_operations f = {\n\t.mmap_proto = m,\n};\n"
		self.write({"mm/late.c": "/* .mmap_proto */\n", "mm/hand.c": hook})
		self.build()
		steps, source = json.loads(read(self.report, "steps.json"))
		self.assertEqual(steps, {"mm/hand.c": "hook"})
		self.assertEqual(os.path.normpath(os.path.join(self.report, source)),
				 os.path.abspath(self.tree))

	def test_overlay_changes(self):
		"""an overlay that changes meanwhile makes no tree"""
		self.todo(edit=[], commits=[], write={"mm/hook.c": "int b;\n"})
		self.fail_build("The overlay changed while it was applied",
				"Run again")
		self.assertIn("2 steps", self.build())
		self.assertEqual(self.result("mm/hook.c"), "int b;\n")

	def test_patterns(self):
		"""the file 'candidates' says what makes a file interesting"""
		self.write({FOLDER + "candidates": "# why\nquiet\n^int v[a-z]a;\n"})
		self.build()
		self.assertEqual(sorted(self.seen()),
				 ["drivers/char/quiet.c", "mm/vma.c"])

	def test_commits(self):
		"""one commit per group, after the steps, in the order given"""
		self.todo(edit=["fs/other.c", "drivers/char/mem.c"], commits=[
			commit("fs: convert\n\nBody.", "fs/other.c"),
			commit("char: convert\n\nBody.\n", "drivers/char/mem.c")])
		self.assertIn("2 steps, 2 conversions, ", self.build())
		self.assertEqual(
			git(self.tree, "log", "--reverse", "--format=%s|%b",
			    "--name-only", "HEAD~2.."),
			"fs: convert|Body.\n\n\nfs/other.c\n"
			"char: convert|Body.\n\n\ndrivers/char/mem.c\n")
		self.assertTrue(self.result("fs/other.c").endswith("converted */\n"))
		self.whole()
		report = json.loads(read(self.report, "overlay.json"))
		self.assertEqual((report["commits"], len(report["conversions"])),
				 (4, 2))

	def test_again(self):
		"""it never sees its own result; what did not change is not written"""
		self.todo(edit=["fs/other.c"], commits=[commit("fs: c", "fs/other.c")])
		self.build()
		first = self.seen()
		before = fixture.stamps(self.laid_out())
		self.write({"mm/hook.c": "int x;\n"})
		self.build()
		self.assertEqual(self.seen(), first)
		after = fixture.stamps(self.laid_out())
		self.assertEqual([path for path in after
				  if after[path][:2] != before[path][:2]
				  and path.endswith((".c", ".h"))], ["fs/other.c"])
		self.assertEqual(read(self.top, "build/cache/convert/runs"), "xx")

	def test_unchanged(self):
		"""nothing changed: it is not run again"""
		self.build()
		self.assertIn("nothing has changed", self.build())
		self.assertEqual(read(self.top, "build/cache/convert/runs"), "x")

	def test_own_files(self):
		"""a change of the library alone, a module of it, runs it again"""
		self.write({FOLDER + "module.py": "x\n"})
		self.build()
		self.write({FOLDER + "module.py": "y\n"})
		self.build()
		self.assertEqual(read(self.top, "build/cache/convert/runs"), "xx")
		self.write({FOLDER + "tests/x.t": "y\n", "series": fixture.SERIES
			    + f"exclude {FOLDER}tests\n"})
		self.build()
		self.write({FOLDER + "tests/x.t": "z\n"})
		self.assertIn("nothing has changed", self.build())

	def test_stray(self):
		"""files that do not belong there are removed from its tree"""
		write(self.laid_out(), {"fs/stray.c": "mmap\n", "x/y": "z",
					"drivers/char/mem.c/deep": "x"})
		self.build()
		self.assertEqual(sorted(self.seen()), [
			"drivers/char/mem.c", "fs/other.c", "include/linux/fs.h"])

	def test_unconverted(self):
		"""what is no longer converted is as the steps left it"""
		self.todo(edit=["fs/other.c"], commits=[commit("fs: c", "fs/other.c")])
		self.build()
		self.todo(edit=[], commits=[])
		self.build()
		self.assertEqual(self.result("fs/other.c"),
				 fixture.FILES["fs/other.c"])

	def test_none(self):
		"""without convert.py there are no conversions"""
		shutil.rmtree(os.path.join(self.overlay, "scripts"))
		self.write({"mm/hook.step": step(keys="adds: mm/ include/\n")})
		self.assertIn("0 conversions", self.build())
		self.assertEqual(os.listdir(self.report), ["overlay.json"])


class Interrupted(Case):
	PROGRAM = textwrap.dedent("""\
		import os, signal, subprocess, sys
		def interrupt(number, frame):
			signal.signal(number, signal.SIG_IGN)
			raise KeyboardInterrupt
		signal.signal(signal.SIGINT, interrupt)
		report = sys.argv[sys.argv.index("--report") + 1]
		child = subprocess.Popen(["sleep", "986"], start_new_session=True)
		try:
			with open(report + "/child.new", "w") as file:
				file.write(str(child.pid))
			os.rename(report + "/child.new", report + "/child")
			child.wait()
		finally:
			child.kill()
			child.wait()
		""")

	def setUp(self):
		super().setUp()
		self.set_up_built(self.make)
		self.write({FOLDER + "convert.py": self.PROGRAM})

	def ends(self, number):
		"""What convert.py started must end if the tool gets @number."""
		tool = subprocess.Popen(self.command(), stderr=subprocess.PIPE)
		marker = os.path.join(self.tree + ".stage", "report", "child")
		self.assertTrue(self.within(10, lambda: os.path.exists(marker)))
		child = read(marker)
		self.assertTrue(os.path.exists("/proc/" + child))
		tool.send_signal(number)
		err = tool.communicate()[1].decode()
		self.assertTrue(self.within(
			20, lambda: not os.path.exists("/proc/" + child)))
		return tool.returncode, err

	def within(self, seconds, true):
		end = time.monotonic() + seconds
		while not true():
			if time.monotonic() > end:
				return False
			time.sleep(0.02)
		return True

	def test_interrupt(self):
		"""interrupted: it can end what it has started"""
		status, err = self.ends(signal.SIGINT)
		self.assertEqual(status, 130)
		self.assertIn("Run again", err)

	def test_kill(self):
		"""killed: it can end what it has started"""
		self.assertEqual(self.ends(signal.SIGKILL)[0], -signal.SIGKILL)


class Bad(Case):
	def setUp(self):
		super().setUp()
		self.set_up_built(lambda: (self.make(), self.build()))
		self.before = self.whole()
		self.reports = fixture.contents(self.report)

	def wrong(self, *words, **todo):
		self.todo(**todo)
		err = self.fail_build(*words)
		self.assertEqual(self.whole(), self.before)
		self.assertEqual(fixture.contents(self.report), self.reports)
		return err

	def test_exit(self):
		"""its error is shown; tree and report are as they were"""
		self.wrong("convert.py exited with 1", "fs/x.c:3: This is a sentence",
			   edit=["fs/other.c"], commits=[],
			   error="fs/x.c:3: This is a sentence.")

	def test_much(self):
		"""a lot of errors does not stop it half-way"""
		err = self.wrong("exited with 1", "the end", edit=[], commits=[],
				 error="line\n" * 40000 + "the end")
		self.assertLess(len(err), 5000)

	def test_no_commits(self):
		"""no commits.json, or one that is none"""
		self.wrong("commits.json", edit=[])
		self.wrong("commits.json", edit=[], commits=[{"message": "x"}])
		self.wrong("commits.json", edit=[], commits=3)

	def test_forgotten(self):
		"""a changed file that is in no commit"""
		self.wrong("fs/other.c", "in no commit",
			   edit=["fs/other.c", "drivers/char/mem.c"],
			   commits=[commit("char: c", "drivers/char/mem.c")])

	def test_twice(self):
		"""a file in two commits, or twice in one"""
		self.wrong("fs/other.c", "'two'", "in two commits",
			   edit=["fs/other.c"], commits=[
				commit("one", "fs/other.c"),
				commit("two", "fs/other.c")])
		self.wrong("fs/other.c", "in two commits", edit=["fs/other.c"],
			   commits=[commit("one", "fs/other.c", "fs/other.c")])

	def test_not_changed(self):
		"""a file in a commit that it did not change"""
		self.wrong("fs/other.c", "not changed", edit=[],
			   commits=[commit("one", "fs/other.c")])

	def test_empty(self):
		"""a commit without files or message"""
		self.wrong("no message or no files", edit=[], commits=[commit("x")])
		self.wrong("no message or no files", edit=["fs/other.c"],
			   commits=[commit("", "fs/other.c")])

	def test_removed(self):
		"""a file that it removed"""
		self.wrong("removed fs/other.c", edit=[], commits=[],
			   remove=["fs/other.c"])


if __name__ == "__main__":
	tap.main()
