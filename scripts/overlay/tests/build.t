#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The whole tool: the tree that it builds, and what it leaves alone."""

import fcntl
import json
import os
import shutil
import subprocess
import sys
import time

import fixture
from fixture import LICENCE, MMAP_C, OVERLAY, SERIES, git, read, step, write
import tap


class Result(fixture.Case):
	def setUp(self):
		super().setUp()
		self.set_up_build()

	def test_tree(self):
		"""the tree: one commit per step, edits made, nothing else"""
		out = self.build()
		self.assertIn("2 steps, 0 conversions, 6 files changed", out)
		self.assertEqual(
			git(self.tree, "log", "--reverse",
			    "--format=%s|%an <%ae>|%cn <%ce>|%ad", "--date=raw",
			    "base..mmap-proto"),
			"".join(f"{subject}|mmap-proto <mmap-proto@localhost>|"
				"mmap-proto <mmap-proto@localhost>|1700000000 +0100\n"
				for subject in ("mm: move map_region()",
						"mm: add the hook")))
		self.assertEqual(git(self.tree, "rev-parse", "base"),
				 git(self.base, "rev-parse", "base"))
		self.assertEqual(
			git(self.tree, "diff", "--name-status", "base", "HEAD"),
			"M\tinclude/linux/fs.h\nA\tinclude/linux/hook.h\n"
			"M\tmm/Kconfig\nA\tmm/hook.c\nM\tmm/mmap.c\nM\tmm/vma.c\n")
		self.assertIn("\tint (*mmap)(void);\n\tint (*hook)(void);\n};",
			      self.result("include/linux/fs.h"))
		self.assertIn("return new_call(flags);", self.result("mm/vma.c"))
		self.assertTrue(self.result("mm/Kconfig").endswith("config B\n\tbool\n"))
		self.assertTrue(os.access(os.path.join(self.tree, "scripts/tool.sh"),
					  os.X_OK))
		self.assertEqual(os.readlink(os.path.join(self.tree, "fs/link.c")),
				 "other.c")
		self.assertEqual(git(self.tree, "symbolic-ref", "HEAD"),
				 "refs/heads/mmap-proto\n")
		self.whole()

	def test_message(self):
		"""the commit message is the step's, without licence and keys"""
		self.build()
		self.assertEqual(git(self.tree, "log", "-1", "--format=%B", "HEAD"),
				 "mm: add the hook\n\nBecause of the test.\n\n")

	def test_report(self):
		"""overlay.json counts kinds, steps, commits and files"""
		self.build()
		report = json.loads(read(self.report, "overlay.json"))
		self.assertEqual(report["base"] + "\n",
				 git(self.base, "rev-parse", "base"))
		self.assertEqual(report["version"], "6.12.117")
		self.assertEqual(report["kinds"], {
			"add": 2, "cocci": 1, "insert": 1, "append": 1, "move": 1,
			"supersede": 0})
		self.assertEqual((report["steps"], report["commits"],
				  report["changed_files"]), (2, 2, 6))
		self.assertEqual([(s["step"], s["builds"]) for s in report["series"]],
				 [("region", ["mm/mmap.o", "mm/vma.o"]), ("hook", [])])
		self.assertEqual(report["series"][1]["commit"], report["tip"])

	def test_same_ids(self):
		"""same input elsewhere, same tree and ids, byte for byte"""
		self.build()
		tree = self.tree
		self.tree = os.path.join(self.top, "else", "where")
		shutil.rmtree(os.path.join(self.top, "build", "cache"))
		os.environ.update(GIT_AUTHOR_NAME="somebody", TZ="Asia/Tokyo",
				  LC_ALL="C.UTF-8")
		self.addCleanup(os.environ.pop, "GIT_AUTHOR_NAME")
		self.addCleanup(os.environ.pop, "TZ")
		self.build("--jobs", "1")
		self.assertEqual(git(tree, "rev-parse", "HEAD"),
				 git(self.tree, "rev-parse", "HEAD"))
		self.assertEqual(fixture.contents(tree), fixture.contents(self.tree))

	def test_known_id(self):
		"""the ids depend on nothing that the tests do not set"""
		self.build()
		first = git(self.tree, "rev-parse", "HEAD")
		shutil.rmtree(self.tree)
		time.sleep(1.1)
		self.build()
		self.assertEqual(git(self.tree, "rev-parse", "HEAD"), first)

	def test_history_independent(self):
		"""renewed or built from nothing, the result is the same"""
		self.build()
		self.write({"mm/hook.c": "// " + LICENCE + "int other;\n"})
		self.build()
		renewed = self.whole()
		shutil.rmtree(self.tree)
		self.build()
		self.assertEqual(self.whole(), renewed)

	def test_git_settings(self):
		"""git settings and variables of the person's own do no harm"""
		home = os.path.join(self.top, "home")
		write(home, {".gitconfig": "[core]\n\tautocrlf = true\n"
			     "[init]\n\tdefaultBranch = odd\n[user]\n\tname = me\n"
			     "[commit]\n\tgpgsign = true\n"})
		status, _, err = self.run_tool(env={
			"HOME": home, "GIT_DIR": "/nonexistent",
			"GIT_INDEX_FILE": "/nonexistent", "LANG": "de_DE.UTF-8"})
		self.assertEqual(status, 0, err)
		self.whole()

	def test_odd_names(self):
		"""folders and files with odd names"""
		self.top = os.path.join(self.top, 'a "b" \\ c:d')
		self.overlay, self.base, self.tree, self.report = (
			os.path.join(self.top, name) for name in (
				"over lay", "build/ba:se.git", "build/li nux",
				"build/report"))
		os.makedirs(self.overlay)
		os.makedirs(os.path.join(self.top, "build"))
		self.set_up_build()
		self.write({'mm/o "\\d\td.c': "x\n", "mm/hook.step": step(
			keys="adds: mm/ include/\n")})
		self.build()
		self.whole()
		self.assertEqual(self.result('mm/o "\\d\td.c'), "x\n")

	def test_no_steps(self):
		"""a series without steps gives the base"""
		shutil.rmtree(self.overlay)
		self.write({"series": "# " + LICENCE})
		self.assertIn("0 steps", self.build())
		self.assertEqual(git(self.tree, "rev-parse", "HEAD"),
				 git(self.base, "rev-parse", "base"))
		self.whole()


class Renew(fixture.Case):
	def setUp(self):
		super().setUp()
		self.set_up_built()

	def changed(self, before):
		"""The paths of the tree whose inode or time is not as @before."""
		now = fixture.stamps(self.tree)
		names = set(before) | set(now)
		return sorted(path for path in names
			      if not path.startswith(".git/") and path != ".git"
			      and (path not in before or path not in now
				   or before[path][:2] != now[path][:2])
			      and not (path in now and os.path.isdir(
				      os.path.join(self.tree, path))))

	def test_second_run(self):
		"""a second run touches nothing at all, .git included"""
		before = fixture.stamps(self.top)
		start = time.monotonic()
		self.assertIn("nothing has changed", self.build())
		self.figures = f"{time.monotonic() - start:.2f} s"
		self.assertEqual(fixture.stamps(self.top), before)

	def test_link(self):
		"""a tree behind a symbolic link is swapped whole, too"""
		elsewhere = self.tree + ".elsewhere"
		os.rename(self.tree, elsewhere)
		os.symlink(elsewhere, self.tree)
		before = os.stat(elsewhere).st_ino
		self.write({"mm/Kconfig.hook.append":
			    LICENCE + "---\n\nconfig C\n\tbool\n"})
		self.build()
		self.assertTrue(os.path.islink(self.tree))
		self.assertNotEqual(os.stat(elsewhere).st_ino, before)
		self.assertIn("config C", read(elsewhere, "mm/Kconfig"))

	def test_one_file(self):
		"""a change of one edit replaces the files that it edits alone"""
		before = fixture.stamps(self.tree)
		self.write({"mm/Kconfig.hook.append":
			    LICENCE + "---\n\nconfig C\n\tbool\n"})
		self.build()
		self.assertEqual(self.changed(before), ["mm/Kconfig"])
		self.whole()

	def test_index(self):
		"""git knows all stamps: it need not look into the files"""
		for number in range(2):
			self.write({"mm/hook.c": f"int h{number};\n"})
			self.build()
			self.assertEqual(git(self.tree, "diff-files"), "")

	def test_add_remove(self):
		"""files come and go with the overlay's, others keep their stamps"""
		before = fixture.stamps(self.tree)
		self.write({"mm/hook.c": None, "mm/deep/new.c": "x\n",
			    "mm/hook.step": step("mm: add the hook", "adds: "
						 "include/linux/hook.h mm/deep/\n")})
		self.build()
		self.assertEqual(self.changed(before),
				 ["mm/deep/new.c", "mm/hook.c"])
		self.whole()
		self.write({"mm/deep/new.c": None, "mm/hook.step": step(
			keys="adds: include/linux/hook.h\n")})
		self.build()
		self.assertFalse(os.path.exists(os.path.join(self.tree, "mm/deep")))

	def test_message_only(self):
		"""a new commit message replaces no file"""
		before = fixture.stamps(self.tree)
		self.write({"mm/hook.step": step("mm: say it otherwise", "adds: "
						 "mm/hook.c include/linux/hook.h\n")})
		self.build()
		self.assertEqual(self.changed(before), [])
		self.assertIn("say it otherwise", git(self.tree, "log", "-1"))
		self.whole()

	def test_no_effect(self):
		"""a change without effect leaves the tree where it is"""
		before = fixture.stamps(self.tree)
		self.write({"mm/Kconfig.hook.append": "# " + LICENCE
			    + "# a comment\n---\n\nconfig B\n\tbool\n"})
		self.assertIn("like that already", self.build())
		after = fixture.stamps(self.tree)
		self.assertEqual({path for path in set(before) | set(after)
				  if before.get(path) != after.get(path)},
				 {".git", ".git/mmap-proto.json"})
		self.assertIn("nothing has changed", self.build())

	def test_old_inodes(self):
		"""no file is written through a hard link"""
		# Logs, which a person may have switched on, are appended to.
		git(self.tree, "config", "core.logAllRefUpdates", "always")
		self.write({"mm/hook.c": "newer\n"})
		self.build()
		copy = os.path.join(self.top, "copy")
		subprocess.run(["cp", "-al", self.tree, copy], check=True)
		names = ("HEAD", "config", "mmap-proto.json", "index",
			 "refs/heads/mmap-proto", "logs/refs/heads/mmap-proto")

		def state():
			return fixture.contents(copy), [
				contents(os.path.join(copy, ".git", name))
				for name in names]

		def contents(path):
			with open(path, "rb") as file:
				return file.read()

		before = state()
		self.write({"mm/Kconfig.hook.append": LICENCE + "---\nnew\n",
			    "mm/hook.c": "newest\n"})
		self.build()
		self.assertEqual(state(), before)
		self.assertNotEqual(contents(os.path.join(
			self.tree, ".git/logs/refs/heads/mmap-proto")), before[1][-1])

	def test_new_base(self):
		"""a new base: what is the same keeps its stamps, no old objects"""
		before = fixture.stamps(self.tree)
		files = dict(fixture.FILES)
		files["drivers/char/quiet.c"] = "int louder;\n"
		files["Makefile"] = files["Makefile"].replace("117", "118")
		fixture.make_base(self.base, files)
		self.build()
		# This base has no links and no executable file.
		self.assertEqual(self.changed(before), [
			"Makefile", "drivers/char/quiet.c", "fs/link.c",
			"scripts/tool.sh"])
		self.assertIn("118", read(self.report, "overlay.json"))
		self.assertEqual(git(self.tree, "rev-parse", "base"),
				 git(self.base, "rev-parse", "base"))
		self.whole()
		self.assertEqual(git(self.tree, "fsck", "--unreachable",
				     "--no-reflogs"), "")

	def test_no_garbage(self):
		"""the objects of former results do not pile up"""
		for number in range(3):
			self.write({"mm/hook.c": f"int hook{number};\n"})
			self.build()
		self.assertEqual(git(self.tree, "fsck", "--unreachable",
				     "--no-reflogs"), "")
		self.assertEqual(len(os.listdir(os.path.join(
			self.tree, ".git/objects/pack"))), 4)

	def test_new_tool(self):
		"""another version of the tool builds again, a stranger does not"""
		tool = os.path.join(self.top, "tool")
		shutil.copytree(fixture.TOOL, tool)
		command = self.command()
		command[1] = os.path.join(tool, "overlay.py")

		def build():
			return subprocess.run(command, check=True, stderr=-3,
					      stdout=-1).stdout.decode()

		self.assertIn("nothing has changed", build())
		write(tool, {"stranger.py": "x = 1\n"})
		self.assertIn("nothing has changed", build())
		with open(os.path.join(tool, "csource.py"), "a",
			  encoding="ascii") as file:
			file.write("# another version\n")
		self.assertIn("like that already", build())

	def test_report_lost(self):
		"""a report that was removed is written again"""
		shutil.rmtree(self.report)
		before = fixture.stamps(self.tree)
		self.build()
		self.assertTrue(os.path.exists(os.path.join(self.report,
							     "overlay.json")))
		self.assertEqual(self.changed(before), [])

	def test_report_file_lost(self):
		"""a single file of the report that was removed, too"""
		self.write({"scripts/coccinelle/mmap_proto/convert.py":
			    "import os, sys\n"
			    "report = sys.argv[sys.argv.index('--report') + 1]\n"
			    "open(report + '/commits.json', 'w').write('[]')\n"
			    "os.mkdir(report + '/deep')\n"
			    "open(report + '/deep/hooks.csv', 'w').write('x')\n",
			    "mm/hook.step": step(keys="adds: mm/ include/ scripts/\n")})
		self.build()
		names = ("commits.json", "deep/hooks.csv", "overlay.json")
		for name in names:
			os.unlink(os.path.join(self.report, name))
			self.assertIn("like that already", self.build())
			for one in names:
				self.assertTrue(os.path.exists(os.path.join(
					self.report, one)), one)
			self.assertIn("nothing has changed", self.build())

	def test_touched(self):
		"""a file that was touched, or copied, but not changed, is no change"""
		for path in ("mm/hook.c", "mm/vma.c"):
			os.utime(os.path.join(self.tree, path))
		self.write({"mm/hook.c": "int other;\n"})
		self.build()
		self.whole()
		copy = os.path.join(self.top, "copy")
		shutil.copytree(self.tree, copy, symlinks=True)
		shutil.rmtree(self.tree)
		os.rename(copy, self.tree)
		self.write({"mm/hook.c": "int another;\n"})
		self.build()
		self.whole()

	def test_objects_in_tree(self):
		"""what a build in the tree left, which git ignores, stays"""
		write(self.tree, {"mm/vma.o": "object"})
		before = fixture.stamps(self.tree)
		self.write({"mm/hook.c": "int other;\n"})
		self.build()
		self.assertEqual(self.result("mm/vma.o"), "object")
		self.assertEqual(self.changed(before), ["mm/hook.c"])


class Untouched(fixture.Case):
	"""Changes of the person's own."""

	def setUp(self):
		super().setUp()
		self.set_up_built()
		self.write({"mm/hook.c": "int newer;\n"})

	def kept(self, *words):
		"""A build must fail, say @words and leave everything alone."""
		before = fixture.stamps(self.tree)
		err = self.fail_build("linux", *words)
		self.assertEqual(fixture.stamps(self.tree), before)
		return err

	def test_changed(self):
		"""a changed file is not overwritten"""
		write(self.tree, {"mm/vma.c": "mine\n"})
		self.kept("changes of your own", "M mm/vma.c", "git stash", "remove")

	def test_new(self):
		"""a new file is not lost"""
		write(self.tree, {"mm/mine.c": "mine\n"})
		self.kept("changes of your own", "?? mm/mine.c")

	def test_staged(self):
		"""a staged change is not lost"""
		write(self.tree, {"mm/vma.c": "mine\n"})
		git(self.tree, "add", "-A")
		self.kept("M  mm/vma.c")

	def test_removed(self):
		"""a removed file stays removed"""
		os.unlink(os.path.join(self.tree, "mm/vma.c"))
		self.kept(" D mm/vma.c")

	def test_many(self):
		"""of many changes the first ten are shown"""
		write(self.tree, {f"mm/{n:02}.c": "x" for n in range(13)})
		self.kept("mm/09.c", "3 more")

	def test_commit(self):
		"""a commit on our branch is not thrown away"""
		write(self.tree, {"mm/mine.c": "mine\n"})
		git(self.tree, "add", "-A")
		git(self.tree, "commit", "-q", "-m", "mine")
		err = self.kept("commits of your own", "branch")
		ours = json.loads(read(self.tree, ".git/mmap-proto.json"))["commit"]
		self.assertIn(ours[:12], err)

	def test_other_branch(self):
		"""another commit that is checked out stays checked out"""
		git(self.tree, "checkout", "-q", "base")
		self.kept("checked out")

	def test_nothing_to_do(self):
		"""where nothing is to be done, own changes are no error"""
		self.build()
		write(self.tree, {"mm/vma.c": "mine\n"})
		self.assertIn("nothing has changed", self.build())
		git(self.tree, "commit", "-q", "-a", "-m", "mine")
		self.assertIn("commits of your own on top", self.build())
		self.assertEqual(self.result("mm/vma.c"), "mine\n")

	def test_saved(self):
		"""what was saved as told, on a branch and in a stash, survives"""
		git(self.tree, "checkout", "-q", "-b", "mine")
		write(self.tree, {"mm/mine.c": "mine\n"})
		git(self.tree, "add", "-A")
		git(self.tree, "commit", "-q", "-m", "mine")
		git(self.tree, "checkout", "-q", "mmap-proto")
		write(self.tree, {"mm/vma.c": "stashed\n"})
		git(self.tree, "stash", "-q")
		self.build()
		self.write({"mm/hook.c": "int newest;\n"})
		self.build()
		self.assertEqual(self.result("mm/hook.c"), "int newest;\n")
		git(self.tree, "fsck", "--strict")
		self.assertEqual(git(self.tree, "show", "mine:mm/mine.c"), "mine\n")
		self.assertEqual(git(self.tree, "show", "mine~:mm/hook.c"),
				 OVERLAY["mm/hook.c"])
		git(self.tree, "checkout", "-q", "mine")
		git(self.tree, "stash", "pop", "-q")
		self.assertEqual(self.result("mm/vma.c"), "stashed\n")

	def test_ignored_in_the_way(self):
		"""an ignored file is not replaced by one that is to be added"""
		write(self.tree, {"mm/own.o": "mine"})
		self.write({"mm/own.o": "ours", "mm/hook.step": step(
			keys="adds: mm/ include/\n")})
		self.kept("mm/own.o", "git ignores", "Move yours away")

	def test_ignored_folder_in_the_way(self):
		"""nor by a folder of its name, behind a link or not"""
		self.write({"mm/own.o/deep/x.c": "ours", "mm/hook.step": step(
			keys="adds: mm/ include/\n")})
		write(self.tree, {"mm/own.o": "mine"})
		self.kept("mm/own.o is", "git ignores", "Move yours away")
		os.unlink(self.tree + "/mm/own.o")
		os.symlink(self.top, self.tree + "/mm/own.o")
		self.kept("mm/own.o is", "git ignores", "Move yours away")
		os.unlink(self.tree + "/mm/own.o")
		write(self.tree, {"mm/own.o/deep/mine.o": "mine"})
		self.build()
		self.assertEqual(self.result("mm/own.o/deep/mine.o"), "mine")
		self.assertEqual(self.result("mm/own.o/deep/x.c"), "ours")

	def test_tracked_becomes_folder(self):
		"""a file that a step added may become a folder"""
		self.write({"mm/own": "ours", "mm/hook.step": step(
			keys="adds: mm/ include/\n")})
		self.build()
		self.write({"mm/own": None, "mm/own/x.c": "ours"})
		self.build()
		self.assertEqual(self.result("mm/own/x.c"), "ours")

	def test_while_copying(self):
		"""what git does not show, made while the tree is copied, is kept"""
		before = git(self.tree, "rev-parse", "HEAD")
		for what in ("git tag mine", "git branch mine",
			     "echo x >> mm/vma.c; git stash -q",
			     "echo mine > mm/mine.o",
			     "echo new > new; mv new mm/old.o"):
			with self.subTest(what=what):
				write(self.tree, {"mm/old.o": "old\n"})
				write(self.top, {"bin/cp": "#!/bin/sh\n"
						 f"{shutil.which('cp')} \"$@\"\n"
						 f"cd {self.tree}\n{what}\n"})
				os.chmod(self.top + "/bin/cp", 0o755)
				status, _, err = self.run_tool(env={
					"PATH": f"{self.top}/bin:"
						+ os.environ["PATH"],
					"GIT_AUTHOR_NAME": "t",
					"GIT_AUTHOR_EMAIL": "t",
					"GIT_COMMITTER_NAME": "t",
					"GIT_COMMITTER_EMAIL": "t"})
				self.assertEqual(status, 1, err)
				self.assertIn("changed while it was copied", err)
				self.assertIn("is as it was", err)
				self.assertEqual(git(self.tree, "rev-parse",
						     "HEAD"), before)
		self.assertEqual(self.result("mm/mine.o"), "mine\n")
		self.build()
		self.assertEqual(self.result("mm/mine.o"), "mine\n")
		self.assertEqual(self.result("mm/old.o"), "new\n")
		self.assertIn("refs/stash", git(self.tree, "for-each-ref"))
		self.whole()

	def test_while_building(self):
		"""a change made while the new tree is built is not lost"""
		self.write({"scripts/coccinelle/mmap_proto/convert.py":
			    "import os, sys\n"
			    "report = sys.argv[sys.argv.index('--report') + 1]\n"
			    "open(report + '/commits.json', 'w').write('[]')\n"
			    f"open({self.tree + '/mm/vma.c'!r}, 'w').write('mine')\n",
			    "mm/hook.step": step(keys="adds: mm/ include/ scripts/\n")})
		self.fail_build("changes of your own", "M mm/vma.c")
		self.assertEqual(self.result("mm/vma.c"), "mine")

	def test_foreign_stage(self):
		"""a folder that is called as ours for a while is not removed"""
		stage = self.tree + ".stage"
		write(stage, {"file": "mine"})
		for command in (["build"], ["record", "mm/gone"]):
			if command[0] == "record":
				os.rename(stage, stage + ".record")
				stage += ".record"
			status, _, err = self.run_tool(*command)
			self.assertEqual(status, 1)
			self.assertIn(stage + " was not made by this tool", err)
			self.assertIn("Move it away", err)
			self.assertEqual(read(stage, "file"), "mine")
		os.rename(stage, self.tree + ".mine")
		os.mkdir(self.tree + ".stage")
		self.build()

	def test_foreign(self):
		"""a tree that is not ours is not touched, an empty folder is used"""
		shutil.rmtree(self.tree)
		write(self.tree, {"file": "x"})
		self.kept("not made by this tool", "Move it away")
		shutil.rmtree(self.tree)
		os.mkdir(self.tree)
		self.build()
		self.whole()


class Fail(fixture.Case):
	def setUp(self):
		super().setUp()
		self.set_up_build()

	def test_no_base(self):
		"""no base repository, one without the branch, a borrowing one"""
		base = self.base
		self.base = os.path.join(self.top, "none.git")
		self.fail_build("no base repository", "make")
		self.base = base
		git(base, "branch", "-m", "base", "other")
		self.fail_build("no branch 'base'", "make")
		git(base, "branch", "-m", "other", "base")
		write(base, {"objects/info/alternates": "/nonexistent\n"})
		self.fail_build("borrows objects")

	def test_damaged_base(self):
		"""a damaged base gives a sentence, and no tree"""
		pack = os.path.join(self.base, "objects/pack")
		for name in os.listdir(pack):
			os.chmod(os.path.join(pack, name), 0o600)
			if name.endswith(".pack"):
				with open(os.path.join(pack, name), "r+b") as file:
					file.truncate(300)
		self.fail_build("base")
		self.assertFalse(os.path.exists(self.tree))

	def test_first(self):
		"""a failing step makes no tree at all, and says so"""
		self.write({"mm/vma.c.hook.cocci":
			    OVERLAY["mm/vma.c.hook.cocci"].replace("Fires: 1",
								   "Fires: 7")})
		self.fail_build("mm/vma.c.hook.cocci:4", "rule call", "fired once",
				"No " + self.tree + " was made")
		self.assertFalse(os.path.exists(self.tree))

	def test_later(self):
		"""whatever fails, the tree is as it was; the next run works"""
		self.build()
		before = self.whole()
		stamps = fixture.stamps(self.tree)
		wrong = {
			"mm/vma.c.hook.cocci": ["Fires: 1", "Fires: 2", "rule call"],
			"mm/vma.c.region.move": ["accountable", "absent", "absent()"],
			"include/linux/fs.h.hook.insert": ["After: \tint (*mmap)",
							   "After: \tint (*nmap)",
							   "not in"],
			"mm/Kconfig.hook.append": ["---\n", "", "Only the line"],
			"mm/hook.step": ["mm/hook.c", "mm/hoof.c", "mm/hoof.c"],
			"series": ["step mm/hook", "step mm/hoof", "series:6"],
		}
		for path, (old, new, word) in wrong.items():
			with self.subTest(path=path):
				self.write({path: OVERLAY[path].replace(old, new)})
				self.fail_build(word, "is as it was")
				self.assertEqual(self.whole(), before)
				self.assertEqual(fixture.stamps(self.tree), stamps)
				self.write({path: OVERLAY[path]})
		self.assertIn("nothing has changed", self.build())

	def test_superseded_changed(self):
		"""a stable fix in a superseded function stops the build"""
		self.write({
			"series": SERIES + "step mm/gone.step\n",
			"mm/gone.step": step(),
			"mm/mmap.c.gone.supersede": "// " + LICENCE
						    + "Function: last\n"})
		self.fail_build("last()", "never been recorded", "record")
		status, out, err = self.run_tool("record", os.path.join(
			self.overlay, "mm/mmap.c.gone.supersede"))
		self.assertEqual((status, err), (0, ""))
		self.assertIn("6.12.117", out)
		self.build()
		self.assertNotIn("last", self.result("mm/mmap.c"))
		before = self.whole()
		files = dict(fixture.FILES)
		files["mm/mmap.c"] = MMAP_C.replace("\treturn old_call(1);",
						    "\treturn old_call(fix());")
		files["Makefile"] = files["Makefile"].replace("117", "118")
		fixture.make_base(self.base, files)
		self.fail_build(
			"mm/mmap.c.gone.supersede:3: ", "last() of mm/mmap.c",
			"reviewed at 6.12.117, the base is 6.12.118",
			"\n- (line 3 of the reviewed text)\n"
			"+ \treturn old_call(fix());\n", "overlay.py record")
		self.assertEqual(self.whole(), before)
		self.run_tool("record", "mm/mmap.c.gone.supersede")
		self.build()
		self.assertIn("Reviewed: 6.12.118", read(
			self.overlay, "mm/mmap.c.gone.supersede"))

	def test_record_earlier_steps(self):
		"""record sees the file as the earlier steps leave it"""
		self.write({
			"series": SERIES + "step mm/gone.step\n",
			"mm/gone.step": step(),
			"mm/vma.c.gone.supersede": "// " + LICENCE
						   + "Function: map_region\n"})
		self.run_tool("record", "mm/vma.c.gone.supersede")
		self.build()
		self.assertNotIn("map_region", self.result("mm/vma.c"))

	def test_record_wrong(self):
		"""record of what is no such file"""
		status, _, err = self.run_tool("record", "mm/nothing")
		self.assertEqual(status, 1)
		self.assertIn("mm/nothing is no .supersede file", err)

	def test_lock(self):
		"""a second run at the same time says who holds the lock"""
		self.build()
		self.write({"mm/hook.c": "int x;\n"})
		before = fixture.stamps(self.tree)
		with open(self.tree + ".lock", "r+b") as file:
			fcntl.flock(file, fcntl.LOCK_SH)
			err = self.fail_build("linux.lock is held by the process "
					      f"{os.getpid()} (", "run again")
		self.assertIn("build.t", err)
		self.assertEqual(fixture.stamps(self.tree), before)
		self.build()

	def test_lock_waits(self):
		"""a run that is over soon is waited for"""
		self.build()
		with open(self.tree + ".lock", "r+b") as file:
			fcntl.flock(file, fcntl.LOCK_EX)
			child = subprocess.Popen(self.command(),
						 stdout=subprocess.DEVNULL)
			time.sleep(0.8)
			self.assertIsNone(child.poll())
		self.assertEqual(child.wait(), 0)

	def test_read_only(self):
		"""a place that cannot be written to gives a sentence"""
		blocked = os.path.join(self.top, "file")
		write(self.top, {"file": "x"})
		self.tree = os.path.join(blocked, "linux")
		_, _, err = self.run_tool()
		self.assertNotIn("Traceback", err)
		self.assertIn("refused", err)


class Progress(fixture.Case):
	def test_lines(self):
		"""without a terminal: one plain line per step, or none"""
		self.set_up_build()
		_, _, err = self.run_tool()
		self.assertEqual(err.splitlines()[:2],
				 ["[1/2] step region", "[2/2] step hook"])
		self.write({"mm/hook.c": "int x;\n"})
		self.assertEqual(self.run_tool("build", "--quiet")[2], "")

	def test_terminal(self):
		"""on a terminal: one line, rewritten, gone at the end"""
		self.set_up_build()
		end, other = os.openpty()
		child = subprocess.Popen(self.command(), stderr=other,
					 stdout=subprocess.DEVNULL)
		os.close(other)
		shown = b""
		while True:
			try:
				got = os.read(end, 4096)
			except OSError:
				break
			if not got:
				break
			shown += got
		os.close(end)
		self.assertEqual(child.wait(), 0)
		self.assertNotIn(b"\n", shown)
		self.assertIn(b"[2/2] step hook", shown)
		self.assertTrue(shown.endswith(b" \r"))


if __name__ == "__main__":
	tap.main()
