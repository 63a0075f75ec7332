#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Lines that a conversion makes too long are broken where people break them,
and commits have the prefixes that the kernel's have."""

import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
TOOL = os.path.dirname(HERE)
sys.path.insert(0, os.path.join(TOOL, "..", "..", "overlay"))
sys.path.insert(0, TOOL)

import report  # noqa: E402
import tables  # noqa: E402
import tap  # noqa: E402
import tidy  # noqa: E402

LONG = "a_name_of_some_length"


class Wrap(unittest.TestCase):
    def check(self, line, *lines):
        self.assertEqual(tidy.wrap_new_lines("", line), "\n".join(lines))
        for part in lines:
            self.assertLessEqual(len(part.expandtabs(8)), 80)

    def test_comparison(self):
        """a comparison is broken before the arithmetic in it"""
        self.check(f"\tif (proto->pgoff + vma_proto_pages(proto) > "
                   f"{LONG}->size >> PAGE_SHIFT)",
                   "\tif (proto->pgoff + vma_proto_pages(proto) >",
                   f"\t    {LONG}->size >> PAGE_SHIFT)")

    def test_inner_comma(self):
        """a comparison is broken before the arguments of a call in it"""
        self.check(f"\tif (offset_of({LONG}, proto->pgoff) > "
                   "proto->end - proto->start)",
                   f"\tif (offset_of({LONG}, proto->pgoff) >",
                   "\t    proto->end - proto->start)")

    def test_joined(self):
        """what joins two comparisons is broken before these"""
        self.check(f"\tif ({LONG} > vma_proto_pages(proto) || "
                   f"proto->pgoff != {LONG})",
                   f"\tif ({LONG} > vma_proto_pages(proto) ||",
                   f"\t    proto->pgoff != {LONG})")

    def test_call(self):
        """arguments are aligned with the first"""
        self.check(f"\treturn vma_proto_iomap_memory(proto, {LONG}->base, "
                   f"{LONG}->size);",
                   f"\treturn vma_proto_iomap_memory(proto, {LONG}->base,",
                   f"\t\t\t\t      {LONG}->size);")

    def test_shift(self):
        """without anything better, arithmetic is broken"""
        self.check(f"\tunsigned long pages = ({LONG}->first_size + "
                   f"{LONG}->last_size);",
                   f"\tunsigned long pages = ({LONG}->first_size +",
                   f"\t\t\t       {LONG}->last_size);")


class Subsystem(unittest.TestCase):
    PREFIXES = {
        "arch/arc/kernel/arc_hostlink.c": "ARC",
        "arch/um/drivers/mmapper_kern.c": "um",
        "block/fops.c": "block",
        "drivers/char/hpet.c": "hpet",
        "drivers/gpu/drm/drm_gem.c": "drm",
        "drivers/gpu/drm/i915/i915_driver.c": "drm/i915",
        "drivers/soc/aspeed/aspeed-lpc-ctrl.c": "soc: aspeed",
        "drivers/soc/qcom/rmtfs_mem.c": "soc: qcom",
        "drivers/tee/tee_shm.c": "tee",
        "fs/aio.c": "aio",
        "fs/hfs/inode.c": "hfs",
        "fs/nfs/file.c": "NFS",
        "fs/nfs/nfs4file.c": "NFS",
        "fs/read_write.c": "fs",
        "mm/shmem.c": "mm",
        "security/selinux/selinuxfs.c": "selinux",
        "sound/core/init.c": "ALSA",
    }

    def test_prefixes(self):
        """the longest path of the table that fits counts, or the folder"""
        table = report._subsystems()
        for path, prefix in self.PREFIXES.items():
            self.assertEqual(report.subsystem(path, table), prefix, path)

    def test_table(self):
        """the table is in order, and names nothing twice"""
        paths = [line.split()[0] for line in tables.own("subsystems")]
        self.assertEqual(paths, sorted(set(paths)))


if __name__ == "__main__":
    tap.main()
