// SPDX-License-Identifier: GPL-2.0-only
From: mm/mmap.c
Function: vma_set_page_prot
Function: accountable_mapping
Function: __mmap_region
Function: mmap_region
