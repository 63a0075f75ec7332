#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Missing packages are installed, or named in a sentence.

apt and dpkg are shell scripts, alone on the PATH.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import fixture
from fixture import LICENCE, TOOL, read, write
import packages
import process
import tap

LIST = "# " + LICENCE + """
base	kernel-source	the kernel

tree	git		keeps the tree	# and more
tree	xz-utils	unpacks
test	gcc		compiles
"""

# Each notes how it was called. @TOP@ is the test's folder.
PROGRAMS = {
	"dpkg-query": """\
while read -r name rest; do
	for word; do
		[ "$word" = "$name" ] && echo "$name $rest"
	done
done < @TOP@/installed
exit 1
""",
	"apt-cache": """\
echo "apt-cache $*" >> @TOP@/calls
echo "$2:"
echo "  Installed: 1"
while read -r name version; do
	[ "$2" = "$name" ] && echo "  Candidate: $version"
done < @TOP@/candidates
exit 0
""",
	"apt-get": """\
echo "apt-get $*" >> @TOP@/calls
while [ "${1#-}" != "$1" ]; do
	[ "$1" = -o ] && shift
	shift
done
[ -e @TOP@/$1 ] || exit 0
. @TOP@/$1
""",
}
NO_NETWORK = """\
echo 'Err:1 http://deb.example/debian stable InRelease'
echo '  Temporary failure resolving deb.example'
echo 'W: Failed to fetch http://deb.example/dists/stable/InRelease'
"""
NOT_FOUND = """\
echo 'E: Unable to locate package git' >&2
exit 100
"""


class Case(unittest.TestCase):
	def setUp(self):
		self.top = tempfile.mkdtemp(prefix="packages-",
					    dir=fixture.Case.parent)
		self.addCleanup(shutil.rmtree, self.top)
		os.chmod(self.top, 0o777)
		for name, text in PROGRAMS.items():
			self.program(name, text.replace("@TOP@", self.top))
		self.state({"git": "installed 1", "xz-utils": "installed 2",
			    "kernel-source": "installed 6.12.100"},
			   {"kernel-source": "6.12.100"})
		self.file(LIST)
		self.env = {"PATH": os.path.join(self.top, "bin"),
			    "TMPDIR": os.path.join(self.top, "tmp")}
		os.mkdir(self.env["TMPDIR"])

	def program(self, name, text):
		path = os.path.join(self.top, "bin", name)
		write(self.top, {"bin/" + name: "#!/bin/sh\n" + text})
		os.chmod(path, 0o755)

	def file(self, text):
		write(self.top, {"packages": text})

	def state(self, installed, candidates):
		write(self.top, {
			"installed": "".join(f"{name} {rest}\n" for name, rest
					     in installed.items()),
			"candidates": "".join(f"{name} {version}\n" for
					      name, version in
					      candidates.items()),
			"calls": ""})
		os.chmod(os.path.join(self.top, "calls"), 0o666)

	def command(self, *arguments):
		return [sys.executable, os.path.join(TOOL, "packages.py"),
			*arguments, "--file", os.path.join(self.top, "packages")]

	def forked(self, arguments, user):
		"""Run in a forked process as @user: (status, what it said)."""
		name = os.path.join(self.top, "said")
		sys.stdout.flush()
		pid = os.fork()
		if not pid:
			said = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
			os.dup2(said, 1)
			os.dup2(said, 2)
			status = 99
			try:
				os.environ.clear()
				os.environ.update(self.env)
				if user and os.getuid() == 0:
					os.setgroups([])
					os.setgid(user)
					os.setuid(user)
				# Who is not root cannot become it to test root.
				os.geteuid = lambda: user
				sys.argv = self.command(*arguments)[1:]
				status = packages.main()
			finally:
				sys.stdout.flush()
				sys.stderr.flush()
				os._exit(status)
		status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
		said = read(name)
		self.assertNotIn("Traceback", said)
		return status, said

	def install(self, *groups, user=0):
		"""Install @groups, which must succeed; returns what it said."""
		status, said = self.forked(("install", *groups), user)
		self.assertEqual(status, 0, said)
		self.assertEqual(os.listdir(self.env["TMPDIR"]), [])
		return said

	def refuse(self, texts, *groups, user=0):
		"""Must fail, and say @texts; returns what it said."""
		status, said = self.forked(("install", *groups), user)
		self.assertEqual(status, 1, said)
		for text in texts:
			self.assertIn(text, said)
		return said

	def calls(self):
		"""How apt-get was called, without its options."""
		return [line for line in read(self.top, "calls").splitlines()
			if line.startswith("apt-get")]


class List(Case):
	def test_list(self):
		"""the packages of groups, comments and blank lines left out"""
		status, said = self.forked(("list", "base", "tree"), 0)
		self.assertEqual((status, said.split()),
				 (0, ["kernel-source", "git", "xz-utils"]))
		self.assertEqual(
			packages.read_packages(os.path.join(self.top, "packages")),
			{"base": ["kernel-source"], "tree": ["git", "xz-utils"],
			 "test": ["gcc"]})

	def test_malformed(self):
		"""a line that is not group, package, what for: file and line"""
		for line in ("tree", "tree git", "tree git # why"):
			self.file(LIST + line + "\n")
			number = LIST.count("\n") + 1
			self.refuse([f"{self.top}/packages:{number}: ",
				     "Write all three"], "tree")
		self.assertEqual(self.calls(), [])

	def test_unknown_group(self):
		"""a group that is not there: the known ones"""
		self.refuse(["no group trees", "base, tree, test"], "trees")

	def test_no_list(self):
		"""the list itself is missing"""
		os.unlink(os.path.join(self.top, "packages"))
		self.refuse([f"{self.top}/packages", "cannot be read"], "tree")

	def test_own_list(self):
		"""the project's list has the groups that make asks for"""
		groups = packages.read_packages(
			os.path.join(packages.ROOT, "packages"))
		self.assertEqual(list(groups), ["base", "tree", "test", "cross"])
		names = sum(groups.values(), [])
		self.assertEqual(len(names), len(set(names)))


class Nothing(Case):
	def test_nothing(self):
		"""nothing is missing: nobody needs root, a network or apt-get"""
		for user in (0, 65534):
			self.assertEqual(self.install("base", "tree", user=user),
					 "")
		self.assertEqual(self.calls(), [])

	def test_group(self):
		"""what is missing in a group that is not asked for stays so"""
		self.state({"git": "installed 1", "xz-utils": "installed 1"}, {})
		self.install("tree")
		self.assertEqual(self.calls(), [])

	def test_no_candidate(self):
		"""apt does not know the package of the base, which is there"""
		for candidates in ({}, {"kernel-source": "(none)"}):
			self.state({"kernel-source": "installed 6.12.100"},
				   candidates)
			self.install("base")
			self.assertEqual(self.calls(), [])


class ByHand(Case):
	"""What cannot be installed from here: its names, for a person."""

	def setUp(self):
		super().setUp()
		self.state({"git": "installed 1", "gcc": "half-installed 1"}, {})

	def test_no_apt(self):
		"""a program of apt or dpkg is missing: all the packages, by name"""
		for name in PROGRAMS:
			path = os.path.join(self.top, "bin", name)
			os.rename(path, path + "~")
			self.refuse([f"There is no {name} here", "by hand",
				     "kernel-source git xz-utils\n"],
				    "base", "tree")
			os.rename(path + "~", path)
		self.assertEqual(self.calls(), [])

	def test_not_root(self):
		"""not root: the missing ones, by name"""
		self.refuse(["needs root", "by hand",
			     "PACKAGES=no if you have what is in them: xz-utils "
			     "gcc\n"], "tree", "test", user=65534)
		self.assertEqual(self.calls(), [])

	def check_log(self, said, *texts):
		"""What apt-get said is in a file that the message names."""
		logs = os.listdir(self.env["TMPDIR"])
		self.assertEqual(len(logs), 1)
		self.assertIn(os.path.join(self.env["TMPDIR"], logs[0]), said)
		for text in texts:
			self.assertIn(text, read(self.env["TMPDIR"], logs[0]))

	def test_no_network(self):
		"""no network: what apt-get said, and the missing ones"""
		write(self.top, {"update": NO_NETWORK, "install": NOT_FOUND})
		said = self.refuse(
			["Installing packages failed", "exited with 100",
			 "Is there a network?", "    Err:1 http://deb.example",
			 "    E: Unable to locate package git", "by hand",
			 ": xz-utils\n"], "tree")
		self.check_log(said, "Temporary failure", "E: Unable")

	def test_download(self):
		"""lists that are old: the download of the package fails"""
		write(self.top, {"install": "echo 'E: Failed to fetch x' >&2\n"
				 "exit 100\n"})
		self.check_log(self.refuse(["    E: Failed to fetch x", "by hand",
					    ": xz-utils\n"], "tree"))

	def test_long(self):
		"""an apt-get that says much: its first complaints"""
		write(self.top, {"install": "for i in 1 2 3 4 5 6 7 8 9; do\n"
				 "echo \"E: broken $i\"; done; exit 1\n"})
		said = self.refuse(["E: broken 5"], "tree")
		self.assertNotIn("E: broken 6", said)
		self.assertLess(len(said.splitlines()), 12)
		self.check_log(said, "E: broken 9")


class Install(Case):
	def test_missing(self):
		"""what is missing is installed, and that alone, saying so"""
		self.state({"git": "installed 1", "gcc": "config-files 1"}, {})
		said = self.install("tree", "test")
		self.assertIn("installing xz-utils gcc\n", said)
		update, install = self.calls()
		self.assertTrue(update.endswith(" update"))
		self.assertTrue(install.endswith(
			" install -y --no-install-recommends xz-utils gcc"))

	def test_complaint(self):
		"""what apt-get complains of, and manages, is no warning"""
		self.state({}, {})
		write(self.top, {"install": "echo 'E: Can not write log' >&2\n"})
		self.assertNotIn("warning", self.install("tree"))

	def test_upgrade(self):
		"""a newer candidate of the base is installed"""
		self.state({"kernel-source": "installed 6.12.100",
			    "git": "installed 1", "xz-utils": "installed 1"},
			   {"kernel-source": "6.12.101", "git": "2"})
		self.install("base", "tree")
		self.assertTrue(self.calls()[1].endswith(
			"--no-install-recommends kernel-source"))
		# Not for those who bring a tree of their own.
		self.state({"kernel-source": "installed 6.12.100",
			    "git": "installed 1", "xz-utils": "installed 1"},
			   {"kernel-source": "6.12.101"})
		self.install("tree")
		self.assertEqual(self.calls(), [])

	def test_one_source(self):
		"""a source out of reach that is not needed: a warning"""
		self.state({}, {})
		for status in (0, 100):
			write(self.top, {"update": NO_NETWORK
					 + f"exit {status}\n"})
			said = self.install("tree")
			self.assertIn("warning: apt-get could not update", said)
			self.assertIn("Err:1 http://deb.example", said)

	def test_unattended(self):
		"""apt-get asks nobody anything, and waits for another one"""
		self.state({}, {})
		write(self.top, {"install": "[ \"$DEBIAN_FRONTEND\" = "
				 "noninteractive ] || exit 7\nread -r line && "
				 "exit 8\nexit 0\n"})
		self.install("tree")
		self.assertIn("DPkg::Lock::Timeout=", self.calls()[1])

	def test_interrupted(self):
		"""Control-C: apt-get is let finish with what cannot be left"""
		self.state({}, {})
		write(self.top, {"install": f"""\
trap 'echo told > {self.top}/told' INT
echo > {self.top}/ready
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
	[ -e {self.top}/told ] || /bin/sleep 0.1
done
/bin/sleep 0.2
echo > {self.top}/finished
"""})
		for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
			with self.subTest(signal=number):
				self.interrupt(number)

	def interrupt(self, number):
		child = subprocess.Popen(
			[sys.executable, "-c", "import os, sys\n"
			 "os.geteuid = lambda: 0\n"
			 f"sys.path.insert(0, {TOOL!r})\n"
			 "import packages\nsys.exit(packages.main())",
			 *self.command("install", "tree")[2:]],
			env=self.env, stdout=subprocess.PIPE,
			stderr=subprocess.STDOUT, start_new_session=True)
		ready = os.path.join(self.top, "ready")
		while not os.path.exists(ready):
			self.assertIsNone(child.poll())
			time.sleep(0.01)
		os.killpg(child.pid, number)
		said = child.communicate(timeout=10)[0].decode()
		self.assertEqual(child.returncode, 128 + number, said)
		self.assertIn("packages: Interrupted. Run again", said)
		self.assertNotIn("Traceback", said)
		for name in ("told", "finished", "ready"):
			os.unlink(os.path.join(self.top, name))


class Programs(unittest.TestCase):
	def test_listed(self):
		"""the package that is named for a program is one that is listed"""
		listed = sum(packages.read_packages(os.path.join(
			packages.ROOT, "packages")).values(), [])
		# Those that every Debian has are not.
		for name in set(process.PACKAGES.values()) - {
				"coreutils", "diffutils"}:
			self.assertIn(name, listed)


if __name__ == "__main__":
	tap.main()
