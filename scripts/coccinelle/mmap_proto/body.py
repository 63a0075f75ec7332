# SPDX-License-Identifier: GPL-2.0-only
"""Judges the body of a function: a hook, one that a hook gives its VMA to,
or one that it merely calls."""

import re

import ctext
import locks
import tables

# Functions that call functions are followed so far.
_DEPTH = 3

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
_OPS_DEFINED = re.compile(
    r"\bstruct\s+vm_operations_struct\s+(?:\w+\s+)*\w+\b[^;{}=]*=\s*{")


class Refusal(Exception):
    """The hook is not converted; the text is the reason."""


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


class Body:
    """The body of a function that is given a VMA, as tokens, and the checks
    on it.

    carriers  functions of the file that are given the VMA in turn: their
              Body, for each definition
    """

    depth = 0
    # Parameters that point to a local variable of the caller.
    own = frozenset()

    def __init__(self, source, definition, dialect, file, vma, level=0):
        """
        @file   name of the hook's parameter that is the file; "" if the
                function is no hook
        @vma    name of the parameter that is the VMA
        @level  of how many carriers this is called
        """
        self.source = source
        self.definition = definition
        self.file, self.vma = file, vma
        self.dialect = dialect
        self.level = level
        self.carriers = {}
        self.counterparts = dialect.counterparts
        if "#" in definition.body and re.search(r"^\s*#", definition.body,
                                                re.MULTILINE):
            raise Refusal("#if in the body")
        self.tokens = ctext.tokens(definition.body)
        if dialect.param in self.tokens:
            raise Refusal(f"name taken: {dialect.param}")
        for name in source.defines():
            if name in self.tokens and {self.vma, self.file or self.vma} & \
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
        if kind == "action2" and [self.vma] == \
                (self._arguments(callee + 1) + [[]])[1] and \
                self.vma not in self._arguments(callee + 1)[0]:
            return
        if kind == "hook" and arguments == [self.file, ",", self.vma, ")"]:
            return
        if self.tokens[callee] == ")" or self.at(callee - 1) in ("->", "."):
            raise Refusal("dispatches the VMA through a pointer")
        self._check_carrier(self.tokens[callee], self._arguments(callee + 1))

    def _check_carrier(self, name, arguments):
        """@name must be a function of this file that can be given the
        prototype as the hook is."""
        places = [number for number, argument in enumerate(arguments)
                  if argument == [self.vma]]
        definitions = self.source.definitions(name)
        if len(places) != 1 or not definitions or self.level == _DEPTH or \
                name in self.counterparts or name in self.source.defines():
            raise Refusal(f"takes the VMA elsewhere: {name}")
        self.carriers[name] = bodies = []
        for definition in definitions:
            try:
                bodies.append(self._carrier(definition, places[0]))
                bodies[-1].check(name)
            except Refusal as refusal:
                raise Refusal(f"gives the VMA to a function: {name}, which "
                              f"{refusal}") \
                    from refusal

    def _carrier(self, definition, place):
        """Return the Body of a carrier whose parameter @place is the VMA."""
        if "static" not in definition.head.split():
            raise Refusal("is not static")
        parameters = definition.parameters.split(",")
        taken = [number for number, parameter in enumerate(parameters)
                 if "vm_area_struct" in parameter]
        if taken != [place] or not re.match(
                r"\s*struct\s+vm_area_struct\s*\*\s*\w+\s*$",
                parameters[place]):
            raise Refusal("has other parameters")
        if re.search(rf"\b{self.dialect.param}\b", definition.parameters):
            raise Refusal(f"has a parameter {self.dialect.param}")
        body = Body(self.source, definition, self.dialect, "",
                    ctext.parameter_names(definition)[place], self.level + 1)
        body.locals |= set(ctext.parameter_names(definition)) - {body.vma}
        return body

    def check(self, name):
        """Raise Refusal unless @name only describes."""
        self.check_vma()
        self.check_calls()
        self.check_writes()
        self.check_actions()
        self.check_remaps(name)
        self.check_locks()
        self.check_ops()

    def all_carriers(self):
        """Return {name: [Body]} of the carriers, and of theirs."""
        found = dict(self.carriers)
        for bodies in self.carriers.values():
            for body in bodies:
                found.update(body.all_carriers())
        return found

    def _kind(self, i):
        """Return the kind of counterpart that the callee at @i has, or ""."""
        if self.at(i - 1) in ("->", ".") or self.at(i) in self.locals:
            return ""
        if self.at(i) in self.carriers:
            return "action" if any(body.has_action() for body
                                   in self.carriers[self.at(i)]) else "query"
        return self.counterparts.get(self.at(i), ("", ""))[1]

    def has_action(self):
        """Tell whether the hook maps memory."""
        return self._first_action() < len(self.tokens)

    def _first_action(self):
        return next((i for i, token in enumerate(self.tokens)
                     if self._kind(i).startswith("action")), len(self.tokens))

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
            if self._kind(i).startswith("action") and any(
                    self._is_on_stack(argument)
                    for argument in self._arguments(i + 1)):
                raise Refusal("memory is mapped from a variable of its own")
            if i > first and self.tokens[i] in self.carriers and any(
                    body.describes() for body
                    in self.carriers[self.tokens[i]]):
                raise Refusal(f"calls {self.tokens[i]} after memory is mapped")

    def _assigned(self, i):
        """Return what the variable at @i is assigned, by the `=` behind it,
        up to the first comma."""
        end = i + 2
        while self.at(end) not in (";", ",", ""):
            end += 1
        return self.tokens[i + 2:end]

    def _is_on_stack(self, tokens, seen=()):
        """Tell whether @tokens may point to a local variable: a request keeps
        the pointer for longer than that lives."""
        if tokens[:1] == ["&"]:
            return tokens[1:2] != [] and tokens[1] in self.locals and \
                "->" not in tokens
        if tokens[:1] == ["("] and _close(tokens, 0) == len(tokens) - 1:
            return self._is_on_stack(tokens[1:-1], seen)
        name = tokens[0] if tokens else ""
        if name not in self.locals or name in seen or \
                not set(tokens[1:2]) <= {"+", "-"}:
            return False
        for i, token in enumerate(self.tokens):
            if token != name or self.at(i - 1) in ("->", "."):
                continue
            if self.at(i + 1) == "[" and (self.at(i - 1) == "*"
                                          or _is_name(self.at(i - 1))):
                return True     # declared as an array
            if self.at(i + 1) == "=":
                if self._is_on_stack(self._assigned(i), (*seen, name)):
                    return True
        return False

    def describes(self):
        """Tell whether it changes more than the memory that is mapped."""
        return bool(_FLAG_CALLS & set(self.tokens)) or any(
            token == self.vma and self.at(i + 1) == "->"
            and self.at(i + 3) in _ASSIGNMENTS
            for i, token in enumerate(self.tokens)) or any(
                body.describes() for bodies in self.carriers.values()
                for body in bodies)

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
        arguments = self._arguments(i)
        if callee in _CALLS and (not _CALLS[callee] or _CALLS[callee]
                                 in self.tokens[i:_close(self.tokens, i)]):
            self._check_redefined(callee, arguments)
            return
        if callee in _FILLS and self._is_own(arguments[0]):
            return
        self._check_local(callee, arguments)

    def _check_redefined(self, name, arguments):
        """@name is harmless; what this file makes of it must be, too."""
        if self.source.definitions(name):
            self._check_local(name, arguments)
        if (_ASSIGNMENTS | {"++", "--"}) & self.source.expansion(name):
            raise Refusal(f"a macro changes something: {name}")

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
                raise Refusal(f"calls a function of its own: {name}, which "
                              f"{refusal}") from refusal

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
            if self._is_length(size) and "+" not in start:
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
                values.append(self._assigned(i))
            elif after in _ASSIGNMENTS | {"++", "--"} or \
                    self.at(i - 1) in ("++", "--", "&"):
                return False
        return bool(values) and all(self._is_length(v, (*seen, *tokens))
                                    for v in values)

    def check_locks(self):
        """No lock is held where memory is mapped, nor at the end."""
        held = locks.held(self.tokens, _LOCKS)
        for i, token in enumerate(self.tokens):
            if held[i] and self._kind(i).startswith("action"):
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


class _Function(Body):
    """A function that a hook calls; it has no VMA."""

    def __init__(self, source, definition, counterparts, depth, own):
        # pylint: disable=super-init-not-called
        self.source = source
        self.file = self.vma = ""
        self.counterparts = counterparts
        self.carriers = {}
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
