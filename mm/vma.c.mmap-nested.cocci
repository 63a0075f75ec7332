// SPDX-License-Identifier: GPL-2.0-only
/// A VMA that must be closed, or is of another file, is not merged away.

// Fires: 1
@__mmap_region@
symbol described, vm_flags, vma, vmg;
@@
 static unsigned long __mmap_region(...)
 {
 <...
-!described && vm_flags != vma->vm_flags && vmg.prev
+may_merge_again(&vmg, vma, described)
 ...>
 }
