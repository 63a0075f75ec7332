// SPDX-License-Identifier: GPL-2.0-only
/// Old memory is asked for, in a prototype.

// Fires: 1
@remap_oldmem_pfn_range_decl@
identifier vma, from, pfn, size, prot;
@@
-extern int remap_oldmem_pfn_range(struct vm_area_struct *vma,
-				  unsigned long from, unsigned long pfn,
-				  unsigned long size, pgprot_t prot);
