# SPDX-License-Identifier: GPL-2.0-only
"""The names that differ between trees that have a prototype hook.

A tree of 6.12 with this series has file_operations.mmap_proto(); mainline's
own hook is file_operations.mmap_prepare(). The rules take every such name
from here, as `-D name=value`.
"""

import tables

# Member of struct vm_area_struct -> member of the prototype.
_COMMON = {
    "vm_mm": "mm",
    "vm_start": "start",
    "vm_end": "end",
    "vm_pgoff": "pgoff",
    "vm_file": "file",
    "vm_page_prot": "page_prot",
    "vm_ops": "vm_ops",
    "vm_private_data": "private_data",
}


class Dialect:
    """Names of one kind of prototype hook.

    hook    the member of struct file_operations
    struct  the structure that the hook is given
    param   the name of the hook's parameter
    suffix  what a converted function's name ends in
    fields  member of vm_area_struct -> member of the prototype
    header  the header that defines the structure, or "" if <linux/fs.h> does
    counterparts  {function: (counterpart, kind)}; see the list of that name
    """

    def __init__(self, hook, struct, param, suffix, flags, header,
                 counterparts):
        self.hook = hook
        self.struct = struct
        self.param = param
        self.suffix = suffix
        self.fields = dict(_COMMON, vm_flags=flags)
        self.header = header
        self.counterparts = counterparts

    def new_name(self, function):
        """Return the name of the hook @function after conversion."""
        other, kind = self.counterparts.get(function, ("", ""))
        return other if kind == "hook" else function + self.suffix

    def spatch_options(self):
        """Return the options that give a semantic patch these names."""
        names = {
            "proto_hook": self.hook,
            "proto_struct": self.struct,
            "proto": self.param,
            "proto_flags": self.fields["vm_flags"],
        }
        options = []
        for name, value in names.items():
            options += ["-D", f"{name}={value}"]
        return options


DIALECTS = {
    "mmap_proto": Dialect("mmap_proto", "vma_proto", "proto", "_proto",
                          "flags", "linux/vma_proto.h",
                          tables.counterparts()),
    "mmap_prepare": Dialect("mmap_prepare", "vm_area_desc", "desc", "_prepare",
                            "vm_flags", "", {}),
}
DEFAULT = "mmap_proto"


def of(name):
    """Return the Dialect called @name; raise ValueError if there is none."""
    if name not in DIALECTS:
        raise ValueError(f"There is no dialect '{name}'; choose one of "
                         f"{', '.join(sorted(DIALECTS))}.")
    return DIALECTS[name]
