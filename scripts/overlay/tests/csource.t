#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Finding functions in C source."""

import textwrap
import unittest

from fixture import LICENCE
import tap
from csource import Source
from failure import Failure


def source(text):
	"""The Source of the indented @text."""
	return Source(textwrap.dedent(text).lstrip("\n"), "mm/x.c")


class Find(unittest.TestCase):
	def found(self, text, name="f"):
		"""The text of the function @name."""
		code = source(text)
		function = code.find(name)
		return "".join(code.lines[function.start:function.end])

	def refused(self, text, *words, name="f"):
		"""find() must fail and say each of @words."""
		with self.assertRaises(Failure) as caught:
			source(text).find(name)
		for word in words:
			self.assertIn(word, str(caught.exception))

	def whole(self, text, name="f"):
		"""The function is @text between 'int before;' and 'int after;'."""
		text = textwrap.dedent(text).lstrip("\n")
		self.assertEqual(self.found(
			f"int before;\n\n{text}\nint after;\n", name), text)

	def test_plain(self):
		"""a plain function, and not the ones beside it"""
		self.whole("""
			static int f(int a)
			{
				return g(a);
			}
			""")

	def test_call_is_no_definition(self):
		"""calls, prototypes and pointers are no definitions"""
		text = """
			int f(int a);
			int (*p)(int) = f;
			int g(void) { return f(1); }
			int h(void)
			{
				return f(1);
			}
			"""
		self.refused(text, "mm/x.c", "f()", "not defined")

	def test_comment_above(self):
		"""the comment directly above belongs to it"""
		self.whole("""
			/**
			 * f() - a comment { with a brace

			 * and an empty line
			 */
			int f(void)
			{
			}
			""")

	def test_comment_lines(self):
		"""several // lines and a block, directly above, belong to it"""
		self.whole("""
			// one
			// two
			/* three */
			int f(void)
			{
			}
			""")

	def test_comment_apart(self):
		"""a comment with a blank line below does not belong to it"""
		text = "/* no */\n\nint f(void)\n{\n}\n"
		self.assertEqual(self.found(text), "int f(void)\n{\n}\n")

	def test_licence_line(self):
		"""the licence line at the top of a file stays where it is"""
		text = "// " + LICENCE + "int f(void)\n{\n}\n"
		self.assertEqual(self.found(text), "int f(void)\n{\n}\n")

	def test_comment_behind_code(self):
		"""a comment behind the code of the line above is not taken"""
		text = "int a; /* of a */\nint f(void)\n{\n}\n"
		self.assertEqual(self.found(text), "int f(void)\n{\n}\n")

	def test_exports(self):
		"""EXPORT lines below belong to it, also after a blank line"""
		self.whole("""
			int f(void)
			{
			}
			EXPORT_SYMBOL_GPL(f);
			ALLOW_ERROR_INJECTION(f, ERRNO);

			EXPORT_SYMBOL_NS(f, "KVM");
			""")

	def test_export_forms(self):
		"""EXPORT lines with a comment behind, or over several lines"""
		self.whole("""
			int f(void)
			{
			}
			EXPORT_SYMBOL_GPL(f); /* for kvm */
			EXPORT_SYMBOL(f);	// too
			EXPORT_SYMBOL_NS(f, /* ( */
					 "KVM");
			EXPORT_SYMBOL_NS_GPL
			(
				f, "A;B");
			""")

	def test_export_unclear(self):
		"""EXPORT lines that cannot be taken whole are refused"""
		for line in ("EXPORT_SYMBOL(g); EXPORT_SYMBOL(f);",
			     "EXPORT_SYMBOL(f); EXPORT_SYMBOL(g);",
			     "EXPORT_SYMBOL(f); /* a comment\n   goes on */",
			     "EXPORT_SYMBOL(f)",
			     "#ifdef X\nEXPORT_SYMBOL(f); /* x */\n#endif"):
			with self.subTest(line=line):
				at = 4 + line.startswith("#")
				self.refused("int f(void)\n{\n}\n" + line
					     + "\nint b;\n", f"mm/x.c:{at}: ",
					     "f()", "left behind")

	def test_initcall(self):
		"""a line that has the kernel call it at boot is refused"""
		for line in ("module_init(f);", "late_initcall_sync(f);",
			     "module_exit(f); /* x */", "__initcall(f);",
			     "__setup(\"f=\", f);", "__setup(\"x\",\n\tf);",
			     "early_param(\"x\", f);"):
			with self.subTest(line=line):
				self.refused("int f(void)\n{\n}\nint b;\n" + line
					     + "\n", "mm/x.c:5: ", "f()",
					     "left behind")
		text = "int f(void)\n{\n}\n"
		self.assertEqual(self.found(
			text + "module_init(f2);\n__setup(\"f\", g);\n"
			"/* module_init(f); */\n"), text)

	def test_foreign_export(self):
		"""the EXPORT line of another function is not taken"""
		text = "int f(void)\n{\n}\nEXPORT_SYMBOL(g);\n"
		self.assertEqual(self.found(text), "int f(void)\n{\n}\n")

	def test_export_elsewhere(self):
		"""an EXPORT line that is elsewhere is refused, not left behind"""
		self.refused("int f(void)\n{\n}\n\nint b;\nEXPORT_SYMBOL(f);\n",
			     "mm/x.c:6", "f()", "left behind")

	def test_head_forms(self):
		"""return type, attributes and macros on lines of their own"""
		for head in ("static struct a *\nf(int a)",
			     "static noinline __attribute__((x(1)))\n"
			     "__printf(1, 2) void f(const char *p, ...)",
			     "int f(int a)\n\t__releases(&lock)\n"
			     "\t__acquires(b)",
			     "__must_check int\n__cold\nf(int (*cb)(int))",
			     "struct a f(struct b c)"):
			with self.subTest(head=head):
				self.whole(head + "\n{\n\tif (a) {\n\t}\n}\n")

	def test_structure_returned(self):
		"""a function that returns a structure and begins with __"""
		text = "static struct a\n__%s(void)\n{\n}\n"
		self.assertEqual(self.found(text % "g" + "\n" + text % "f", "__f"),
				 text % "f")

	def test_syscall(self):
		"""a system call is found by its name"""
		self.whole("SYSCALL_DEFINE2(f, int, a, int, b)\n{\n}\n")

	def test_one_line(self):
		"""a function on one line"""
		self.whole("static inline void f(void) { }\n")

	def test_strings(self):
		"""braces, quotes and comment signs in strings and characters"""
		self.whole(r'''
			int f(void)
			{
				g("} \" { /* // \\", '{', '\'', "\\");
				return '"' + '\\';
			}
			''')

	def test_braces_in_comments(self):
		"""braces and quotes in comments"""
		self.whole("""
			int f(void)
			{
				/* don't { */ // nor } this's
				return 0;	// a "quote \\
				   { that goes on
			}
			""")

	def test_macros(self):
		"""braces in macros, with continuation lines and comments"""
		self.whole("""
			int f(void)
			{
			#define OPEN(x) if (x) { /* a { comment
				that goes on } */ {{
			#define LONG \\
				} } \\
				"{"
				return 0;
			}
			""")

	def test_error_directive(self):
		"""an apostrophe in an #error line is no character"""
		self.whole("""
			int f(void)
			{
			#ifdef A
			#error you can't do { this
			#endif
				return 0;
			}
			""")

	def test_statement_expression(self):
		"""statement expressions and compound literals in arguments"""
		self.whole("""
			int f(void)
			{
				g(({ int a = 1; a; }), (struct b){ 1 });
				return 0;
			}
			""")

	def test_neighbours(self):
		"""structures, initialisers, macros around it are not taken"""
		text = """
			struct a {
				int (*f)(int);
			};

			struct __attribute__((packed)) b {
				int x;
			} c = { .x = 1 };

			static const struct ops o = {
				.f = f,
				.g = G(f, { 1 }),
			};

			DECLARE_THING(f)

			int f(void)
			{
				return 1;
			}

			enum { A, B };
			"""
		self.assertEqual(self.found(text),
				 "int f(void)\n{\n\treturn 1;\n}\n")

	def test_balanced_branches(self):
		"""#if branches that each close what they open"""
		self.whole("""
			int f(void)
			{
			#ifdef A
				if (a) {
				}
			#elif B
				if (b) { c(); }
			#else
				{ }
			#endif
				return 0;
			}
			""")

	def test_same_opening(self):
		"""#if branches that both open one brace, closed once after"""
		self.whole("""
			int f(void)
			{
			#ifdef A
				if (a) {
			#else
				if (b) {
			#endif
					c();
				}
				return 0;
			}
			""")

	UNEVEN = """
			int e(void)
			{
			}

			int f(void)
			{
			#ifdef A
				if (a) {
			#endif
				b();
			#ifdef A
				}
			#endif
			}

			int g(void)
			{
			}
			"""

	def test_uneven_branches(self):
		"""a #if branch that changes the depth: the end is not guessed"""
		self.refused(self.UNEVEN, "mm/x.c:5", "end", "f()", "line 9",
			     "#if of line 7")

	def test_around_uneven(self):
		"""the functions around such a one are found all the same"""
		for name in "eg":
			self.assertEqual(self.found(self.UNEVEN, name),
					 f"int {name}(void)\n{{\n}}\n")

	def test_twice(self):
		"""two definitions under #if and #else: both lines are named"""
		text = """
			#ifdef A
			int f(void)
			{
			}
			#else
			int f(void)
			{
				return 0;
			}
			#endif
			"""
		self.refused(text, "2 times", "lines 2 and 6")

	def test_twice_heads(self):
		"""two heads under #if and #else with one body are refused"""
		text = """
			#ifdef A
			static int f(void)
			#else
			int f(int a)
			#endif
			{
			}
			"""
		self.refused(text, "f()", "#if that began before it")

	def test_head_with_directive(self):
		"""a head with a preprocessor line in it is refused"""
		text = """
			static int f(int a
			#ifdef A
				     , int b
			#endif
				     )
			{
			}
			"""
		self.refused(text, "mm/x.c:2", "f()", "preprocessor line")

	def test_open_end(self):
		"""the file ends inside it"""
		self.refused("int f(void)\n{\n\tif (a) {\n}\n", "end", "f()",
			     "the file ends inside it")

	def test_brace_not_in_column_0(self):
		"""the closing brace is not in column 0"""
		self.refused("int f(void)\n{\n\ta();\n\t}\nint g;\n", "mm/x.c:4",
			     "end", "f()", "column 0")

	def test_code_behind_brace(self):
		"""something follows the closing brace on its line"""
		self.refused("int f(void)\n{\n} int g;\n", "mm/x.c:3", "end", "f()")

	def test_stray_brace(self):
		"""a brace too many before it is not taken for granted"""
		self.refused("int g(void)\n{\n\t}\n}\n}\n\nint h\n{\nint f(void)"
			     "\n{\n}\n", "f()")

	def test_after_stray(self):
		"""behind a brace too many all is found again"""
		text = "int g(void)\n{\n\t}\n}\n\nint f(void)\n{\n}\n"
		self.assertEqual(self.found(text), "int f(void)\n{\n}\n")

	def test_calls_in_heads(self):
		"""calls in initialisers and in parameters are no definitions"""
		self.refused("int a[f(2)] = { 1 };\nint g(typeof(f(1)) x)\n{\n}\n",
			     "not defined")

	def test_no_type(self):
		"""no return type directly before the name"""
		self.refused("int\n\nf(void)\n{\n}\n", "mm/x.c:3", "beginning", "f()")

	def test_macro_before(self):
		"""a macro call on the line above that may be something else"""
		self.refused("DEFINE_THING(x)\nint f(void)\n{\n}\n", "mm/x.c:2",
			     "beginning", "f()")

	def test_open_comment(self):
		"""a comment that never ends"""
		self.refused("int a;\n/* oh\nint f(void)\n{\n}\n", "mm/x.c:2",
			     "comment")

	def test_open_if(self):
		"""a #if that never ends, and an #endif without one"""
		self.refused("#if A\nint f(void)\n{\n}\n", "mm/x.c:1", "#endif")
		self.refused("int f(void)\n{\n}\n#endif\n", "mm/x.c:4",
			     "without #if")

	def test_condition(self):
		"""the #if around it is known, an include guard is none"""
		text = "#ifndef X_H\n#define X_H\n%sint f(void)\n{\n}\n%s#endif\n"
		self.assertIsNone(source(text % ("", "")).find("f").condition)
		code = source(text % ("#ifdef A\n", "#endif\n"))
		self.assertEqual(code.find("f").condition, 2)

	def test_line_ends(self):
		"""form feeds and other controls are no ends of lines"""
		self.whole("int f(void)\n{\n\ta(\"x\");\f\n\x1c\n}\n")
		self.refused("int a;\f\x1c\x85\nf(void)\n{\n}\n", "mm/x.c:2:")


if __name__ == "__main__":
	tap.main()
