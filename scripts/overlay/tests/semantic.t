#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Semantic patches, rule by rule. Runs the real spatch."""

import os
import shutil
import tempfile
import textwrap
import unittest
from unittest import mock

from fixture import LICENCE
import tap
import process
import semantic
from failure import Failure
from semantic import Patch, Spatch

CODE = textwrap.dedent("""\
	int f(int a)
	{
		one(a);
		two(a);
		if (a)
			one(2);
		return 0;
	}
	""").encode()

ONE = textwrap.dedent("""\

	// Fires: 2
	@one@
	expression e;
	@@
	- one(e)
	+ first(e)
	""")

TWO = textwrap.dedent("""\

	// Fires: 1
	@two@
	expression e;
	@@
	- two(e)
	+ second(e)
	""")


class Case(unittest.TestCase):
	def setUp(self):
		self.top = tempfile.mkdtemp(prefix="overlay-")
		self.addCleanup(shutil.rmtree, self.top)
		self.spatch = Spatch(os.path.join(self.top, "cache"),
				     os.path.join(self.top, "scratch"))

	def patch(self, text):
		return Patch("mm/x.c.s.cocci", "// " + LICENCE + textwrap.dedent(text))

	def apply(self, text, code=CODE):
		patch = self.patch(text)
		return self.spatch.apply(patch, "mm/x.c", code)

	def refused(self, text, *words, code=CODE):
		with self.assertRaises(Failure) as caught:
			self.apply(text, code)
		for word in words:
			self.assertIn(word, str(caught.exception))


class Parse(Case):
	"""Needs no spatch: all is refused before one runs."""

	def setUp(self):
		super().setUp()
		self.spatch = None

	def test_rules(self):
		"""names, kinds, counts, options, preamble"""
		patch = self.patch("""\
			/// What it is for.
			// Options: --all-includes
			virtual patch
			@initialize:python@
			@@
			- print("no edit")

			@r depends on patch
			   && x@ identifier i; @@
			 f(i)

			@script:python s@
			i << r.i;
			@@
			+ pass

			// Fires: 12
			@e extends r@
			position p;
			@@
			- f@p(i);
			""")
		self.assertEqual([(r.name, r.script, r.edits, r.fires)
				  for r in patch.rules],
				 [(None, True, False, None), ("r", False, False, None),
				  ("s", True, False, None), ("e", False, True, 12)])
		self.assertEqual(patch.options, ["--all-includes"])
		self.assertIn("virtual patch\n", patch.preamble)
		smpl = patch.smpl(patch.rules[3])
		for part in ("virtual patch", "@r depends on patch\n   && x@ "
			     "identifier i; @@", "@script:python s@\ni << r.i;\n@@"):
			self.assertIn(part, smpl)

	def test_one_at_a_time(self):
		"""an editing rule goes along with no other"""
		patch = self.patch(ONE + TWO)
		self.assertNotIn("first", patch.smpl(patch.rules[1]))
		self.assertNotIn("second", patch.smpl(patch.rules[0]))

	def test_wrong(self):
		"""patches that are wrong, each with its line"""
		for text, *words in (
				("@@\n@@\n- a();\n", ":2", "no name"),
				("@ depends on x @\n@@\n- a();\n", ":2", "no name"),
				("@a@\n@@\n- a();\n", ":2", "rule a", "Fires: N"),
				("// Fires: 0\n@a@\n@@\n- a();\n", ":2", "1 or more"),
				("// Fires: two\n@a@\n@@\n- a();\n", ":2", "number"),
				("// Fires: 1\n\n@a@\n@@\n- a();\n", ":4", "rule a",
				 "directly above"),
				("// Fires: 1\n@a@\n@@\n a();\n", ":3", "rule a",
				 "no line"),
				("@a@\n@@\n a();\n", ":1", "No rule edits"),
				("@a@\n- a();\n", ":2", "not ended"),
				("@a\n- a();\n", ":2", "second '@'"),
				(ONE + ONE, ":11", "one", "twice"),
				(ONE + "@z@\n@@\n x();\n", ":9", "rule z",
				 "never be used")):
			with self.subTest(text=text):
				self.refused(text, "mm/x.c.s.cocci" + words[0],
					     *words[1:])

	def test_other_files(self):
		"""what has spatch read a file that the tool does not know of"""
		rule = "// Fires: 1\n@b%s@\n@@\n- b();\n"
		for text, line in (
				("#include \"other.cocci\"\n" + ONE, ":2"),
				("\n  #include <other.cocci>\n" + ONE, ":3"),
				("virtual x\nusing \"my.iso\"\n" + ONE, ":3"),
				("using <my.iso>\n" + ONE, ":2"),
				(rule % " using \"my.iso\"", ":3"),
				(rule % "\nusing <my.iso> disable x", ":3"),
				("# spatch --no-loops\n" + ONE, ":2"),
				(ONE + "#spatch --no-loops\n", ":9"),
				("// Options: --iso-file my.iso\n" + ONE, ":2"),
				("// Options: -D x --include=a -I b\n" + ONE,
				 ":2"),
				(ONE + "// Options: -I .\n", ":9")):
			with self.subTest(text=text):
				self.refused(text, f"mm/x.c.s.cocci{line}: ",
					     "another file")
		patch = self.patch("// Options: -D x=y --timeout 9 --no-loops\n"
				   "// using \"my.iso\"\n// Fires: 1\n@using1@\n@@\n"
				   "#include <a.h>\n+#include <b.h>\n")
		self.assertEqual(len(patch.options), 5)

	def test_inherit(self):
		"""an editing rule that uses another one, in any way"""
		for text in ("// Fires: 1\n@b@\nexpression one.e;\n@@\n- b(e);\n",
			     "// Fires: 1\n@b depends on !one@\n@@\n- b();\n",
			     "// Fires: 1\n@b extends one@\n@@\n- b();\n",
			     "@script:python s@\ne << one.e;\n@@\n\n" + TWO):
			with self.subTest(text=text):
				line = ":9" if text[0] == "@" else ":10"
				self.refused(ONE + text, line, "uses the rule one")

	def test_licence(self):
		"""the licence comes first"""
		with self.assertRaisesRegex(Failure, "x:1: .*SPDX"):
			Patch("x", ONE)

	def test_no_spatch(self):
		"""spatch is not installed"""
		with mock.patch.dict(os.environ, PATH=self.top), \
		     self.assertRaisesRegex(Failure, "spatch is not installed. "
					    "Install the package coccinelle"):
			Spatch(None, self.top).apply(self.patch(ONE), "x.c", CODE)


class Run(Case):
	def test_edit(self):
		"""a rule runs on what the one before it left"""
		self.assertEqual(
			self.apply(ONE + TWO.replace("two(e)", "first(e)")
				   .replace("Fires: 1", "Fires: 2")),
			CODE.replace(b"one(", b"second("))

	def test_matching_rules(self):
		"""rules that only match, and scripts, serve the later ones"""
		text = """\
			@find@
			identifier g;
			expression e;
			@@
			 g(e);

			@script:python gate@
			g << find.g;
			@@
			if g != "two":
			    cocci.include_match(False)

			// Fires: 1
			@edit depends on gate@
			identifier find.g;
			expression e;
			@@
			- g(e);
			"""
		self.assertEqual(self.apply(text), CODE.replace(b"\ttwo(a);\n", b""))

	def test_too_few(self):
		"""a rule that fires less often than declared is named"""
		self.refused(ONE.replace("2", "3"), "mm/x.c.s.cocci:4", "rule one",
			     "fired 2 times", "mm/x.c", "declares 3")

	def test_too_many(self):
		"""a rule that fires more often than declared is named"""
		self.refused(ONE.replace("2", "1"), "rule one", "fired 2 times",
			     "declares 1")

	def test_never(self):
		"""a rule that never fires is named, though others did fire"""
		self.refused(ONE + TWO.replace("- two", "- three"),
			     "mm/x.c.s.cocci:11", "rule two", "fired 0 times",
			     "declares 1")

	def test_hidden(self):
		"""that another rule makes up for the missing hunk is no excuse"""
		more = TWO.replace("@two@", "@more@").replace("- two", "- one") \
			.replace("second", "first")
		self.refused(ONE + more, "rule more", "fired 0 times")

	def test_unparsable(self):
		"""a rule that spatch cannot parse: file, rule and its words"""
		self.refused(ONE.replace("first(e)", "first(e"), "mm/x.c.s.cocci:4",
			     "rule one", "mm/x.c", "spatch exited", "parse error")

	def test_unparsable_code(self):
		"""a function that spatch cannot parse is not silently left out"""
		self.refused(ONE, "rule one", "fired 0 times",
			     code=CODE.replace(b"int a)", b"int a ((}"))

	def test_timeout(self):
		"""a rule that takes too long is named, nothing is left running"""
		os.mkdir(os.path.join(self.top, "bin"))
		slow = os.path.join(self.top, "bin", "spatch")
		with open(slow, "w", encoding="ascii") as file:
			file.write("#!/bin/sh\n[ $# = 1 ] && exit\n"
				   f"echo $$ > {self.top}/pid\nexec sleep 987\n")
		os.chmod(slow, 0o755)
		path = os.path.dirname(slow) + ":" + os.environ["PATH"]
		with mock.patch.dict(os.environ, PATH=path), \
		     mock.patch.object(semantic, "TIMEOUT", 0.2):
			self.refused(ONE, "mm/x.c.s.cocci:4", "rule one",
				     "0.2 seconds")
		with open(os.path.join(self.top, "pid"), encoding="ascii") as file:
			self.assertFalse(os.path.exists("/proc/" + file.read().strip()))
		self.assertFalse(process._running)
		self.assertEqual(os.listdir(self.spatch.scratch), [])

	def test_control_c(self):
		"""Control-C does not reach spatch, which would exit with 0"""
		os.mkdir(os.path.join(self.top, "bin"))
		fake = os.path.join(self.top, "bin", "spatch")
		with open(fake, "w", encoding="ascii") as file:
			file.write("#!/bin/sh\n[ $# = 1 ] && exit\n"
				   f"cut -d' ' -f6 /proc/$$/stat > {self.top}/session\n")
		os.chmod(fake, 0o755)
		path = os.path.dirname(fake) + ":" + os.environ["PATH"]
		with mock.patch.dict(os.environ, PATH=path):
			self.refused(ONE, "fired 0 times")
		with open(os.path.join(self.top, "session"), encoding="ascii") as file:
			self.assertNotEqual(int(file.read()), os.getsid(0))

	def test_options(self):
		"""the options of the file reach spatch"""
		self.refused("// Options: --no-such-option\n" + ONE, "rule one",
			     "no-such-option")

	def test_cocciconfig(self):
		"""settings of the person's own do not reach spatch"""
		with open(os.path.join(self.top, ".cocciconfig"), "w",
			  encoding="ascii") as file:
			file.write("[spatch]\n\toptions = --no-such-option\n")
		with mock.patch.dict(os.environ, HOME=self.top):
			self.apply(ONE)

	def test_lossless(self):
		"""bytes that are no UTF-8 come through"""
		code = CODE + b"/* \xff\xe4 */\n"
		self.assertEqual(self.apply(ONE, code),
				 code.replace(b"one(", b"first("))


class Cache(Case):
	def setUp(self):
		super().setUp()
		self.apply(ONE + TWO)
		self.want = CODE.replace(b"one(", b"first(") \
			.replace(b"two(", b"second(")
		self.runs = 0
		real = self.spatch._spatch

		def count(*arguments):
			self.runs += 1
			return real(*arguments)

		self.spatch._spatch = count

	def entries(self):
		return [os.path.join(top, name) for top, _, names in os.walk(
			os.path.join(self.top, "cache")) for name in names]

	def test_again(self):
		"""what was done before is not done again"""
		self.assertEqual(self.apply(ONE + TWO), self.want)
		self.assertEqual(self.runs, 0)

	def test_one_changed(self):
		"""a change of the second rule runs that one alone"""
		self.apply(ONE + TWO.replace("second", "number_two"))
		self.assertEqual(self.runs, 1)

	def test_input_changed(self):
		"""other input, other options, another spatch: run again"""
		self.apply(ONE + TWO, CODE + b"int x;\n")
		self.assertEqual(self.runs, 2)
		self.apply(ONE + TWO + "// Options: --no-loops\n")
		self.assertEqual(self.runs, 4)
		self.spatch._version = "spatch version 99"
		self.apply(ONE + TWO)
		self.assertEqual(self.runs, 6)

	def test_not_as_declared(self):
		"""a result that is not as declared is not remembered"""
		before = self.entries()
		self.refused(ONE.replace("- one", "- none"), "fired 0 times")
		self.assertEqual(self.entries(), before)

	def test_damaged(self):
		"""a damaged result is not used"""
		for path in self.entries():
			with open(path, "r+b") as file:
				file.truncate(os.path.getsize(path) - 4)
		self.assertEqual(self.apply(ONE + TWO), self.want)
		self.assertEqual(self.runs, 2)

	def test_count_checked(self):
		"""the count is checked on a remembered result too"""
		self.refused(ONE.replace("Fires: 2", "Fires: 3"), "fired 2 times")

	def test_prune(self):
		"""what no run has used for a month is forgotten"""
		old, new = sorted(self.entries())
		os.utime(old, (1, 1))
		self.spatch.prune()
		self.assertEqual(self.entries(), [new])


if __name__ == "__main__":
	tap.main()
