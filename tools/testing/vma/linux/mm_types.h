/* SPDX-License-Identifier: GPL-2.0-only */
/* The types that the kernel's <linux/mm_types.h> has come from vma_internal.h. */
