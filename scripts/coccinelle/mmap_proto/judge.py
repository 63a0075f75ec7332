# SPDX-License-Identifier: GPL-2.0-only
"""Decides whether a hook may be rewritten, from what is allowed.

A hook is accepted if every use of its VMA, every call, every write and every
use of its own name in the file is one that is known to be harmless. Whatever
is not known is refused, with the first reason met. The text is judged, not a
parse of it, so that nothing under #if or behind a macro escapes.
"""

import re
import string

import ctext
import locks
import scan
import tables
import tidy

# Functions that call functions are followed so far.
_DEPTH = 3
# Reasons that may be settled by a look at the other files.
ELSEWHERE = "defined in another file"
NOT_STATIC = "not static: other files may use it"
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
# No mapping has these before the hook is called.
NEVER_SET = {"VM_SEQ_READ", "VM_RAND_READ"}
_OPS_MEMBERS = re.compile(r"\s*(?:\.\s*\w+\s*=\s*&?\w+\s*(?:,\s*|$))*$")


class Refusal(Exception):
    """The hook is not converted; the text is the reason."""


class Verdict:
    """What becomes of a hook: shape is "" if it is refused for @reason."""

    def __init__(self, shape, reason):
        self.shape = shape
        self.reason = reason


_CALLS = tables.calls()
_LOCKS = tables.pairs()
_REVIEWED = set(tables.own("reviewed"))
_REMAPS = {"remap_pfn_range", "io_remap_pfn_range"}
# What writes to the memory that its first argument points to, no more.
_FILLS = {"memset", "memcpy"}


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
    # Parameters that point to a local variable of the caller.
    own = frozenset()

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
        for name, expansion in source.defines().items():
            if name in self.tokens and {self.vma, self.file} & set(
                    ctext.tokens(expansion)):
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
            if self.at(i - 1) not in (";", "{", "}", ")", "else", "") and \
                    not (self.at(i - 1) == ":" and
                         locks.is_label(self.tokens, i - 1)):
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
            if token not in (MAY_CLEAR | NEVER_SET if cleared else MAY_SET):
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
                self._check_call(i)
        for word in ("asm", "__asm__"):
            if word in self.tokens:
                raise Refusal("has inline assembly")

    def _check_call(self, i):
        """The call whose arguments begin at the `(` at @i is harmless."""
        callee = self.tokens[i - 1]
        if self.at(i - 2) in ("->", "."):
            if "->" + callee not in _CALLS:
                raise Refusal(f"calls through a pointer: {callee}")
            return
        if callee in _FLAG_CALLS or self._kind(i - 1) or callee in _LOCKS \
                or callee in _LOCKS.values():
            return
        if callee in _CALLS and (not _CALLS[callee] or _CALLS[callee]
                                 in self.tokens[i:_close(self.tokens, i)]):
            return
        arguments = self._arguments(i)
        if callee in _FILLS and self._is_own(arguments[0]):
            return
        self._check_local(callee, arguments)

    def _arguments(self, i):
        """Return the arguments between the `(` at @i and its `)`, as lists
        of tokens."""
        arguments = [[]]
        depth = 0
        for token in self.tokens[i + 1:_close(self.tokens, i)]:
            depth += token in "([{"
            depth -= token in ")]}"
            if token == "," and depth == 0:
                arguments.append([])
            else:
                arguments[-1].append(token)
        return arguments

    def _is_own(self, argument):
        """Tell whether @argument points to a local variable."""
        return (len(argument) == 2 and argument[0] == "&"
                and argument[1] in self.locals) or \
            (len(argument) == 1 and argument[0] in self.own)

    def _check_local(self, name, arguments):
        """@name must be a function of this file that changes nothing but
        what the hook has given it to fill in."""
        definitions = self.source.definitions(name)
        if not definitions or self.depth == _DEPTH or \
                name in self.source.defines():
            raise Refusal(f"calls what is not on the list: {name}")
        own = [self._is_own(argument) for argument in arguments]
        for definition in definitions:
            try:
                body = _Function(self.source, definition, self.counterparts,
                                 self.depth + 1, own)
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
        """What is assigned to, and ends at @i, is the VMA's or local."""
        root, links = i, []
        while self.at(root - 1) in ("->", "."):
            links.append(self.at(root - 1))
            root -= 2
        name = self.at(root)
        if links:
            if links[-1] == "->" and name == self.vma and len(links) == 1:
                return
            if links[-1] == "." and name in self.locals and "->" not in links:
                return
            if links[-1] == "->" and name in self.own and \
                    "->" not in links[:-1]:
                return
            raise Refusal(f"changes state: it writes {self.at(i)}")
        if name in self.locals:
            stars = i - 1
            while self.at(stars) == "*":
                stars -= 1
            if stars == i - 1 or _is_name(self.at(stars)):
                return
            if name in self.own and stars == i - 2:
                return
        raise Refusal("changes state: it writes what is not its own")

    def check_remaps(self, name):
        """What is remapped is the mapping or a part of it: it must not rely
        on being given more than that."""
        if name in _REVIEWED:
            return
        for i, token in enumerate(self.tokens):
            if token not in _REMAPS or self._kind(i) != "action":
                continue
            arguments = self._arguments(i + 1)
            if len(arguments) != 5:
                raise Refusal(f"odd arguments of {token}")
            start, size = arguments[1], arguments[3]
            if self._is_length(size):
                continue
            if size == ["PAGE_SIZE"] and \
                    start == [self.vma, "->", "vm_start"]:
                continue
            raise Refusal("may map more than was asked for")

    def _is_length(self, tokens, seen=()):
        """Tell whether @tokens are the length of the mapping."""
        length = [self.vma, "->", "vm_end", "-", self.vma, "->", "vm_start"]
        while tokens[:1] == ["("] and _close(tokens, 0) == len(tokens) - 1:
            tokens = tokens[1:-1]
        if tokens == length:
            return True
        if len(tokens) != 1 or tokens[0] not in self.locals \
                or tokens[0] in seen:
            return False
        values = []
        for i, token in enumerate(self.tokens):
            if token != tokens[0] or self.at(i - 1) in ("->", "."):
                continue
            after = self.at(i + 1)
            if after == "=":
                end = i + 2
                while self.at(end) not in (";", ",", ""):
                    end += 1
                values.append(self.tokens[i + 2:end])
            elif after in _ASSIGNMENTS | {"++", "--"} or \
                    self.at(i - 1) in ("++", "--", "&"):
                return False
        return bool(values) and all(self._is_length(v, (*seen, *tokens))
                                    for v in values)

    def check_locks(self):
        """No lock is held where memory is mapped, nor at the end."""
        held = locks.held(self.tokens, _LOCKS)
        for i, token in enumerate(self.tokens):
            if held[i] and token in self.counterparts and \
                    self._kind(i) == "action":
                raise Refusal("maps memory under a lock")
        for take, release in _LOCKS.items():
            if take in self.tokens and release not in self.tokens:
                raise Refusal(f"returns with a lock held: {take}")

    def check_ops(self):
        """The mapping has vm_ops of this file, without open and close."""
        for i, token in enumerate(self.tokens):
            if token != "vm_ops" or self.at(i + 1) != "=":
                continue
            if self.at(i + 2) != "&" or self.at(i + 4) != ";":
                raise Refusal("its vm_ops are not a named structure")
            self._check_ops_of(self.at(i + 3))

    def _check_ops_of(self, name):
        match = re.search(rf"\bstruct\s+vm_operations_struct\s+"
                          rf"(?:\w+\s+)*{re.escape(name)}\b[^;{{}}]*=\s*{{",
                          self.source.code)
        if not match:
            raise Refusal(f"its vm_ops are in another file: {name}")
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

    def __init__(self, source, definition, counterparts, depth, own):
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
        self.own = set()
        parameters = definition.parameters.split(",")
        for number, parameter in enumerate(parameters):
            name = re.findall(r"\w+", parameter)[-1:]
            self.locals |= set(name)
            if number < len(own) and own[number] and \
                    len(own) == len(parameters):
                self.own |= set(name)
        # One that points elsewhere by now.
        self.own -= {self.at(i - 1) for i, token in enumerate(self.tokens)
                     if token in _ASSIGNMENTS | {"++", "--"}
                     and self.at(i - 2) not in ("->", ".", "*")}


def _check_comments(source, definition, file, vma):
    """No comment of the function may speak of its parameters as code, but for
    the lines that a kernel-doc comment has on them."""
    before = source.masked[:definition.start].rfind("}") + 1
    code = rf"@(?:{file}|{vma})\b|\b{vma}\s*->|\bvm_flags_\w+"
    for start, end in ctext.comments(source.text):
        if not before <= start < definition.end:
            continue
        text = source.text[start:end]
        if end <= definition.start and \
                not source.code[end:definition.start].strip(
                    " \t\n*" + string.ascii_letters + "_"):
            text = tidy.without_parameters(text, (file, vma))
        if re.search(code, text):
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
    known = len(definitions) + len(hooks) + len(source.declarations(name)) \
        + len(source.exports(name)) + len(source.aliases(name))
    if len(source.uses(name)) != known:
        raise Refusal("its name is used elsewhere")
    for alias in source.aliases(name):
        if alias != "NULL" and \
                dialect.counterparts.get(alias, ("", ""))[1] != "hook":
            raise Refusal(f"stands for another function: {alias}")
    if source.uses(dialect.new_name(name)):
        raise Refusal(f"name taken: {dialect.new_name(name)}")


def _check_instances(hooks, everything, dialect):
    """No instance may end up with both hooks."""
    for hook in hooks:
        for other in everything:
            if other.member == dialect.hook and \
                    other.instance == hook.instance:
                raise Refusal("the instance has both hooks")


def _judge(source, name, hooks, everything, dialect, shared=False):
    """Return the shape of hook @name; raise Refusal unless all definitions of
    it are ones that can be converted.

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
        if dialect.counterparts.get(name, ("", ""))[1] == "hook":
            _check_name(source, name, [], hooks, dialect)
            return GENERIC
        if shared:
            _check_name(source, name, [], hooks, dialect)
            return PLAIN
        raise Refusal(ELSEWHERE)
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
        body.check_remaps(name)
        body.check_locks()
        body.check_ops()
        if body.has_action():
            shape = ACTION
        if not {"static", "STATIC"} & set(words) and not shared:
            raise Refusal(NOT_STATIC)
        if words[-1:] != ["int"]:
            raise Refusal("does not return int")
        _check_comments(source, definition, body.file, body.vma)
    _check_name(source, name, definitions, hooks, dialect)
    return shape


def judge_shared(source, name, hooks, everything, dialect):
    """Return the Verdict on what one of the files that share the hook @name
    has of it; @hooks are those of the file that @name initialises."""
    try:
        return Verdict(_judge(source, name, hooks, everything, dialect, True),
                       "")
    except Refusal as refusal:
        return Verdict("", str(refusal))


def judge(source, hooks, dialect, shared=()):
    """Return {name of the hook: Verdict} for the @hooks of one file.

    @hooks are all that scan has found there; those that hold the prototype
    hook already are not judged. Those in @shared have been found good in all
    files that name them.
    """
    verdicts = {}
    names = {h.hook for h in hooks if h.member == scan.LIVE}
    names |= {name for name in shared if source.uses(name)}
    for name in sorted(names):
        mine = [h for h in hooks if h.member == scan.LIVE and h.hook == name]
        try:
            verdicts[name] = Verdict(
                _judge(source, name, mine, hooks, dialect, name in shared),
                "")
        except Refusal as refusal:
            verdicts[name] = Verdict("", str(refusal))
    return verdicts
