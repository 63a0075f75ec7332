# SPDX-License-Identifier: GPL-2.0-only
"""What Coccinelle's printer leaves to be done by hand: columns, the place of
an include, comments that name a function."""

import re

import ctext

_INCLUDE = re.compile(r"#\s*include\s*<(linux/[^>]+)>\s*(?:/\*.*\*/\s*)?$")
# Where a line is broken, and where if there is no such place.
_OPERATOR = re.compile(r" (?:\|\||&&|\||&) |, ")
_COMPARISON = re.compile(r" (?:[<>]=?|[!=]=) ")
_ARITHMETIC = re.compile(r" (?:[-+*/%]|<<|>>) ")
_TAB = 8
_WIDTH = 80


def _column(text):
    """Return the column, from 0, behind @text."""
    return len(text.expandtabs(_TAB))


def _pad(before, column, like):
    """Return the white space that takes @before to @column, in tabs where
    @like has tabs; one blank or tab if that column has been passed."""
    if not like:
        return ""
    here = _column(before)
    if "\t" not in like:
        return " " * max(1, column - here)
    padding = ""
    while _column(before + padding) < column:
        padding += "\t"
    return padding or " "


def align_initialisers(old, new, members, names):
    """Return @new with the columns of initialisers as they were in @old.

    @members  (member in @old, member in @new)
    @names    {hook in @old: hook in @new}
    """
    was = {}
    for hook in names:
        pattern = re.compile(rf"^(.*\.\s*{members[0]})(\s*)=(\s*){hook}\b",
                             re.MULTILINE)
        was[names[hook]] = [m.groups() for m in pattern.finditer(old)]
    pattern = re.compile(rf"^(.*\.\s*{members[1]})(\s*)=(\s*)(\w+)\b",
                         re.MULTILINE)

    def again(match):
        places = was.get(match.group(4))
        if not places:
            return match.group()
        head, first, second = places.pop(0)
        if "\n" in first + second:
            return match.group()
        text = match.group(1)
        text += _pad(text, _column(head + first), first) + "="
        text += _pad(text, _column(head + first + "=" + second), second)
        return text + match.group(4)

    return pattern.sub(again, new)


def _continuation(line, place, continued):
    """Return the white space that aligns what follows @place of @line with
    the bracket that is open there, or with what is assigned.

    @continued  @line goes on with one before it, and is aligned already
    """
    opened = []
    for offset, sign in enumerate(line[:place]):
        if sign in "([":
            opened.append(offset + 1)
        elif sign in ")]" and opened:
            opened.pop()
    assigned = re.search(r" (?:[|&]?=) ", line[:place])
    if opened:
        column = _column(line[:opened[-1]])
    elif assigned:
        column = _column(line[:assigned.end()])
    else:
        column = _column(line[:len(line) - len(line.lstrip())])
        column += 0 if continued else _TAB
    return "\t" * (column // _TAB) + " " * (column % _TAB)


def _best_place(line, pattern):
    """Return (depth of brackets, offset) of the outermost match of @pattern,
    the last of these, behind which @line fits; None if there is none."""
    best = None
    for match in pattern.finditer(line):
        if _column(line[:match.end() - 1]) > _WIDTH:
            break
        depth = line[:match.start()].count("(") - \
            line[:match.start()].count(")")
        if best is None or depth <= best[0]:
            best = depth, match.end() - 1
    return best


def _wrap(line, continued=False):
    """Return @line, broken behind the outermost operator or comma that fits.

    Of operators within the same brackets the one that binds least counts.
    """
    # A comparison binds more than what joins it to others, and less than
    # what is in brackets of its own.
    places = [place for place in (_best_place(line, _OPERATOR),
                                  _best_place(line, _COMPARISON)) if place]
    best = min(places, key=lambda place: place[0], default=None) or \
        _best_place(line, _ARITHMETIC)
    if best is None:
        return line
    place = best[1]
    rest = _continuation(line, place, continued) + line[place + 1:]
    if _column(rest) > _WIDTH and _column(rest) < _column(line):
        rest = _wrap(rest, True)
    return line[:place] + "\n" + rest


def join_casts(old, new, param):
    """Return @new without the blank that Coccinelle's printer puts between a
    cast and @param, in the lines that are not in @old."""
    known = set(old.split("\n"))
    pattern = re.compile(rf"(\((?:const )?(?:struct )?\w+(?: \*+)?\)) "
                         rf"(?={param}->)")
    return "\n".join(line if line in known else pattern.sub(r"\1", line)
                     for line in new.split("\n"))


def wrap_new_lines(old, new):
    """Return @new with the lines that are too long, and not in @old, broken.

    Only expressions are broken: a line without operator stays as it is.
    """
    known = set(old.split("\n"))
    return "\n".join(line if line in known or _column(line) <= _WIDTH
                     else _wrap(line) for line in new.split("\n"))


def rename_in_comments(text, names):
    """Return @text with the functions of @names renamed in its comments."""
    pattern = re.compile(r"\b(" + "|".join(map(re.escape, names)) + r")\b")
    pieces = []
    end = 0
    for start, stop in ctext.comments(text):
        pieces.append(text[end:start])
        pieces.append(pattern.sub(lambda m: names[m.group()],
                                  text[start:stop]))
        end = stop
    return "".join(pieces) + text[end:]


def _parameter_line(name):
    """Return a pattern for a kernel-doc comment's line on parameter @name,
    with all that stands before and behind the name in groups."""
    return re.compile(rf"^([ \t]*\*[ \t]*@){name}(:[ \t]*)(.*)\n",
                      re.MULTILINE)


def without_parameters(comment, names):
    """Return @comment without the lines that describe the parameters @names,
    if it has one for each."""
    if any(
            len(_parameter_line(name).findall(comment)) != 1
            for name in names):
        return comment
    for name in names:
        comment = _parameter_line(name).sub("", comment)
    return comment


def describe_prototype(text, function, names, param):
    """Return @text with the kernel-doc comment of @function describing the
    parameter @param in place of those in @names, of which the VMA is last."""
    source = ctext.Source(text)
    pieces = []
    end = 0
    for start, stop in ctext.comments(text):
        comment = text[start:stop]
        if re.match(rf"/\*\*?\s*\n\s*\*\s*{function}\b", comment) and \
                without_parameters(comment, names) != comment and \
                re.match(rf"[\w\s*]*\b{function}\s*\(",
                         source.masked[stop:]):
            for name in names[:-1]:
                comment = _parameter_line(name).sub("", comment)
            comment = _parameter_line(names[-1]).sub(
                rf"\g<1>{param}\g<2>prototype of the mapping\n", comment)
        pieces += [text[end:start], comment]
        end = stop
    return "".join(pieces) + text[end:]


def _blocks(lines):
    """Return [(first, [headers])] of the runs of <linux/...> includes.

    Those under #if are left out, but for the guard around a whole header.
    """
    depth = 0
    depths = {}
    for number, line in enumerate(lines):
        word = re.match(r"\s*#\s*(\w+)", line)
        word = word.group(1) if word else ""
        depth += word in ("if", "ifdef", "ifndef")
        depth -= word == "endif"
        match = _INCLUDE.match(line)
        if match:
            depths[number] = (depth, match.group(1))
    lowest = min((d for d, _ in depths.values()), default=0)
    blocks = []
    for number, (level, header) in sorted(depths.items()):
        if level != lowest:
            continue
        if blocks and number == blocks[-1][0] + len(blocks[-1][1]):
            blocks[-1][1].append(header)
        else:
            blocks.append((number, [header]))
    return blocks


def add_include(text, header):
    """Return @text with `#include <header>`, where a person puts it.

    That is the longest run of <linux/...> includes: in order if the run is
    in order, at its end otherwise. Without any such include, and where the
    header is included already, @text is returned as it is.
    """
    lines = text.split("\n")
    blocks = _blocks(lines)
    if not blocks or any(header in headers for _, headers in blocks):
        return text
    first, headers = max(blocks, key=lambda block: (len(block[1]), -block[0]))
    place = len(headers)
    if headers == sorted(headers):
        place = len([h for h in headers if h < header])
    lines.insert(first + place, f"#include <{header}>")
    return "\n".join(lines)
