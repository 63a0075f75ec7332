#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Counts the mmap hooks of the base kernel once more, by a way of its own.

Nothing of the library is used here, nor Coccinelle: the files are cut into
tokens, and each brace that opens remembers what it initialises. The report on
the whole tree must account for every hook that is found so.
"""

import collections
import csv
import os
import re
import subprocess
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..", "..", "..")
sys.path.insert(0, os.path.join(ROOT, "scripts", "overlay"))

import patches  # noqa: E402
import tap      # noqa: E402

TREE = os.environ.get("TREE", os.path.join(ROOT, "build", "linux"))
REPORT = os.path.join(os.path.dirname(TREE), "report", "hooks.csv")
OPS = "file_operations"
MEMBERS = {"mmap", "fb_mmap", "map_mmap", "proc_mmap"}
# Programs for user space, examples in texts, semantic patches.
OUTSIDE = ("tools/", "Documentation/", "scripts/")
TOKEN = re.compile(
    r"(?P<skip>//(?:[^\n\\]|\\[\s\S])*|/\*[\s\S]*?\*/|\\\r?\n|[^\S\n]+)"
    r"|(?P<line>\n)"
    r"|\"(?:\\[\s\S]|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'|\w+|->|##|==|\S")

# Says that there is no hook.
NULL = {
    "arch/mips/sibyte/common/sb_tbprof.c": OPS,
    "arch/um/drivers/hostaudio_kern.c": OPS,
    "drivers/media/pci/ddbridge/ddbridge-core.c": OPS,
    "drivers/media/pci/ngene/ngene-dvb.c": OPS,
    "drivers/gpu/drm/i915/i915_sysfs.c": "bin_attribute",
}
# Where two hooks of other structures have no function that is given a VMA.
# They are members called mmap all the same, and listed.
NO_VMA = {"arch/um/kernel/tlb.c": "vm_ops"}
# Where the report differs, by so many hooks, for steps made by hand.
EXPLAINED = {
    # Its mmap() was that of drm_gem_object_funcs, where it is now.
    ("drivers/gpu/drm/tegra/drm.c", "tegra_drm_mmap"): -1,
    ("drivers/gpu/drm/tegra/drm.c", "drm_gem_mmap"): 1,
    ("drivers/gpu/drm/tegra/gem.c", "tegra_bo_mmap"): 1,
    # Of the file that snd_pcm_oss_mmap() has mapped in place of its own.
    ("sound/core/oss/pcm_oss.c", "snd_pcm_oss_mmap_data"): 1,
    # Both hooks: bin_attribute.mmap() is still there for other modules.
    ("fs/kernfs/file.c", "kernfs_fop_mmap"): 1,
    ("fs/sysfs/file.c", "sysfs_kf_bin_mmap"): 1,
    # 6.12 cannot map it.
    ("virt/kvm/guest_memfd.c", "kvm_gmem_mmap"): 1,
}
# Macros that are an element of an initialiser. The first two hold a hook, and
# are counted where they are defined; the others have none, or would be found
# there too.
MACROS = {"DRM_GEM_FOPS", "DRM_ACCEL_FOPS", "DRM_GEM_DMA_UNMAPPED_AREA_FOPS",
          "KVM_COMPAT", "qedf_dbg_fileops", "qedf_dbg_fileops_seq",
          "qedi_dbg_fileops", "qedi_dbg_fileops_seq"}


class Found:
    """A member called mmap that is given a value.

    structure  what it is a member of: the type, "#NAME" for a fragment in the
               macro NAME, "" for an assignment
    """

    def __init__(self, path, structure, member, value):
        self.path = path
        self.structure = structure
        self.member = member
        self.value = value

    def __repr__(self):
        return f"{self.path}: {self.structure} .{self.member} = {self.value}"


def streams(text):
    """Yield (name, tokens): of each macro, and with "" of all the rest.

    A brace in the first column comes after a token that is a newline.
    """
    rest, directive, fresh, end = [], None, True, 0
    for match in TOKEN.finditer(text + "\n"):
        token, before, end = match.group(), end, match.end()
        if match.lastgroup == "line":
            if directive and directive[0] == "define":
                yield directive[1], body_of(directive[2:])
            directive, fresh = None, True
        elif match.lastgroup is None:
            if directive is not None:
                # A parameter list follows the name at once.
                glued = len(directive) == 2 and before == match.start()
                directive.append("#(" if glued and token == "(" else token)
            elif fresh and token == "#":
                directive = []
            else:
                # A brace there ends a definition, whatever #if did.
                if token == "}" and text[match.start() - 1] == "\n":
                    rest.append("\n")
                rest.append(token)
            fresh = False
    yield "", rest


def body_of(tokens):
    """Return the @tokens behind a macro's name without its parameters."""
    return tokens[tokens.index(")") + 1:] if tokens[:1] == ["#("] else tokens


def structure_of(head, outer):
    """Return what a brace after the tokens @head initialises.

    @outer is that of the brace around it.
    """
    if head[-1:] != ["="] and head[-1:] != [")"]:
        return outer if not head else ""
    if head[0] == "." and outer:
        return outer + "." + head[1]
    if head[0] == "[":
        return outer
    for word, name in zip(head, head[1:]):
        if word == "struct":
            return name
    return ""


def find(path, text):
    """Yield the Found of one file."""
    for macro, tokens in streams(text):
        stack, start = [], 0
        top = "#" + macro if macro else ""
        for i, token in enumerate(tokens):
            if token == "\n":
                stack, start = [], i + 1
            elif token == "{":
                outer = stack[-1] if stack else top
                stack.append(structure_of(tokens[start:i], outer))
                start = i + 1
            elif token in ("}", ";", ","):
                if token == "}" and stack:
                    stack.pop()
                # A comma ends an element, not what stands in parentheses.
                inside = tokens[start:i]
                if token != "," or inside.count("(") == inside.count(")"):
                    start = i + 1
            if token in MEMBERS and tokens[i + 1:i + 2] == ["="] and i and \
                    tokens[i - 1] in (".", "->"):
                value = []
                for word in tokens[i + 2:]:
                    if word in (",", ";", "}", "\n"):
                        break
                    value.append(word)
                designator = start == i - 1
                yield Found(path, (stack[-1] if stack else top)
                            if designator else "", token, " ".join(value))


def blobs(git, paths):
    """Yield (path, text) of @paths of the base in the repository @git."""
    base = patches.base_of(git)
    asked = "".join(f"{base}:{path}\n" for path in paths).encode()
    with subprocess.Popen(["git", "-C", git, "cat-file", "--batch"],
                          stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as process:
        # Small enough for git to read it before it writes much.
        for path, line in zip(paths, asked.splitlines(keepends=True)):
            process.stdin.write(line)
            process.stdin.flush()
            size = int(process.stdout.readline().split()[2])
            yield path, process.stdout.read(size + 1)[:-1].decode(
                "utf-8", "surrogateescape")
        process.stdin.close()


def grep(git, pattern, *where):
    """Return the paths of the base that have a match of @pattern."""
    base = patches.base_of(git)
    done = subprocess.run(["git", "-C", git, "grep", "-lE", pattern, base,
                           "--", *where], capture_output=True, text=True,
                          check=True)
    return [line.split(":", 1)[1] for line in done.stdout.splitlines()]


def is_function(value):
    """Tell whether a member is given a function: no call, no number."""
    return "(" not in value and value != "NULL" and not value.isdigit()


def old_name(hook):
    """Return what @hook of the report is called in the base."""
    return re.sub(r"\s+", "", hook).replace("_proto", "")


class Census(unittest.TestCase):
    """Counts of the base, beside those of the report."""

    @classmethod
    def setUpClass(cls):
        cls.maxDiff = None
        paths = grep(TREE, "mmap[[:space:]]*(=|$)|struct[[:space:]]+"
                     "file_operations", "*.c", "*.h")
        cls.files = len(paths)
        cls.found, cls.elements, cls.seen = [], collections.Counter(), 0
        for path, text in blobs(TREE, paths):
            if re.search(r"mmap\s*=", text):
                cls.found += find(path, text)
            if path.startswith(OUTSIDE):
                continue
            for tokens in initialisers(text):
                cls.seen += 1
                cls.elements.update(elements(tokens))
        with open(REPORT, encoding="utf-8", errors="surrogateescape",
                  newline="") as stream:
            cls.rows = list(csv.DictReader(stream))

    def mine(self, wanted):
        """Return {(file, hook): number} of those found for which @wanted."""
        return collections.Counter(
            (one.path, old_name(one.value)) for one in self.found
            if not one.path.startswith(OUTSIDE) and is_function(one.value)
            and wanted(one))

    def reported(self, *results):
        """Return {(file, hook): number} of the report's lines."""
        return collections.Counter(
            (row["file"], old_name(row["hook"])) for row in self.rows
            if row["result"] in results)

    def check(self, mine, reported):
        """Both have the same hooks, but for those that are explained."""
        differ = {key: reported[key] - mine[key]
                  for key in mine.keys() | reported.keys()
                  if reported[key] != mine[key]}
        self.assertEqual(differ, {key: EXPLAINED[key] for key in EXPLAINED
                                  if key in mine or key in reported})

    def fragments(self):
        """Return the macros that hold a part of an initialiser."""
        return {one.structure for one in self.found
                if one.structure.startswith("#")}

    def is_ops(self, one):
        """Tell whether a member is one of struct file_operations."""
        return one.structure == OPS or one.structure in (
            "#DRM_GEM_FOPS", "#DRM_ACCEL_FOPS")

    def test_hooks(self):
        """census: each hook of file_operations is converted or refused"""
        mine = self.mine(self.is_ops)
        self.check(mine, self.reported("converted", "refused"))
        self.figures = (f"{sum(mine.values())} hooks, {self.files} files "
                        "looked at")

    def test_listed(self):
        """census: each hook of another structure is listed"""
        mine = self.mine(lambda one: not self.is_ops(one))
        self.check(mine, self.reported("listed"))
        self.figures = f"{sum(mine.values())} hooks"

    def test_macros(self):
        """census: the macros that hold an initialiser are these"""
        self.assertEqual(self.fragments(), {
            "#DRM_GEM_FOPS", "#DRM_ACCEL_FOPS", "#__FB_DEFAULT_SBUS_OPS_MMAP",
            "#__FB_DEFAULT_IOMEM_OPS_MMAP", "#__FB_DEFAULT_DEFERRED_OPS_MMAP"})

    def test_null(self):
        """census: what says NULL is no hook"""
        self.assertEqual({one.path: one.structure for one in self.found
                          if one.value == "NULL" and one.structure
                          and not one.path.startswith(OUTSIDE)}, NULL)

    def test_outside(self):
        """census: what is not looked at has no hook of file_operations"""
        self.assertEqual([one for one in self.found if self.is_ops(one)
                          and one.path.startswith(OUTSIDE)], [])

    def test_other_files(self):
        """census: no hook is in a file that is neither .c nor .h"""
        paths = grep(TREE, r"\.[[:space:]]*mmap[[:space:]]*=", ":!*.c",
                     ":!*.h")
        self.assertEqual([path for path in paths
                          if not path.startswith(OUTSIDE)], [])

    def test_positions(self):
        """census: initialisers name their members, or use these macros"""
        self.assertEqual(set(self.elements) - {".", "[", "{", "}"}, MACROS)
        self.figures = f"{self.seen} initialisers"

    def test_not_empty(self):
        """census: the hooks without a VMA are where they were"""
        for path, structure in NO_VMA.items():
            self.assertEqual(
                {row["shape"] for row in self.rows if row["file"] == path
                 and row["ops_struct"] == structure}, {"unknown"})


def initialisers(text):
    """Yield the tokens of each initialiser of file_operations, from its `{`,
    to somewhere behind its end."""
    # A line that begins with an asterisk is one of a comment.
    for match in re.finditer(r"^(?![ \t]*\*).*\bstruct\s+file_operations\b"
                             r"[^;{}()*]*=\s*(?={)", text, re.MULTILINE):
        end = text.find("\n}", match.end())
        yield list(streams(text[match.end():end + 2 if end >= 0 else None]
                           ))[-1][1]


def elements(tokens):
    """Yield the first token of each element of the braces that begin
    @tokens."""
    depth = 0
    for token, following in zip(tokens, tokens[1:] + [""]):
        depth += token in ("{", "(")
        if depth == 1 and token in ("{", ",") and following != "\n":
            yield following
        depth -= token in ("}", ")")
        if depth == 0:
            return


if __name__ == "__main__":
    tap.main()
