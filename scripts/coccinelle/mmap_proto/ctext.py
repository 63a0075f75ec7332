# SPDX-License-Identifier: GPL-2.0-only
"""C source as text: what can be told about it without parsing all of it.

Comments, strings and preprocessor directives are masked, never removed, so
that an offset means the same place in every view of a Source.
"""

import bisect
import re

_MASKED = re.compile(
    r"//(?:[^\n\\]|\\[\s\S])*"
    r"|/\*.*?\*/"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'(?:\\.|[^'\\\n])*'",
    re.DOTALL)
_NOT_NEWLINE = re.compile(r"[^\n]")
_DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n\\]|\\[\s\S])*", re.MULTILINE)
_BRACE = re.compile(r"[{}]")
_TOKEN = re.compile(
    r"[A-Za-z_]\w*|\d[\w.]*|->|\+\+|--|<<=|>>=|[-+*/%&|^!=<>]=|&&|\|\||<<|>>"
    r"|##?|\"[^\"]*\"|'[^']*'|[^\s\\]")
_PAIRS = {"(": ")", "{": "}", "[": "]"}


def _blank(text):
    return _NOT_NEWLINE.sub(" ", text)


def _mask_one(match):
    text = match.group()
    if text[0] == "/":
        return _blank(text)
    return text[0] + _blank(text[1:-1]) + text[-1]


def mask(text):
    """Return @text with comments and the insides of literals blanked."""
    return _MASKED.sub(_mask_one, text)


def comments(text):
    """Yield (start, end) of every comment of @text."""
    for match in _MASKED.finditer(text):
        if match.group()[0] == "/":
            yield match.span()


def tokens(text):
    """Return the tokens of masked text, as strings."""
    return _TOKEN.findall(text)


def matching(text, start):
    """Return the offset of the bracket that closes the one at @start, or -1.

    Only brackets of the same kind are counted.
    """
    opening, closing = text[start], _PAIRS[text[start]]
    depth = 0
    for match in re.compile("[" + re.escape(opening + closing) + "]").finditer(
            text, start):
        depth += 1 if match.group() == opening else -1
        if depth == 0:
            return match.start()
    return -1


def enclosing_brace(text, position):
    """Return the offset of the `{` that is open at @position, or -1."""
    depth = 0
    for match in reversed(list(_BRACE.finditer(text, 0, position))):
        if match.group() == "}":
            depth += 1
        elif depth:
            depth -= 1
        else:
            return match.start()
    return -1


class Definition:
    """One definition of a function: where its parts are in the file."""

    def __init__(self, head, parameters, body, start, end):
        self.head = head                # text before the name
        self.parameters = parameters    # text between the parentheses
        self.body = body                # text between the braces, masked
        self.start = start              # offset of the name
        self.end = end                  # offset behind the closing brace

    def is_static(self):
        """Tell whether it is the file's own, by the word or by XFS's macro."""
        return bool({"static", "STATIC"} & set(self.head.split()))


def parameter_names(definition):
    """Return the names of the parameters of @definition, in order."""
    return [parameter.split("*")[-1].split()[-1]
            for parameter in definition.parameters.split(",")]


class Source:
    """The text of one C file and three masked views of it.

    text        as read
    masked      without comments and the insides of literals
    code        masked, without preprocessor directives
    directives  (start, end) of each directive in masked
    """

    def __init__(self, text):
        self.text = text
        self.masked = mask(text)
        self.directives = [m.span() for m in
                           _DIRECTIVE.finditer(self.masked)]
        self.code = _DIRECTIVE.sub(lambda m: _blank(m.group()), self.masked)
        self._newlines = [m.start() for m in re.finditer("\n", text)]

    def line(self, offset):
        """Return the line number, from 1, of @offset."""
        return bisect.bisect_left(self._newlines, offset) + 1

    def directive_at(self, offset):
        """Return (start, end) of the directive around @offset, or None."""
        i = bisect.bisect_right(self.directives, (offset, len(self.text))) - 1
        if i >= 0 and self.directives[i][1] > offset:
            return self.directives[i]
        return None

    def uses(self, name):
        """Return the offsets of identifier @name, directives included."""
        return [m.start() for m in
                re.finditer(rf"\b{re.escape(name)}\b", self.masked)]

    def defines(self):
        """Return {name: text of the expansion} of the file's own macros.

        A name defined twice has both expansions, joined.
        """
        found = {}
        for start, end in self.directives:
            match = re.match(r"\s*#\s*define\s+(\w+)", self.masked[start:end])
            if match:
                found[match.group(1)] = (found.get(match.group(1), "")
                                         + self.masked[start + match.end():end])
        return found

    def expansion(self, name, seen=()):
        """Return the set of tokens that macro @name of this file stands for,
        those of the macros in it included."""
        found = set(tokens(self.defines().get(name, "")))
        for token in found & set(self.defines()) - {name, *seen}:
            found = found | self.expansion(token, (name, *seen))
        return found

    def declarations(self, name):
        """Return (start, end) of each declaration of the mmap() hook @name,
        from its name on."""
        return [m.span() for m in re.finditer(
            rf"\b{re.escape(name)}\s*\(\s*struct\s+file\s*\*\s*\w*\s*,"
            r"\s*struct\s+vm_area_struct\s*\*\s*\w*\s*\)(?=\s*;)", self.code)
            if re.search(r"\bint\s*$", self.code[:m.start()])]

    def exports(self, name):
        """Return the offset of each export of function @name."""
        return [m.start() for m in re.finditer(
            rf"^EXPORT_SYMBOL(?:_GPL)?\s*\(\s*{re.escape(name)}\s*\)",
            self.code, re.MULTILINE)]

    def aliases(self, name):
        """Return a match for each `#define` of @name as another name: its
        groups are @name and what it stands for."""
        return list(re.finditer(
            rf"^[ \t]*#[ \t]*define[ \t]+({re.escape(name)})[ \t]+(\w+)[ \t]*$",
            self.masked, re.MULTILINE))

    def definitions(self, name):
        """Return every Definition of function @name, of all #if branches."""
        found = []
        for match in re.finditer(rf"\b{re.escape(name)}\s*\(", self.code):
            opening = match.end() - 1
            closing = matching(self.code, opening)
            if closing < 0:
                continue
            brace = re.compile(r"\s*(?:__\w+(?:\([^()]*\))?\s*)*\{").match(
                self.code, closing + 1)
            if not brace:
                continue
            end = matching(self.code, brace.end() - 1)
            if end < 0:
                end = len(self.code) - 1
            head = re.split(r"[;{}]", self.code[:match.start()])[-1]
            # A macro that begins a loop has a block behind it, too.
            if not re.search(r"\w[\s*]*$", head) or \
                    re.search(r"\b(?:else|do)\s*$", head):
                continue
            found.append(Definition(
                head, self.code[opening + 1:closing],
                self.masked[brace.end():end], match.start(), end + 1))
        return found
