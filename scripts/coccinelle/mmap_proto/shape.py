# SPDX-License-Identifier: GPL-2.0-only
"""Tells what kind of work a hook does, from its text: its shape.

A shape is for people who look for hooks of one kind. It decides nothing: what
may be converted is judge.py's, and a hook has a shape whether it is or not.
"""

import re

import ctext

UNKNOWN = "unknown"
# A hook of more than one shape has the first of these that it is.
ORDER = ("swap", "open", "dma_mmap", "insert", "map_pages", "vmalloc",
         "iomap", "io_remap", "remap_pfn", "dispatch", "reference", "generic",
         "plain")
# Functions that call functions are followed so far.
_DEPTH = 4
# What a call means. The prototype's own calls mean the same as the others.
_CALLS = {
    "swap": {"vma_set_file", "vma_proto_set_file"},
    "insert": {"vm_insert_page", "vm_insert_pages", "vmf_insert_pfn",
               "vmf_insert_pfn_prot", "vmf_insert_mixed", "vmf_insert_pfn_pmd",
               "vmf_insert_pfn_pud", "vma_proto_insert_page",
               "vma_proto_insert_pages"},
    "map_pages": {"vm_map_pages", "vm_map_pages_zero", "vma_proto_map_pages",
                  "vma_proto_map_pages_zero"},
    "vmalloc": {"remap_vmalloc_range", "remap_vmalloc_range_partial",
                "vma_proto_remap_vmalloc_range",
                "vma_proto_remap_vmalloc_range_partial"},
    "iomap": {"vm_iomap_memory", "vma_proto_iomap_memory"},
    "io_remap": {"io_remap_pfn_range", "vma_proto_io_remap_pfn_range"},
    "remap_pfn": {"remap_pfn_range", "vma_proto_remap_pfn_range"},
    "dispatch": {"call_mmap", "mmap_file", "vma_proto_mmap_file"},
    "reference": {"vma_proto_hold"},
    "generic": {"generic_file_mmap", "generic_file_readonly_mmap",
                "generic_file_mmap_proto", "generic_file_readonly_mmap_proto"},
}
_SHAPE_OF = {name: shape for shape, names in _CALLS.items() for name in names}
_DMA = re.compile(r"(?:vma_proto_)?dma_mmap_\w+$|dma_common_mmap$")
_REFERENCE = re.compile(
    r"\w+_(?:get|get_unless_zero|inc|inc_not_zero|inc_unless_negative|inc_return|add_return|hold|grab|alloc)$"
    r"|k[mzc]alloc|kv[mzc]alloc|vmalloc|vzalloc|kmemdup|alloc_\w+"
    r"|get_(?:file|device|page|pid|task_struct|net)$|try_module_get|__module_get"
    r"|igrab|ihold|dget|fget|mmgrab|mmget|pin_user_pages")
_NAME = re.compile(r"[A-Za-z_]\w*$")


def _shape_of_call(name):
    """Return the shape that a call of @name gives its caller, or ""."""
    if name in _SHAPE_OF:
        return _SHAPE_OF[name]
    if _DMA.match(name):
        return "dma_mmap"
    return "reference" if _REFERENCE.match(name) else ""


def _arguments(tokens, opening):
    """Return the tokens between the `(` at @opening and its `)`."""
    depth = 0
    for i in range(opening, len(tokens)):
        depth += tokens[i] == "("
        depth -= tokens[i] == ")"
        if depth == 0:
            return tokens[opening + 1:i]
    return tokens[opening + 1:]


def _gives(tokens, name):
    """Tell whether argument @tokens hold @name itself, not a member of it."""
    return any(token == name and following != "->"
               and before not in ("->", ".")
               for before, token, following in
               zip([""] + tokens, tokens, tokens[1:] + [""]))


def _features(body, vma):
    """Return (shapes, functions given @vma) of a function's masked @body."""
    tokens = ctext.tokens(body)
    shapes, callees = set(), set()
    for i, token in enumerate(tokens):
        before = tokens[i - 1] if i else ""
        if token == "++" and i > 1 and tokens[i - 2] in ("->", "."):
            shapes.add("reference")
        elif token == "vm_file" and tokens[i + 1:i + 2] == ["="]:
            shapes.add("swap")
        if token != "(" or not i:
            continue
        arguments = _arguments(tokens, i)
        given = _gives(arguments, vma)
        if _NAME.match(before) and tokens[i - 2:i - 1] in (["->"], ["."]):
            if given:
                shapes.add("open" if before == "open" else "dispatch")
        elif _NAME.match(before):
            shape = _shape_of_call(before)
            shapes |= {shape} if shape else set()
            if not given:
                continue
            if re.search(r"(?:^|_)open$", before):
                shapes.add("open")
            if "mmap" in arguments:
                shapes.add("dispatch")     # the name of an operation
            if shape:
                continue
            # What is called, and also named without a call, is a variable.
            uses = [k for k, other in enumerate(tokens) if other == before]
            if all(tokens[k + 1:k + 2] == ["("] for k in uses):
                callees.add(before)
            else:
                shapes.add("dispatch")
        elif before == ")" and given:
            shapes.add("dispatch")
    return shapes, callees


def functions(source, proto):
    """Return {name: [[static, shapes, callees]]} of the functions of @source
    that are given a VMA or a struct @proto; JSON can hold it."""
    pattern = re.compile(
        r"\b(\w+)\s*\(((?:[^(){};]|\([^()]*\))*"
        rf"\bstruct\s+(?:vm_area_struct|{proto})\s*\*\s*(?:const\s+)?(\w+)"
        r"(?:[^(){};]|\([^()]*\))*)\)\s*(?:__\w+\s*)*\{")
    found = {}
    for match in pattern.finditer(source.code):
        end = ctext.matching(source.code, match.end() - 1)
        body = source.masked[match.end():end if end >= 0 else None]
        head = re.split(r"[;{}]", source.code[:match.start()][-300:])[-1]
        shapes, callees = _features(body, match.group(3))
        found.setdefault(match.group(1), []).append(
            ["static" in head.split(), sorted(shapes), sorted(callees)])
    return found


class Shapes:
    """Shapes of hooks by what all files of a tree define.

    @functions  {path: what functions() returned for that file}
    """

    def __init__(self, functions_of):
        self.files = functions_of
        self.shared = {}
        for path, names in sorted(functions_of.items()):
            for name, definitions in names.items():
                if path.endswith(".h") or not all(d[0] for d in definitions):
                    self.shared.setdefault(name, []).append(path)

    def _definitions(self, path, name):
        """Yield (path, definition) of what @name means in the file @path."""
        paths = [path] if name in self.files.get(path, {}) else \
            self.shared.get(name, [])
        for where in paths:
            for definition in self.files[where][name]:
                yield where, definition

    def knows(self, path, name):
        """Tell whether a definition of @name, as used in @path, was seen."""
        return any(True for _ in self._definitions(path, name))

    def _all(self, path, name, depth, seen):
        shapes = set()
        for where, (_, direct, callees) in self._definitions(path, name):
            shapes |= set(direct)
            for callee in callees:
                if depth < _DEPTH and (where, callee) not in seen:
                    seen.add((where, callee))
                    shapes |= self._all(where, callee, depth + 1, seen)
        return shapes

    def of(self, path, hook):
        """Return the shape of @hook, an initialiser in the file @path."""
        name = hook.lstrip("& ")
        known = _SHAPE_OF.get(name)
        if known == "generic":
            return known
        if not self.knows(path, name):
            return UNKNOWN
        shapes = self._all(path, name, 0, set())
        return next((s for s in ORDER if s in shapes), "plain")
