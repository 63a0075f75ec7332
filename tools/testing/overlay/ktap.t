#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""kunit.t fails whenever something is wrong with a run of KUnit.

Runs it with a tree in which kunit.py only prints.
"""

import os
import re
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
sys.path.insert(0, os.path.join(ROOT, "scripts", "overlay"))

import tap

# Writes the log, dirties the tree, prints and exits as the files beside say.
KUNIT = '''
import os, sys
folder = next(word[12:] for word in sys.argv
	      if word.startswith("--build_dir="))
os.makedirs(folder, exist_ok=True)
for name in ("log", "dirt"):
	if os.path.exists("../" + name):
		place = folder + "/test.log" if name == "log" else name
		with open("../" + name) as said, open(place, "w") as file:
			file.write(said.read())
with open("../arguments", "w") as file:
	file.write("\\n".join(sys.argv))
print("Elapsed time: 9s total, 1s configuring, 5.0s building, 2.5s running")
sys.exit(int(open("../status").read()))
'''

SUITE = """    KTAP version 1
    # Subtest: mmap_proto_nommu
    # module: mmap_proto_kunit
    1..3
some message of the kernel
    ok 1 shared
        KTAP version 1
        # Subtest: actions
        ok 1 remap_pfn_range
        ok 2 insert page
    # actions: pass:2 fail:0 skip:0 total:2
    ok 2 actions
    ok 3 copy
# mmap_proto_nommu: pass:3 fail:0 skip:0 total:3
# Totals: pass:4 fail:0 skip:0 total:4
ok 1 mmap_proto_nommu
"""
HEAD = "Linux version 6.12\nKTAP version 1\n1..1\n"
LOG = HEAD + SUITE + "reboot: Restarting system\n"

WHOLE = "every suite came, and as a whole"
QUIET = "the kernel reported nothing"
STATUS = "kunit.py found no failure"
CLEAN = "the source tree is as it was"


class Run(unittest.TestCase):
	def run_with(self, log=LOG, status=0, dirt=None):
		"""Run kunit.t; {what stands before a colon or comma: good}."""
		with tempfile.TemporaryDirectory() as folder:
			tree = os.path.join(folder, "linux")
			place = os.path.join(tree, "tools/testing/kunit")
			os.makedirs(place)
			files = {"linux/tools/testing/kunit/kunit.py": KUNIT,
				 "status": str(status), "log": log,
				 "dirt": dirt}
			for name, text in files.items():
				if text is not None:
					with open(os.path.join(folder, name),
						  "w", encoding="utf-8") as one:
						one.write(text)
			subprocess.run("git init -q && git add . && git "
				       "-c user.name=a -c user.email=b commit "
				       "-q -m c", shell=True, cwd=tree,
				       check=True)
			done = subprocess.run(
				[os.path.join(HERE, "kunit.t"),
				 "riscv_nommu"], text=True,
				env=dict(os.environ, TREE=tree),
				stdout=subprocess.PIPE,
				stderr=subprocess.STDOUT)
			with open(os.path.join(folder, "arguments"),
				  encoding="utf-8") as file:
				self.arguments = file.read().split("\n")
		self.text = done.stdout
		lines = re.findall(r"^(not ok|ok) \d+ - riscv_nommu: (.*)$",
				   done.stdout, re.M)
		results = {re.split("[:,](?! and)", rest)[0]: word == "ok"
			   for word, rest in lines}
		self.assertIn(f"1..{len(lines)}\n", done.stdout)
		self.assertEqual(done.returncode == 0, all(results.values()))
		return results

	def assert_bad(self, results, *bad):
		found = [name for name, good in results.items() if not good]
		self.assertEqual(sorted(found), sorted(bad), self.text)

	def test_good(self):
		"""nothing wrong: a line for each case"""
		self.assert_bad(self.run_with())
		for case in ("shared", "actions, 2 times", "copy"):
			self.assertRegex(
				self.text, r"(?m)^ok \d+ - riscv_nommu: "
				rf"mmap_proto_nommu\.{case}$")
		self.assertIn(": 1 suites, 3 cases", self.text)
		self.assertIn(": 5.0 s building, 2.5 s running", self.text)

	def test_software(self):
		"""QEMU is told to emulate in software"""
		self.run_with()
		self.assertIn("--qemu_args=-accel tcg", self.arguments)

	def test_case_fails(self):
		"""a case fails: its words are shown"""
		log = LOG.replace("    ok 3 copy", "    # copy: EXPECTATION "
				  "FAILED at mm/x.c:5\n    not ok 3 copy")
		self.assert_bad(self.run_with(log, 1),
				"mmap_proto_nommu.copy", STATUS)
		self.assertIn("#     # copy: EXPECTATION FAILED", self.text)

	def test_case_fails_unseen(self):
		"""a case fails, though kunit.py does not say so"""
		log = LOG.replace("    ok 3 copy", "    not ok 3 copy")
		self.assert_bad(self.run_with(log), "mmap_proto_nommu.copy")

	def test_skipped(self):
		"""a case is skipped for a reason that is not known"""
		log = LOG.replace("ok 3 copy", "ok 3 copy # SKIP no such thing")
		self.assert_bad(self.run_with(log), "mmap_proto_nommu.copy")
		self.assertIn("# skipped: no such thing", self.text)

	def test_parameter_skipped(self):
		"""so is one for one of its parameters"""
		log = LOG.replace("insert page", "insert page # SKIP no thing")
		self.assert_bad(self.run_with(log), "mmap_proto_nommu.actions")

	def test_no_suite(self):
		"""no suite ran"""
		self.assert_bad(self.run_with(HEAD), WHOLE)

	def test_no_log(self):
		"""there was no boot"""
		self.assert_bad(self.run_with(None, 1), WHOLE, STATUS)

	def test_other_suite(self):
		"""another suite ran instead"""
		log = LOG.replace("mmap_proto_nommu", "mmap_proto_mmu")
		self.assert_bad(self.run_with(log), WHOLE)
		self.assertIn("mmap_proto_mmu mmap_proto_nommu\n", self.text)

	def test_case_lost(self):
		"""a case that was planned did not come"""
		self.assert_bad(self.run_with(LOG.replace("    ok 3 copy\n", "")),
				WHOLE)

	def test_suite_cut(self):
		"""the machine stopped in the middle"""
		self.assert_bad(self.run_with(LOG.partition("# mmap_proto_n")[0]),
				WHOLE)

	def test_warning(self):
		"""the kernel warns, though every case passes"""
		log = LOG.replace("some message",
				  "WARNING: CPU: 0 PID: 9 at mm/vma.c:1\nsome")
		self.assert_bad(self.run_with(log), QUIET)
		self.assertIn("# WARNING: CPU: 0 PID: 9", self.text)

	def test_bad_page(self):
		"""the kernel finds a reference too many"""
		log = LOG.replace("some message", "BUG: Bad rss-counter state")
		self.assert_bad(self.run_with(log), QUIET)

	def test_tree(self):
		"""something was left in the source tree"""
		self.assert_bad(self.run_with(dirt="x"), CLEAN)
		self.assertIn("# ?? dirt\n", self.text)

	def test_machine(self):
		"""an unknown machine is an error"""
		done = subprocess.run([os.path.join(HERE, "kunit.t"), "vax"],
				      text=True, stdout=subprocess.PIPE,
				      stderr=subprocess.PIPE)
		self.assertEqual(done.returncode, 1)
		self.assertIn("no machine is called vax", done.stderr)


if __name__ == "__main__":
	tap.main()
