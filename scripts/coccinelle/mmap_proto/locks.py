# SPDX-License-Identifier: GPL-2.0-only
"""Tells where in a function's body a lock may be held."""

_LEAVES = ("return", "goto", "break", "continue")
_ENDS = (";", "{", "}")


def _statement(tokens, end):
    """Return the statement, or what is left of it, in front of @end."""
    start = end
    while start > 0 and tokens[start - 1] not in _ENDS:
        start -= 1
    return tokens[start:end]


def is_label(tokens, i):
    """Tell whether the `:` at @i ends a label, `case` and `default` too."""
    words = _statement(tokens, i)
    while ":" in words:
        words = words[words.index(":") + 1:]
    return words[:1] in (["case"], ["default"]) or (
        len(words) == 1 and words[0].isidentifier())


def held(tokens, pairs):
    """Return a list that says for each of the @tokens of a body whether a
    lock may be held where it stands.

    @pairs  {function that takes a lock: the one that releases it}

    A release counts if it is a statement of its own block that is always
    reached. Behind a block a lock may be held if it may be so before it or at
    its end, unless its last statement leaves it; behind a label, whenever the
    body takes one.
    """
    releases = set(pairs.values())
    taken = any(token in pairs for token in tokens)
    state = False
    blocks = []
    result = []
    for i, token in enumerate(tokens):
        called = tokens[i + 1:i + 2] == ["("]
        if token == "{":
            blocks.append(state)
        elif token == "}" and blocks:
            before = blocks.pop()
            last = _statement(tokens, i - 1) if tokens[i - 1] == ";" else []
            state = before if last[:1] and last[0] in _LEAVES \
                else state or before
        elif token in pairs and called:
            state = True
        elif token in releases and called and \
                (i == 0 or tokens[i - 1] in _ENDS or
                 tokens[i - 1] == ":" and is_label(tokens, i - 1)):
            state = False
        elif token == ":" and taken and is_label(tokens, i):
            state = True
        result.append(state)
    return result
