# SPDX-License-Identifier: GPL-2.0-only
"""Finds every hook: twice, by two ways that fail differently.

Coccinelle (scan.cocci) understands C, but skips without a word what it cannot
parse, and does not look into macros. The lexical scan here looks at the text,
and finds every `.mmap =`; it needs to work out which structure that is in.
What only one of them finds is reported as such, never dropped.
"""

import os
import re
import tempfile

import ctext
import spatch

OPS = "file_operations"
LIVE = "mmap"
# Members of other structures that are given a VMA to map something in it.
OTHERS = {"fb_mmap": "fb_ops", "map_mmap": "bpf_map_ops",
          "proc_mmap": "proc_ops"}
_STRUCT = re.compile(r"\b(?:struct|union)\s+(\w+)\b([^;{}()=]*)$")
_ATTRIBUTE = re.compile(r"__(?:maybe_unused|ro_after_init|read_mostly|refdata"
                        r"|init\w+|used)$")
_QUALIFIERS = {"const", "volatile", "static"}
_LITERAL = re.compile(r"\(\s*(?:const\s+)?struct\s+(\w+)\s*(?:\[\s*\])?\s*\)$")
_DESIGNATOR = re.compile(r"(?:\.\s*\w+\s*|\[[^][]*\]\s*)+$")
# Members that tell a file_operations initialiser from that of another type.
_OPS_MEMBERS = set("""
    owner fop_flags llseek read write read_iter write_iter iopoll iterate_shared
    poll unlocked_ioctl compat_ioctl mmap mmap_proto mmap_prepare open flush
    release fsync fasync lock get_unmapped_area check_flags flock splice_write
    splice_read splice_eof setlease fallocate show_fdinfo mmap_capabilities
    copy_file_range remap_file_range fadvise uring_cmd uring_cmd_iopoll
    """.split())
_MACRO_NAME = re.compile(r"\s*#\s*define\s+(\w+)")


class Hook:
    """One initialiser of a hook.

    line      where the hook's name is
    member    `mmap` or the prototype hook of the dialect
    struct    type of the structure, "" where the text does not tell
    instance  name of the structure's instance, "" where it has none
    hook      the initialiser, usually a function's name
    macro     name of the macro that holds the initialiser, or ""
    found_by  set of "text" and "cocci"
    """

    FIELDS = ("line", "member", "struct", "instance", "hook", "macro")

    def __init__(self, line, member, struct, instance, hook, macro, found_by):
        self.line = line
        self.member = member
        self.struct = struct
        self.instance = instance
        self.hook = hook
        self.macro = macro
        self.found_by = set(found_by)

    def key(self):
        """What the two ways must agree on, to have found the same thing."""
        return (self.line, self.member, re.sub(r"\s+", "", self.hook))

    def as_dict(self):
        """Return the hook in a form that JSON keeps."""
        values = {name: getattr(self, name) for name in self.FIELDS}
        values["found_by"] = sorted(self.found_by)
        return values


def _declared(text):
    """Return (struct, instance) of a declarator whose `=` ends at @text's end.

    A declarator without a structure's type gives ("", "").
    """
    text = re.sub(r"\s*##\s*", "##", text)
    text = re.sub(r"\[[^][]*\]", " ", text)
    text = re.sub(r"\b__\w+\s*\([^;{}]*\)", " ", text)
    match = _STRUCT.search(text)
    if not match:
        return "", ""
    words = [w for w in re.findall(r"[\w#]+", match.group(2))
             if w not in _QUALIFIERS and not _ATTRIBUTE.match(w)]
    return match.group(1), words[0] if words else ""


def owner(text, position):
    """Return (struct, instance) of the initialiser around @position of @text.

    None if no brace is open there: a fragment of an initialiser, in a macro.
    ("", instance) if the type cannot be told: a member of a larger structure.
    """
    while True:
        brace = ctext.enclosing_brace(text, position)
        if brace < 0:
            return None
        before = text[:brace].rstrip(" \t\n\\")
        if before.endswith(("{", ",")):
            # An element of an array: the structure's type is further out.
            position = brace
            continue
        if before.endswith(")"):
            match = _LITERAL.search(before)
            return (match.group(1), "") if match else ("", "")
        if not before.endswith("="):
            return "", ""
        before = before[:-1].rstrip(" \t\n\\")
        inner = _DESIGNATOR.search(before)
        if inner and re.search(r"[{,]\s*$", before[:inner.start()]):
            if "." in inner.group():
                return "", inner.group().strip()
            position = brace
            continue
        start = max(before.rfind(c) for c in ";{}") + 1
        return _declared(before[start:])


def _may_be_ops(text, position):
    """Tell whether the members set around @position fit file_operations."""
    brace = ctext.enclosing_brace(text, position)
    end = ctext.matching(text, brace)
    return _OPS_MEMBERS.issuperset(
        re.findall(r"[{,]\s*\.\s*(\w+)\s*=", text[brace:end]))


def _member_of(text, position):
    """Return "struct.member" for an initialiser around @position that is a
    member of a larger one."""
    chain = ""
    while True:
        brace = ctext.enclosing_brace(text, position)
        if brace < 0:
            return "another type"
        before = text[:brace].rstrip(" \t\n\\")
        name = re.search(r"(\.\s*\w+)\s*=$", before)
        if name and re.search(r"[{,]\s*$", before[:name.start()]):
            chain = "." + name.group(1)[1:].strip() + chain
        elif before.endswith("="):
            start = max(before.rfind(c) for c in ";{}") + 1
            struct = _declared(before[start:-1].rstrip(" \t\n\\"))[0]
            return (struct or "another type") + chain
        position = brace


def _value(text, start):
    """Return the initialiser that starts at @start of @text."""
    depth = 0
    for match in re.compile(r"[][(){},]").finditer(text, start):
        sign = match.group()
        if sign in "([{":
            depth += 1
        elif depth and sign in ")]}":
            depth -= 1
        elif depth == 0:
            return text[start:match.start()]
    return text[start:]


def _macro_owner(source, name, seen=()):
    """Return the structure that macro @name is used to initialise, or ""."""
    for offset in source.uses(name):
        span = source.directive_at(offset)
        text, base = source.code, 0
        if span:
            text, base = source.masked[:span[1]], span[0]
            text = " " * base + text[base:]
            user = _MACRO_NAME.match(source.masked, base)
            if user and user.group(1) == name:
                continue
        found = owner(text, offset)
        if found and found[0]:
            return found[0]
        if found is None and span and user and user.group(1) not in seen:
            outer = _macro_owner(source, user.group(1), seen + (name,))
            if outer:
                return outer
    return ""


def _is_assignment(text, position):
    """Tell whether the member at @position is of an object: `a.mmap = x`.

    The chain of designators in `{ .ops.mmap = x }` begins with a dot instead.
    What stands apart by white space is not of the chain: it may be a macro.
    """
    start = position
    while True:
        chain = re.search(r"(?:\.|->)?(?:\w+|\[[^][]*\]|\))$",
                          text[max(0, start - 200):start])
        if not chain:
            return False
        if not chain.group().startswith((".", "[")):
            return True
        start -= len(chain.group())


def lexical(source, members):
    """Return a Hook for every initialiser of one of @members in @source.

    All structures are looked at; struct is "" where the text does not tell.
    `= NULL` is left out: it is no hook.
    """
    pattern = re.compile(r"(?:\.\s*(%s)\s*=(?!=)|(?<=[{,])\s*(%s)\s*:)\s*"
                         % (("|".join(members),) * 2))
    hooks = []
    for match in pattern.finditer(source.masked):
        if _is_assignment(source.masked, match.start()):
            continue
        span = source.directive_at(match.start())
        macro = ""
        if span:
            name = _MACRO_NAME.match(source.masked, span[0])
            macro = name.group(1) if name else ""
            text = " " * span[0] + source.masked[span[0]:span[1]]
        else:
            text = source.code
        value = " ".join(_value(text, match.end()).replace("\\", " ").split())
        if value == "NULL" or not re.search(r"[A-Za-z_]", value):
            continue
        found = owner(text, match.start())
        if found is None:
            found = (_macro_owner(source, macro) if macro else "", macro)
        struct, instance = found
        chain = re.search(r"(?:\.\w+|\[[^][]*\])+$",
                          source.masked[max(0, match.start() - 200):
                                        match.start()])
        if chain and "." in chain.group():
            # A member of a member: `.ops.mmap = x`.
            struct, instance = "", chain.group()
        if not struct and not macro and not chain \
                and not _may_be_ops(text, match.start()):
            struct = _member_of(text, match.start())
        hooks.append(Hook(source.line(match.end()),
                          match.group(1) or match.group(2), struct,
                          instance, value, macro, ["text"]))
    return hooks


def merge(lexical_hooks, cocci_hooks):
    """Return the hooks of file_operations that either way has found.

    One whose structure neither of them can tell is among them.
    """
    merged = {}
    for hook in lexical_hooks:
        merged[hook.key()] = hook
    for hook in cocci_hooks:
        if hook.hook == "NULL":
            continue
        known = merged.setdefault(hook.key(), hook)
        if known is not hook:
            known.found_by |= hook.found_by
            # Coccinelle knows the type where the text may not tell it.
            known.struct = hook.struct
            known.instance = known.instance or hook.instance
    return [merged[key] for key in sorted(merged)
            if merged[key].struct in (OPS, "")]


_ASSIGNED = (r"([\w\])][\w\[\])>.-]*?)\s*(?:->|\.)\s*(%s)\s*=\s*"
             r"&?([A-Za-z_][^;(){}=]*);")


def _type_of(source, expression, offset):
    """Return the structure that @expression, used at @offset, is or points
    to, as far as this file tells; "" where it does not."""
    name = re.search(r"(\w+)(?:\[[^][]*\]|\))*$", expression)
    declared = list(re.finditer(
        rf"\bstruct\s+(\w+)\b[\s*]+(?:\w+\s*,[\s*]*)*{name.group(1)}\b",
        source.code[:offset])) if name else []
    return declared[-1].group(1) if declared else ""


def assigned(source, members):
    """Return a Hook for every `x->member = function;` in @source."""
    hooks = []
    for match in re.finditer(_ASSIGNED % "|".join(members), source.code):
        expression, member, value = match.groups()
        if value != "NULL":
            hooks.append(Hook(
                source.line(match.start(3)), member,
                _type_of(source, expression, match.start()),
                expression, " ".join(value.split()), "", ["text"]))
    return hooks


def others(source, hook, known):
    """Return the hooks of structures other than file_operations in @source.

    @hook   the prototype hook's name
    @known  the hooks of file_operations, which are left out
    """
    # As they are called once that structure has a prototype hook too.
    converted = {name.replace(LIVE, hook): struct
                 for name, struct in OTHERS.items()}
    structs = {**OTHERS, **converted}
    members = (LIVE, hook, *structs)
    keys = {one.key() for one in known}
    found = [one for one in lexical(source, members) + assigned(source, members)
             if one.key() not in keys]
    for one in found:
        one.struct = one.struct or structs.get(one.member, "")
    return found


def _parse(line):
    """Return (file, Hook) for one line that scan.cocci prints, or None."""
    parts = line.split(":", 4)
    if len(parts) != 5 or not parts[1].isdigit():
        return None
    path, number, member, instance, hook = parts
    return path, Hook(int(number), member, OPS, instance,
                      re.sub(r"\s+", " ", hook).strip(), "", ["cocci"])


def cocci(root, paths, dialect, jobs):
    """Run scan.cocci over @paths of @root; return {path: [Hook]}.

    The files are looked at from a folder of links, since `--dir` is what
    keeps spatch from taking all of them for one program.
    Raises spatch.SpatchError if spatch cannot be run or fails.
    """
    found = {path: [] for path in paths}
    if not paths:
        return found
    with tempfile.TemporaryDirectory(prefix="mmap-scan-") as folder:
        for path in paths:
            target = os.path.join(folder, path)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            os.symlink(os.path.abspath(os.path.join(root, path)), target)
        output = spatch.run("scan.cocci", folder,
                            ["-D", "report", *dialect.spatch_options()], jobs)
    for line in output.splitlines():
        parsed = _parse(line)
        if parsed:
            path = os.path.normpath(parsed[0])
            if path in found:
                found[path].append(parsed[1])
    return found
