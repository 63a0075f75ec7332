#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Both ways of finding hooks: what each sees, and what is made of it."""

import os
import shutil
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
TOOL = os.path.dirname(HERE)
sys.path[:0] = [TOOL, os.path.join(TOOL, "..", "..", "overlay")]

import ctext    # noqa: E402
import dialect  # noqa: E402
import scan     # noqa: E402
import tap      # noqa: E402

MEMBERS = ("mmap", "mmap_proto")


def by_text(text):
    """Return (structure, instance, hook) of what the lexical scan finds."""
    return [(h.struct, h.instance, h.hook)
            for h in scan.lexical(ctext.Source(text), MEMBERS)]


class Text(unittest.TestCase):
    """The lexical scan."""

    def test_structures(self):
        """text: the structure of an initialiser is told, whatever it is"""
        self.assertEqual(by_text(
            "static const struct file_operations a __ro_after_init = {\n"
            "\t.open = o, .mmap = a_mmap };\n"
            "struct file_operations const c __aligned(8) = { .mmap = c };\n"
            "const struct v4l2_file_operations b = { .mmap = b_mmap };\n"), [
                ("file_operations", "a", "a_mmap"),
                ("file_operations", "c", "c"),
                ("v4l2_file_operations", "b", "b_mmap")])

    def test_array(self):
        """text: elements of arrays, with designators and without"""
        self.assertEqual(by_text(
            "struct file_operations a[] = {\n{ .mmap = one },\n"
            "{ .open = x, .mmap = two, },\n[3] = { .mmap = three } };"),
            [("file_operations", "a", hook)
             for hook in ("one", "two", "three")])

    def test_literal(self):
        """text: a compound literal"""
        self.assertEqual(by_text(
            "void f(void) { x = (const struct file_operations) {\n"
            " .mmap = lit }; }"), [("file_operations", "", "lit")])

    def test_member(self):
        """text: a nested structure of unknown type is told by its members"""
        self.assertEqual(by_text(
            "struct x x = { .fops = { .open = o, .mmap = m },\n"
            ".ops = { .attach = a, .mmap = n } };"),
            [("", ".fops", "m"), ("x.ops", ".ops", "n")])

    def test_chain(self):
        """text: a chain of designators"""
        self.assertEqual(by_text(
            "struct x x = { .fops.mmap = m, };\n"
            "struct file_operations f[] = { [1].mmap = n, };"),
            [("", ".fops", "m"), ("file_operations", "f", "n")])

    def test_null(self):
        """text: NULL is no hook"""
        self.assertEqual(by_text(
            "struct file_operations a = { .mmap = NULL, };"), [])

    def test_assignment(self):
        """text: an assignment to a member is no initialiser"""
        self.assertEqual(by_text(
            "void f(void) { a.mmap = x; a[1].mmap = y; b->c.mmap = z; }"), [])

    def test_after_directive(self):
        """text: an initialiser below #endif or an unfinished macro's name"""
        self.assertEqual(by_text(
            "struct file_operations a = {\n#ifdef X\n\t.open = o,\n#endif\n"
            "\t.mmap = m,\n};\nstruct file_operations b = {\n\tX_FOPS\n"
            "\t.mmap = n,\n};\n"),
            [("file_operations", "a", "m"), ("file_operations", "b", "n")])

    def test_old_style(self):
        """text: the old form of designators"""
        self.assertEqual(by_text(
            "struct file_operations a = { open: o, mmap: m };"),
            [("file_operations", "a", "m")])

    def test_comments(self):
        """text: comments and strings hold no hooks"""
        self.assertEqual(by_text(
            "struct file_operations a = { /* .mmap = x, */\n"
            "// .mmap = y,\n};\nchar *s = \".mmap = z\";"), [])

    def test_macros(self):
        """text: macros, with the structure and without"""
        self.assertEqual(by_text(
            "#define FRAGMENT \\\n\t.open = o, \\\n\t.mmap = m\n"
            "#define DEFINE(name) \\\n"
            "struct file_operations name##_fops = { \\\n"
            "\t.mmap = n, \\\n\tFRAGMENT \\\n}\n"
            "#define LOST .mmap = l\n"), [
                ("file_operations", "FRAGMENT", "m"),
                ("file_operations", "name##_fops", "n"),
                ("", "LOST", "l")])

    def test_lines(self):
        """text: the line is the one of the hook's name"""
        hooks = scan.lexical(ctext.Source(
            "\nstruct file_operations a = {\n\t.mmap =\n\t\tm,\n};"), MEMBERS)
        self.assertEqual([h.line for h in hooks], [4])


class Both(unittest.TestCase):
    """Coccinelle's scan, and the two together."""

    FILES = {
        "a.c": "struct file_operations a = { .open = o, .mmap = am, };\n"
               "struct file_operations n = { .mmap = NULL, };\n"
               "struct proto_ops p = { .mmap = pm, };\n"
               "struct file_operations d = { .mmap_proto = dm, };\n",
        "dir/b.h": "struct file_operations b[2] = { { .mmap = b1, },\n"
                   "{ .mmap = (void *)b2, .open = o, }, };\n",
        "c.c": "int f(struct file_operations *ops)\n{\n\tops->mmap = cm;\n"
               "\treturn 0;\n}\n"
               "int g(void)\n{\n\tstruct file_operations ops;\n"
               "\tops.mmap = dm;\n\treturn 0;\n}\n",
        "broken.c": "struct file_operations a = {\n#define X \\\n"
                    ".mmap = xm\n X };\n"
                    "struct file_operations e = { [0 = .mmap = em, };\n",
    }

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="mmap-scan-test-")
        for path, text in cls.FILES.items():
            target = os.path.join(cls.folder, path)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            with open(target, "w", encoding="utf-8") as stream:
                stream.write(text)
        cls.found = scan.cocci(cls.folder, sorted(cls.FILES),
                               dialect.of("mmap_proto"), 2)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def merged(self, path):
        """Return (line, member, hook, ways) of the hooks in @path."""
        source = ctext.Source(self.FILES[path])
        hooks = scan.merge(scan.lexical(source, MEMBERS), self.found[path])
        return [(h.line, h.member, h.hook, sorted(h.found_by)) for h in hooks]

    def test_plain(self):
        """both: initialisers of file_operations, of either hook, only"""
        self.assertEqual(self.merged("a.c"), [
            (1, "mmap", "am", ["cocci", "text"]),
            (4, "mmap_proto", "dm", ["cocci", "text"])])

    def test_array(self):
        """both: arrays, in a header in a folder"""
        self.assertEqual(self.merged("dir/b.h"), [
            (1, "mmap", "b1", ["cocci", "text"]),
            (2, "mmap", "(void *)b2", ["cocci", "text"])])

    def test_assignment(self):
        """both: an assignment is found by Coccinelle, which knows types"""
        self.assertEqual(self.merged("c.c"), [
            (3, "mmap", "cm", ["cocci"]), (9, "mmap", "dm", ["cocci"])])

    def test_broken(self):
        """both: what Coccinelle cannot parse is found by the text"""
        self.assertEqual(self.merged("broken.c"), [
            (3, "mmap", "xm", ["text"]), (5, "mmap", "em", ["text"])])


if __name__ == "__main__":
    tap.main()
