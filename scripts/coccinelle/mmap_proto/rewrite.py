# SPDX-License-Identifier: GPL-2.0-only
"""Rewrites the hooks that were accepted, and looks at what came out."""

import os
import re
import shutil
import tempfile

import ctext
import gate
import scan
import spatch
import tidy

RULES = "plain.cocci"


class Incomplete(Exception):
    """Coccinelle has not done all of a rewrite; the text is a reason."""


def _verify(old, new, names, dialect):
    """Raise Incomplete unless all of @names are rewritten in Source @new."""
    for name, new_name in names.items():
        if new.uses(name):
            raise Incomplete(f"rewrite incomplete: {name} is still there")
        if len(new.uses(new_name)) != \
                len(old.uses(name)) + len(old.uses(new_name)):
            raise Incomplete(f"rewrite incomplete: uses of {new_name}")
        before, after = old.definitions(name), new.definitions(new_name)
        if len(before) != len(after):
            raise Incomplete(f"rewrite incomplete: definitions of {new_name}")
        for was, now in zip(before, after):
            if now.parameters.split() != [
                    "struct", dialect.struct, "*" + dialect.param]:
                raise Incomplete(f"rewrite incomplete: head of {new_name}")
            _verify_body(ctext.parameter_names(was), now, new_name)


def _verify_body(gone, now, name):
    tokens = ctext.tokens(now.body)
    for before, token in zip([""] + tokens, tokens):
        if token in gone and before not in ("->", ".", "struct"):
            raise Incomplete(f"rewrite incomplete: {token} in {name}")


def _rename_around(new, names, dialect):
    """Return @new with the declarations, exports and aliases of @names
    renamed, if Coccinelle has not done so."""
    for name, new_name in names.items():
        source = ctext.Source(new)
        edits = [(start, end,
                  f"{new_name}(struct {dialect.struct} *{dialect.param})")
                 for start, end in source.declarations(name)]
        for start in source.exports(name):
            start = new.index(name, start)
            edits.append((start, start + len(name), new_name))
        for match in source.aliases(name):
            other = dialect.counterparts.get(match.group(2), ("NULL", ""))[0]
            edits += [(*match.span(1), new_name), (*match.span(2), other)]
        for start, end, text in sorted(edits, reverse=True):
            new = new[:start] + text + new[end:]
    return new


def _verify_carrier(old, new, name, dialect):
    """Raise Incomplete unless @name is given the prototype everywhere."""
    before, after = old.definitions(name), new.definitions(name)
    if len(before) != len(after) or \
            len(old.uses(name)) != len(new.uses(name)):
        raise Incomplete(f"rewrite incomplete: uses of {name}")
    for was, now in zip(before, after):
        if "vm_area_struct" in now.parameters or \
                f"struct {dialect.struct} *{dialect.param}" not in \
                " ".join(now.parameters.split()):
            raise Incomplete(f"rewrite incomplete: head of {name}")
        gone = set(ctext.parameter_names(was)) - set(
            ctext.parameter_names(now))
        _verify_body(gone, now, name)


def finish(old, new, names, carriers, dialect):
    """Return the text of a converted file, from what Coccinelle has made.

    @old, @new  texts before and after
    @names      {hook: its new name}
    @carriers   names of functions that are given the prototype by hooks
    Raises Incomplete if something was left as it was.
    """
    new = _rename_around(new, names, dialect)
    new = tidy.align_initialisers(old, new, (scan.LIVE, dialect.hook), names)
    new = tidy.join_casts(old, new, dialect.param)
    new = tidy.wrap_new_lines(old, new)
    before = ctext.Source(old)
    header = dialect.header
    if not any(before.definitions(name) for name in names):
        header = ""     # nothing looks into the prototype here
    if header:
        new = tidy.add_include(new, header)
    new = tidy.rename_in_comments(new, names)
    for name in names:
        for definition in before.definitions(name):
            new = tidy.describe_prototype(
                new, names[name], ctext.parameter_names(definition),
                dialect.param)
    for name in carriers:
        for definition in before.definitions(name):
            vma = [p for p in ctext.parameter_names(definition)
                   if re.search(rf"vm_area_struct\s*\*\s*{p}\b",
                                definition.parameters)]
            new = tidy.describe_prototype(new, name, vma, dialect.param)
    after = ctext.Source(new)
    _verify(before, after, names, dialect)
    if after.uses(gate.NOBODY):
        raise Incomplete("rewrite incomplete: a function without counterpart")
    for name in sorted(carriers):
        _verify_carrier(before, after, name, dialect)
    if header and f"#include <{header}>" not in new:
        raise Incomplete("rewrite incomplete: no place for the include")
    return new


def rewrite(texts, shared, dialect, jobs):
    """Run the rules over @texts, {path: text}.

    @shared  names of hooks that are converted in all files that name them

    Returns {path: text that Coccinelle has made}; raises
    spatch.SpatchError, or OSError if there is no room for the copies.
    """
    if not texts:
        return {}
    folder = tempfile.mkdtemp(prefix="mmap-rewrite-")
    try:
        for path, text in texts.items():
            target = os.path.join(folder, path)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            with open(target, "w", encoding="utf-8", newline="",
                      errors="surrogateescape") as stream:
                stream.write(text)
        spatch.run(RULES, folder,
                   ["-D", "patch", "-D", "no_header", "--in-place",
                    *dialect.spatch_options()],
                   jobs if len(texts) > 1 else 1,
                   {gate.SHARED: " ".join(sorted(shared))})
        made = {}
        for path in texts:
            with open(os.path.join(folder, path), encoding="utf-8",
                      errors="surrogateescape", newline="") as stream:
                made[path] = stream.read()
        return made
    finally:
        shutil.rmtree(folder)
