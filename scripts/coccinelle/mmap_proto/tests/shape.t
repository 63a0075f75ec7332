#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The shape of a hook: what it does, itself and through what it calls."""

import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
TOOL = os.path.dirname(HERE)
sys.path[:0] = [TOOL, os.path.join(TOOL, "..", "..", "overlay")]

import ctext  # noqa: E402
import shape  # noqa: E402
import tap    # noqa: E402

# What stands in the body, and the shape that the hook has from it.
BODIES = {
    "vma->vm_ops = &x;": "plain",
    "return remap_pfn_range(vma, vma->vm_start, 0, 1, vma->vm_page_prot);":
        "remap_pfn",
    "return io_remap_pfn_range(vma, 0, 0, 1, prot);": "io_remap",
    "return vm_iomap_memory(vma, base, size);": "iomap",
    "return remap_vmalloc_range(vma, buffer, 0);": "vmalloc",
    "return dma_mmap_coherent(dev, vma, cpu, handle, size);": "dma_mmap",
    "return vm_insert_page(vma, vma->vm_start, page);": "insert",
    "return vm_map_pages(vma, pages, n);": "map_pages",
    "vma->vm_ops = &x; vma->vm_ops->open(vma);": "open",
    "x_vm_open(vma);": "open",
    "vma_set_file(vma, lower);": "swap",
    "vma->vm_file = get_file(lower);": "swap",
    "kref_get(&x->ref);": "reference",
    "x->count++;": "reference",
    "return x->ops->mmap(x, vma);": "dispatch",
    "return (*hooks[1])(file, vma);": "dispatch",
    "int (*f)(void *, void *) = x->mmap; return f(file, vma);": "dispatch",
    "return call_memop(vb, mmap, priv, vma);": "dispatch",
    "return generic_file_mmap(file, vma);": "generic",
    # The first that counts, of several.
    "kref_get(&x->ref); return remap_pfn_range(vma, 0, 0, 1, prot);":
        "remap_pfn",
    # What only looks like one.
    "/* kref_get(&x->ref) */ pr_debug(\"remap_pfn_range()\");": "plain",
    "x->vma = 1; f(x->vma);": "plain",
    "return own->mmap(own);": "plain",
}


def shapes(files, proto="vma_proto"):
    """Return Shapes of @files, {path: text}."""
    return shape.Shapes({path: shape.functions(ctext.Source(text), proto)
                         for path, text in files.items()})


def hook(body, name="m", head="static int"):
    """Return the text of a hook."""
    return (f"{head} {name}(struct file *file, struct vm_area_struct *vma)\n"
            f"{{\n\t{body}\n}}\n")


class Shape(unittest.TestCase):
    """Functions of one file, and of several."""

    def test_bodies(self):
        """shape: of each kind of body"""
        found = {body: shapes({"a.c": hook(body)}).of("a.c", "m")
                 for body in BODIES}
        self.assertEqual(found, BODIES)
        self.figures = f"{len(BODIES)} bodies"

    def test_order(self):
        """shape: each that a body can give has a place in the order"""
        self.assertLessEqual(set(BODIES.values()), set(shape.ORDER))
        self.assertEqual(len(set(shape.ORDER)), len(shape.ORDER))

    def test_prototype(self):
        """shape: of a hook that describes, by the prototype's calls"""
        text = ("static int p(struct vma_proto *proto)\n{\n"
                "\treturn vma_proto_iomap_memory(proto, 0, 1);\n}\n"
                "static int h(struct vma_proto *proto)\n{\n"
                "\treturn vma_proto_hold(proto, x, put);\n}\n")
        found = shapes({"a.c": text})
        self.assertEqual([found.of("a.c", name) for name in "ph"],
                         ["iomap", "reference"])
        self.assertEqual(shapes({"a.c": text}, "other").of("a.c", "p"),
                         shape.UNKNOWN)

    def test_calls(self):
        """shape: functions that are given the VMA are followed"""
        self.assertEqual(shapes({
            "a.c": hook("return below(file, vma);"),
            "b.h": hook("return vm_iomap_memory(vma, 0, 1);", "below",
                        "static inline int")}).of("a.c", "m"), "iomap")
        self.assertEqual(shapes({
            "a.c": hook("return below(file);"),
            "b.c": hook("return vm_iomap_memory(vma, 0, 1);", "below",
                        "int")}).of("a.c", "m"), "plain")

    def test_static(self):
        """shape: a static function is its own file's"""
        files = {"a.c": hook("return below(file, vma);"),
                 "b.c": hook("return vm_iomap_memory(vma, 0, 1);", "below")}
        self.assertEqual(shapes(files).of("a.c", "m"), "plain")
        self.assertEqual(shapes(files).of("a.c", "below"), shape.UNKNOWN)
        files["a.c"] += hook("vma_set_file(vma, x);", "below")
        files["b.c"] = hook("return vm_iomap_memory(vma, 0, 1);", "below",
                            "int")
        self.assertEqual(shapes(files).of("a.c", "m"), "swap")

    def test_all_definitions(self):
        """shape: both definitions under #if count"""
        text = ("#ifdef X\n" + hook("return -ENODEV;") + "#else\n"
                + hook("return vm_iomap_memory(vma, 0, 1);") + "#endif\n")
        self.assertEqual(shapes({"a.c": text}).of("a.c", "m"), "iomap")

    def test_recursion(self):
        """shape: functions that call each other end"""
        text = hook("return n(file, vma);") + hook("return m(file, vma);", "n")
        self.assertEqual(shapes({"a.c": text}).of("a.c", "m"), "plain")

    def test_unknown(self):
        """shape: of what is no function with a VMA, none is told"""
        found = shapes({"a.c": "int m(int n)\n{\n\treturn n;\n}\n"})
        self.assertEqual([found.of("a.c", name) for name in
                          ("m", "a ? m : n", "p ## _mmap")],
                         [shape.UNKNOWN] * 3)


if __name__ == "__main__":
    tap.main()
