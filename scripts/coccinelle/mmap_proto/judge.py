# SPDX-License-Identifier: GPL-2.0-only
"""Decides whether a hook may be rewritten, from what is allowed.

A hook is accepted if every use of its VMA, every call, every write and every
use of its own name in the file is one that is known to be harmless. Whatever
is not known is refused, with the first reason met. The text is judged, not a
parse of it, so that nothing under #if or behind a macro escapes.
"""

import re

import ctext
import scan
import tables

# Functions that call functions are followed so far.
_DEPTH = 3
PLAIN = "plain"
ACTION = "action"
GENERIC = "generic"

_KEYWORDS = set("""
    if else while for do switch case default return goto break continue sizeof
    """.split())
_TYPE_WORDS = set("""
    const struct union enum unsigned signed long int short char void bool u8
    u16 u32 u64 s8 s16 s32 s64 size_t ssize_t loff_t pgoff_t pgprot_t
    phys_addr_t dma_addr_t resource_size_t vm_flags_t uintptr_t __iomem __user
    """.split())
_ASSIGNMENTS = {"=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<=",
                ">>="}
_FLAG_CALLS = {"vm_flags_set", "vm_flags_clear", "vm_flags_mod",
               "vm_flags_reset", "vm_flags_init"}
_READABLE = {"vm_start", "vm_end", "vm_pgoff", "vm_flags", "vm_page_prot",
             "vm_mm", "vm_file"}
_WRITABLE = {"vm_pgoff", "vm_page_prot", "vm_ops", "vm_private_data"}
# Of the flags that a hook may set, those that hold for every mapping, and
# that are not accounted for: mm/vma_proto.c knows more.
MAY_SET = {"VM_IO", "VM_PFNMAP", "VM_MIXEDMAP", "VM_DONTCOPY", "VM_DONTEXPAND",
           "VM_DONTDUMP", "VM_HUGEPAGE", "VM_NOHUGEPAGE", "VM_SEQ_READ",
           "VM_RAND_READ", "VM_ALLOW_ANY_UNCACHED"}
# And of those that it may take away.
MAY_CLEAR = {"VM_MAYREAD", "VM_MAYWRITE", "VM_MAYEXEC", "VM_WRITE", "VM_EXEC"}
_OPS_MEMBERS = re.compile(r"\s*(?:\.\s*\w+\s*=\s*&?\w+\s*(?:,\s*|$))*$")
_OPS_DEFINED = re.compile(
    r"\bstruct\s+vm_operations_struct\s+(?:\w+\s+)*\w+\b[^;{}=]*=\s*{")


class Refusal(Exception):
    """The hook is not converted; the text is the reason."""


class Verdict:
    """What becomes of a hook: shape is "" if it is refused for @reason."""

    def __init__(self, shape, reason):
        self.shape = shape
        self.reason = reason


_calls = None


def _allowed_calls():
    global _calls
    if _calls is None:
        _calls = set(tables.own("calls"))
    return _calls


def _is_name(token):
    return bool(re.match(r"[A-Za-z_]\w*$", token)) and token not in _KEYWORDS


def _close(tokens, start):
    """Return the index of the `)` that closes the `(` at @start."""
    depth = 0
    for i in range(start, len(tokens)):
        if tokens[i] == "(":
            depth += 1
        elif tokens[i] == ")":
            depth -= 1
            if depth == 0:
                return i
    return len(tokens) - 1


def _caller(tokens, position):
    """Return the index of the callee's last token of the call around
    @position, or -1 if it is in no call's arguments."""
    depth = 0
    for i in range(position - 1, -1, -1):
        if tokens[i] == ")":
            depth += 1
        elif tokens[i] == "(":
            if depth:
                depth -= 1
            elif i and (_is_name(tokens[i - 1]) or tokens[i - 1] == ")"):
                return i - 1
        elif tokens[i] in ";{}" and not depth:
            return -1
    return -1


def _parameters(definition):
    """Return the names of the hook's two parameters: file and VMA."""
    match = re.match(
        r"\s*struct\s+file\s*\*\s*(\w+)\s*,"
        r"\s*struct\s+vm_area_struct\s*\*\s*(\w+)\s*$", definition.parameters)
    if not match:
        raise Refusal("parameters are not those of .mmap")
    return match.group(1), match.group(2)


def _locals(tokens):
    """Return the names that the body declares."""
    names = set()
    start = 0
    for i, token in enumerate(tokens + [";"]):
        if token not in (";", "{", "}"):
            continue
        names |= _declared(tokens[start:i])
        start = i + 1
    return names


def _declared(statement):
    """Return the names declared by @statement; none if it declares nothing."""
    i = 0
    words = 0
    while i < len(statement) and (_is_name(statement[i])
                                  or statement[i] == "*"):
        words += statement[i] != "*"
        i += 1
    if words < 2 or statement[0] in _KEYWORDS or statement[0] == "*":
        return set()
    if i < len(statement) and statement[i] not in ("=", ",", "["):
        return set()
    if "static" in statement[:i]:
        raise Refusal("changes state: it has a static variable")
    if "extern" in statement[:i]:
        raise Refusal("changes state: it declares a variable of another place")
    names = {statement[i - 1]}
    depth = 0
    for k in range(i, len(statement)):
        depth += statement[k] in "([{"
        depth -= statement[k] in ")]}"
        if statement[k] == "," and depth == 0:
            follow = k + 1
            while follow < len(statement) and statement[follow] == "*":
                follow += 1
            if follow < len(statement):
                names.add(statement[follow])
    return names


class _Body:
    """One definition's body as tokens, and the checks on it."""

    depth = 0

    def __init__(self, source, definition, dialect):
        self.source = source
        self.file, self.vma = _parameters(definition)
        self.counterparts = dialect.counterparts
        if "#" in definition.body and re.search(r"^\s*#", definition.body,
                                                re.MULTILINE):
            raise Refusal("#if in the body")
        self.tokens = ctext.tokens(definition.body)
        if dialect.param in self.tokens:
            raise Refusal(f"name taken: {dialect.param}")
        for name in source.defines():
            if name in self.tokens and {self.vma, self.file} & \
                    source.expansion(name):
                raise Refusal(f"a macro hides a parameter: {name}")
        self.locals = _locals(self.tokens)
        if {self.file, self.vma} & self.locals:
            raise Refusal("a local variable hides a parameter")

    def at(self, i):
        """Return token @i, or "" where there is none."""
        return self.tokens[i] if 0 <= i < len(self.tokens) else ""

    def check_vma(self):
        """Every use of the VMA is a known member or a flags helper's."""
        for i, token in enumerate(self.tokens):
            if token != self.vma:
                continue
            if self.at(i - 1) in ("->", "."):
                continue        # a member of something else, of this name
            if self.at(i + 1) == "->":
                self._check_member(i)
            elif (self.at(i - 1) == "(" and self.at(i + 1) == ","
                  and self.at(i - 2) in _FLAG_CALLS):
                self._check_flags(i)
            else:
                self._check_helper(i)

    def _check_helper(self, i):
        """The VMA at @i must be given to a function with a counterpart."""
        callee = _caller(self.tokens, i)
        if callee < 0:
            raise Refusal("uses the VMA as a value")
        kind = self._kind(callee)
        arguments = self.tokens[callee + 2:i + 2]
        if kind in ("query", "action") and \
                arguments[:-1] == [self.vma] and arguments[-1] in (",", ")"):
            return
        if kind == "hook" and arguments == [self.file, ",", self.vma, ")"]:
            return
        if self.tokens[callee] == ")" or self.at(callee - 1) in ("->", "."):
            raise Refusal("dispatches the VMA through a pointer")
        raise Refusal(f"takes the VMA elsewhere: {self.tokens[callee]}")

    def _kind(self, i):
        """Return the kind of counterpart that the callee at @i has, or ""."""
        if self.at(i - 1) in ("->", ".") or self.at(i) in self.locals:
            return ""
        return self.counterparts.get(self.at(i), ("", ""))[1]

    def has_action(self):
        """Tell whether the hook maps memory."""
        return self._first_action() < len(self.tokens)

    def _first_action(self):
        return next((i for i, token in enumerate(self.tokens)
                     if token in self.counterparts
                     and self._kind(i) == "action"), len(self.tokens))

    def check_actions(self):
        """What memory is mapped with does not change after that."""
        first = self._first_action()
        for i in range(first, len(self.tokens)):
            if self.tokens[i] == self.vma and self.at(i + 1) == "->" and \
                    self.at(i + 2) in ("vm_page_prot", "vm_pgoff") and \
                    self.at(i + 3) in _ASSIGNMENTS:
                raise Refusal("changes the VMA's " + self.at(i + 2)
                              + " after memory is mapped")
            if self.tokens[i] in _FLAG_CALLS - {"vm_flags_set"}:
                raise Refusal("takes flags away after memory is mapped")

    def _check_member(self, i):
        member = self.at(i + 2)
        after = self.at(i + 3)
        if self.at(i - 1) == "&" and not (_is_name(self.at(i - 2))
                                          or self.at(i - 2) in (")", "]")
                                          or self.at(i - 2)[:1].isdigit()):
            raise Refusal(f"takes the address of the VMA's {member}")
        if member == "vm_file" and after in _ASSIGNMENTS:
            raise Refusal("replaces the file")
        if member not in _READABLE | _WRITABLE:
            raise Refusal(f"uses a member without counterpart: {member}")
        if after in ("++", "--") or self.at(i - 1) in ("++", "--"):
            raise Refusal(f"writes the VMA's {member}")
        if after in _ASSIGNMENTS:
            if member not in _WRITABLE:
                raise Refusal(f"writes the VMA's {member}")
            if self.at(i - 1) not in (";", "{", "}", ")", "else", ""):
                raise Refusal("an assignment is not a statement of its own")
        elif member not in _READABLE:
            raise Refusal(f"reads the VMA's {member}")
        elif after == ".":
            raise Refusal(f"looks into the VMA's {member}")

    def _check_flags(self, i):
        before, end = self.at(i - 3), _close(self.tokens, i - 1)
        if before not in (";", "{", "}", ")", "else", "") or \
                self.at(end + 1) != ";":
            raise Refusal("a flags helper is not a statement of its own")
        helper = self.at(i - 2)
        argument = 0
        depth = 0
        if helper in ("vm_flags_reset", "vm_flags_init") and \
                "vm_flags" not in self.tokens[i:end]:
            raise Refusal("replaces all flags of the VMA")
        for token in self.tokens[i + 2:end]:
            depth += token in "([{"
            depth -= token in ")]}"
            argument += token == "," and depth == 0
            cleared = helper == "vm_flags_clear" or (
                helper == "vm_flags_mod" and argument == 1)
            if not _is_name(token) or token == self.vma or \
                    token in _READABLE:
                continue
            if not token.startswith("VM_"):
                raise Refusal(f"changes flags that are not named: {token}")
            if token not in (MAY_CLEAR if cleared else MAY_SET):
                raise Refusal(f"changes a flag that is the core's: {token}")

    def check_calls(self):
        """Every call is of a function that changes nothing."""
        for i, token in enumerate(self.tokens):
            if token != "(" or i == 0:
                continue
            callee = self.tokens[i - 1]
            if self.at(i + 1) == "{":
                raise Refusal("has a statement in an expression")
            if callee in (")", "]"):
                self._check_cast(i)
            elif _is_name(callee):
                if self.at(i - 2) in ("->", "."):
                    raise Refusal(f"calls through a pointer: {callee}")
                if callee in _allowed_calls():
                    self._check_redefined(callee)
                elif callee not in _FLAG_CALLS and not self._kind(i - 1):
                    self._check_local(callee)
        for word in ("asm", "__asm__"):
            if word in self.tokens:
                raise Refusal("has inline assembly")

    def _check_redefined(self, name):
        """@name is harmless; what this file makes of it must be, too."""
        if self.source.definitions(name):
            self._check_local(name)
        if (_ASSIGNMENTS | {"++", "--"}) & self.source.expansion(name):
            raise Refusal(f"a macro changes something: {name}")

    def _check_local(self, name):
        """@name must be a function of this file that changes nothing."""
        definitions = self.source.definitions(name)
        if not definitions or self.depth == _DEPTH or \
                name in self.source.defines():
            raise Refusal(f"calls what is not on the list: {name}")
        for definition in definitions:
            try:
                body = _Function(self.source, definition, self.counterparts,
                                 self.depth + 1)
                body.check_calls()
                body.check_writes()
            except Refusal as refusal:
                raise Refusal(f"calls {name}, which {refusal}") from refusal

    def _check_cast(self, i):
        """What stands before the `(` at @i, a `)`, must end a type's name or
        the condition of a statement."""
        depth = 0
        for k in range(i - 1, -1, -1):
            depth += self.tokens[k] == ")"
            depth -= self.tokens[k] == "("
            if depth == 0:
                break
        group = self.tokens[k + 1:i - 1]
        if group and group[0] in _TYPE_WORDS and all(
                _is_name(t) or t == "*" for t in group):
            return
        raise Refusal("calls through a pointer")

    def check_writes(self):
        """Only local variables and the VMA are written."""
        for i, token in enumerate(self.tokens):
            if token in _ASSIGNMENTS:
                self._check_target(i - 1)
            elif token in ("++", "--"):
                after = _is_name(self.at(i + 1))
                name = self.at(i + 1 if after else i - 1)
                beside = self.at(i + 2 if after else i - 2)
                if name not in self.locals or beside in ("->", ".", "[", "*"):
                    raise Refusal("changes state: it counts something")
            elif (_is_name(token) and self.at(i + 1) == ";"
                  and self.at(i - 1) in (";", "{", "}", "")):
                raise Refusal(f"a statement that is a macro: {token}")

    def _check_target(self, i):
        name = self.at(i)
        if self.at(i - 1) in ("->", "."):
            if self.at(i - 2) == self.vma and \
                    self.at(i - 3) not in ("->", ".", "*"):
                return
            raise Refusal(f"changes state: it writes {name}")
        if name in self.locals:
            stars = i - 1
            while self.at(stars) == "*":
                stars -= 1
            if stars == i - 1 or _is_name(self.at(stars)):
                return
        raise Refusal("changes state: it writes what is not its own")

    def check_ops(self):
        """The mapping has vm_ops of this file, without open and close."""
        for i, token in enumerate(self.tokens):
            if token != "vm_ops" or self.at(i + 1) != "=":
                continue
            if self.at(i + 2) != "&" or self.at(i + 4) != ";":
                raise Refusal("its vm_ops are not a named structure")
            self._check_ops_of(self.at(i + 3))

    def _check_ops_of(self, name):
        found = list(re.finditer(
            rf"\bstruct\s+vm_operations_struct\s+(?:\w+\s+)*"
            rf"{re.escape(name)}\b[^;{{}}]*=\s*{{", self.source.code))
        if not found:
            raise Refusal(f"its vm_ops are in another file: {name}")
        if re.search(rf"\b{re.escape(name)}\s*(?:\.\s*\w+\s*)?=(?!=)",
                     _OPS_DEFINED.sub("", self.source.code)):
            raise Refusal(f"its vm_ops change: {name}")
        for match in found:
            end = ctext.matching(self.source.code, match.end() - 1)
            text = self.source.code[match.end():end]
            if not _OPS_MEMBERS.match(text):
                raise Refusal(f"its vm_ops are not spelt out: {name}")
            members = re.findall(r"\.\s*(\w+)\s*=", text)
            for member in ("open", "close"):
                if member in members:
                    raise Refusal(f"its vm_ops count mappings: {member}")


class _Function(_Body):
    """A function that a hook calls; it has no VMA."""

    def __init__(self, source, definition, counterparts, depth):
        # pylint: disable=super-init-not-called
        self.source = source
        self.file = self.vma = ""
        self.counterparts = counterparts
        self.depth = depth
        if re.search(r"^\s*#", definition.body, re.MULTILINE):
            raise Refusal("has #if in its body")
        if "vm_area_struct" in definition.parameters:
            raise Refusal("is given a VMA")
        self.tokens = ctext.tokens(definition.body)
        self.locals = _locals(self.tokens)
        for parameter in definition.parameters.split(","):
            words = re.findall(r"\w+", parameter)
            self.locals |= set(words[-1:])


def _check_comments(source, definition, file, vma):
    """No comment of the function may speak of its parameters as code."""
    before = source.masked[:definition.start].rfind("}") + 1
    code = rf"@(?:{file}|{vma})\b|\b{vma}\s*->|\bvm_flags_\w+"
    for start, end in ctext.comments(source.text):
        if before <= start < definition.end and \
                re.search(code, source.text[start:end]):
            # Comments further up belong to something else.
            gap = source.code[end:definition.start]
            if end > definition.start or not re.search(r"[;}]", gap):
                raise Refusal("a comment speaks of its parameters")


def _check_name(source, name, definitions, hooks, dialect):
    """Every use of the hook's name is a definition or an initialiser."""
    for hook in hooks:
        if hook.macro:
            raise Refusal(f"initialised in a macro: {hook.macro}")
        if hook.found_by != {"text", "cocci"}:
            raise Refusal("Coccinelle does not parse the initialiser")
        instance = re.escape(hook.instance or "f_op")
        if re.search(rf"\b(?:f_op|{instance})\s*\)?\s*(?:\[[^][]*\]\s*)?"
                     rf"(?:->|\.)\s*{scan.LIVE}\b", source.masked):
            raise Refusal("the hook of an instance is looked at")
    if len(source.uses(name)) != len(definitions) + len(hooks):
        raise Refusal("its name is used elsewhere")
    if source.uses(dialect.new_name(name)):
        raise Refusal(f"name taken: {dialect.new_name(name)}")


def _check_instances(hooks, everything, dialect):
    """No instance may end up with both hooks."""
    for hook in hooks:
        for other in everything:
            if other.member == dialect.hook and \
                    other.instance == hook.instance:
                raise Refusal("the instance has both hooks")


def _judge(source, name, hooks, everything, dialect):
    """Return the shape of hook @name; raise Refusal unless all definitions of
    it are ones that can be converted."""
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
        if dialect.counterparts.get(name, ("", ""))[1] == "hook":
            _check_name(source, name, [], hooks, dialect)
            return GENERIC
        raise Refusal("defined in another file")
    shape = PLAIN
    for definition in definitions:
        words = definition.head.split()
        if source.directive_at(definition.start):
            raise Refusal("defined in a macro")
        body = _Body(source, definition, dialect)
        body.check_vma()
        body.check_calls()
        body.check_writes()
        body.check_actions()
        body.check_ops()
        if body.has_action():
            shape = ACTION
        if "static" not in words:
            raise Refusal("not static: other files may use it")
        if words[-1:] != ["int"]:
            raise Refusal("does not return int")
        _check_comments(source, definition, body.file, body.vma)
    _check_name(source, name, definitions, hooks, dialect)
    return shape


def judge(source, hooks, dialect):
    """Return {name of the hook: Verdict} for the @hooks of one file.

    @hooks are all that scan has found there; those that hold the prototype
    hook already are not judged.
    """
    verdicts = {}
    for name in sorted({h.hook for h in hooks if h.member == scan.LIVE}):
        mine = [h for h in hooks if h.member == scan.LIVE and h.hook == name]
        try:
            verdicts[name] = Verdict(
                _judge(source, name, mine, hooks, dialect), "")
        except Refusal as refusal:
            verdicts[name] = Verdict("", str(refusal))
    return verdicts
