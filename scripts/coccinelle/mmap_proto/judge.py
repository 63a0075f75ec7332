# SPDX-License-Identifier: GPL-2.0-only
"""Decides whether a hook may be rewritten, from what is allowed.

A hook is accepted if every use of its VMA, every call, every write (body.py)
and every use of its own name in the file is one that is known to be harmless.
Whatever is not known is refused, with the first reason met. The text is
judged, not a parse of it, so that nothing under #if or behind a macro
escapes.
"""

import re
import string

import ctext
import scan
import tidy
from body import Body, Refusal

PLAIN = "plain"
ACTION = "action"
GENERIC = "generic"
# Reasons that may be settled by a look at the other files.
ELSEWHERE = "defined in another file"
NOT_STATIC = "not static: other files may use it"


class Verdict:
    """What becomes of a hook.

    shape     "" if it is refused
    reason    why it is
    carriers  functions of the file that are given the VMA by the hook, or by
              one of these: they are given the prototype too
    """

    def __init__(self, shape, reason, carriers=()):
        self.shape = shape
        self.reason = reason
        self.carriers = sorted(carriers)

    def as_list(self):
        """Return what the Verdict can be made from again, as JSON keeps it."""
        return [self.shape, self.reason, self.carriers]


def _parameters(definition):
    """Return the names of the hook's two parameters: file and VMA."""
    match = re.match(
        r"\s*struct\s+file\s*\*\s*(\w+)\s*,"
        r"\s*struct\s+vm_area_struct\s*\*\s*(\w+)\s*$", definition.parameters)
    if not match:
        raise Refusal("parameters are not those of .mmap")
    return match.group(1), match.group(2)


def _check_comments(source, definition, names):
    """No comment of the function may speak of its parameters @names, the VMA
    last, as code, but for the lines that a kernel-doc comment has on them."""
    before = source.masked[:definition.start].rfind("}") + 1
    code = rf"@(?:{'|'.join(names)})\b|\b{names[-1]}\s*->|\bvm_flags_\w+"
    for start, end in ctext.comments(source.text):
        if not before <= start < definition.end:
            continue
        text = source.text[start:end]
        if end <= definition.start and \
                not source.code[end:definition.start].strip(
                    " \t\n*" + string.ascii_letters + "_"):
            text = tidy.without_parameters(text, names)
        if re.search(code, text):
            # Comments further up belong to something else.
            gap = source.code[end:definition.start]
            if end > definition.start or not re.search(r"[;}]", gap):
                raise Refusal("a comment speaks of its parameters")


def _check_users(source, hooks):
    """Nobody in the file calls or tests .mmap of what has these @hooks, or may
    have: an instance of struct file_operations, or a pointer to one."""
    names = {"f_op"} | {hook.instance for hook in hooks} - {""}
    names |= set(re.findall(rf"\bstruct\s+{scan.OPS}\s*\**\s*(?:const\s+)?"
                            r"(\w+)\s*[;,)=\[]", source.masked))
    users = "|".join(map(re.escape, sorted(names)))
    if re.search(rf"\b(?:{users})\s*\)?\s*(?:\[[^][]*\]\s*)?"
                 rf"(?:->|\.)\s*{scan.LIVE}\b", source.masked):
        raise Refusal("the hook of an instance is looked at")


def _check_name(source, name, definitions, hooks, dialect):
    """Every use of the hook's name is a definition or an initialiser."""
    _check_users(source, hooks)
    for hook in hooks:
        if hook.macro:
            raise Refusal(f"initialised in a macro: {hook.macro}")
        if hook.found_by != {"text", "cocci"}:
            raise Refusal("Coccinelle does not parse the initialiser")
    known = len(definitions) + len(hooks) + len(source.declarations(name)) \
        + len(source.exports(name)) + len(source.aliases(name))
    if len(source.uses(name)) != known:
        raise Refusal("its name is used elsewhere")
    for alias in (match.group(2) for match in source.aliases(name)):
        if alias != "NULL" and \
                dialect.counterparts.get(alias, ("", ""))[1] != "hook":
            raise Refusal(f"stands for another function: {alias}")
    if definitions and source.uses(dialect.new_name(name)):
        raise Refusal(f"name taken: {dialect.new_name(name)}")


def _check_instances(hooks, everything, dialect):
    """No instance may end up with both hooks."""
    for hook in hooks:
        for other in everything:
            if other.member == dialect.hook and \
                    other.instance == hook.instance:
                raise Refusal("the instance has both hooks")


def _judge(source, name, hooks, everything, dialect, shared=False):
    """Return (shape, [Body]) of hook @name; raise Refusal unless all
    definitions of it are ones that can be converted.

    @shared  the other files that name it are looked at too
    """
    if not re.match(r"[A-Za-z_]\w*$", name):
        raise Refusal("the initialiser is not a function's name")
    if any(not hook.struct for hook in hooks):
        raise Refusal("the structure's type is not known")
    _check_instances(hooks, everything, dialect)
    definitions = source.definitions(name)
    if not definitions:
        if any(hook.macro for hook in hooks):
            raise Refusal("initialised in a macro")
        if re.search(rf"#\s*define\s+{name}\b", source.masked):
            raise Refusal("its name is a macro")
        generic = dialect.counterparts.get(name, ("", ""))[1] == "hook"
        if not generic and not shared:
            raise Refusal(ELSEWHERE)
        _check_name(source, name, [], hooks, dialect)
        return GENERIC if generic else PLAIN, []
    shape = PLAIN
    bodies = []
    for definition in definitions:
        words = definition.head.split()
        if source.directive_at(definition.start):
            raise Refusal("defined in a macro")
        body = Body(source, definition, dialect, *_parameters(definition))
        body.check(name)
        if body.has_action():
            shape = ACTION
        if not definition.is_static() and not shared:
            raise Refusal(NOT_STATIC)
        if words[-1:] != ["int"]:
            raise Refusal("does not return int")
        _check_comments(source, definition, (body.file, body.vma))
        bodies.append(body)
    for theirs in _carriers(bodies).values():
        for body in theirs:
            _check_comments(source, body.definition, (body.vma,))
    _check_name(source, name, definitions, hooks, dialect)
    return shape, bodies


def _carriers(bodies):
    """Return {name: [Body]} of the carriers of a hook with @bodies."""
    found = {}
    for body in bodies:
        found.update(body.all_carriers())
    return found


def _check_carriers(source, accepted):
    """Return {hook: reason} of the hooks among @accepted, {hook: [Body]},
    that give their VMA to a function that others use as well."""
    counted = {}
    for name, bodies in accepted.items():
        for carrier, theirs in _carriers(bodies).items():
            counted[carrier] = theirs
    all_bodies = [body for bodies in [*accepted.values(), *counted.values()]
                  for body in bodies]
    shared = set()
    for carrier, bodies in counted.items():
        calls = sum(body.tokens.count(carrier) for body in all_bodies)
        if carrier in accepted or \
                len(source.uses(carrier)) != len(bodies) + calls:
            shared.add(carrier)
    refused = {}
    for name, bodies in accepted.items():
        for carrier in sorted(shared & set(_carriers(bodies))):
            refused[name] = f"gives the VMA to what others use: {carrier}"
    return refused


def judge_shared(source, name, hooks, everything, dialect):
    """Return the Verdict on what one of the files that share the hook @name
    has of it; @hooks are those of the file that @name initialises."""
    try:
        shape, bodies = _judge(source, name, hooks, everything, dialect, True)
        refused = _check_carriers(source, {name: bodies})
        if refused:
            raise Refusal(refused[name])
        return Verdict(shape, "", _carriers(bodies))
    except Refusal as refusal:
        return Verdict("", str(refusal))


def judge(source, hooks, dialect, shared=()):
    """Return {name of the hook: Verdict} for the @hooks of one file.

    @hooks are all that scan has found there; those that hold the prototype
    hook already are not judged. Those in @shared have been found good in all
    files that name them.
    """
    verdicts = {}
    accepted = {}
    names = {h.hook for h in hooks if h.member == scan.LIVE}
    names |= {name for name in shared if source.uses(name)}
    for name in sorted(names):
        mine = [h for h in hooks if h.member == scan.LIVE and h.hook == name]
        try:
            shape, accepted[name] = _judge(source, name, mine, hooks, dialect,
                                           name in shared)
            verdicts[name] = Verdict(shape, "", _carriers(accepted[name]))
        except Refusal as refusal:
            verdicts[name] = Verdict("", str(refusal))
    while True:
        # One that is refused may use a carrier of another.
        refused = _check_carriers(source, accepted)
        if not refused:
            return verdicts
        for name, reason in refused.items():
            verdicts[name] = Verdict("", reason)
            del accepted[name]
