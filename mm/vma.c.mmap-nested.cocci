// SPDX-License-Identifier: GPL-2.0-only
/// What mapped() was called for is not merged away.

// Fires: 1
@__mmap_region@
symbol described, vm_flags, vma, vmg;
@@
 static unsigned long __mmap_region(...)
 {
 <...
-!described && vm_flags != vma->vm_flags && vmg.prev
+may_merge_again(vma, vm_flags, described) && vmg.prev
 ...>
 }
