// SPDX-License-Identifier: GPL-2.0-only
/// An alloc has a VMA or not: it does not say which.

// Fires: 1
@selftest@
expression alloc;
@@
-alloc->vma
+alloc->has_vma
