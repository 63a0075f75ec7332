// SPDX-License-Identifier: GPL-2.0-only
/// An alloc has a VMA or not: which it is, an address in it tells.

// Fires: 1
@new_buf@
expression alloc;
@@
-!binder_alloc_get_vma(alloc)
+!binder_alloc_has_vma(alloc)

// Fires: 1
@print_pages@
expression alloc;
@@
-binder_alloc_get_vma(alloc) != NULL
+binder_alloc_has_vma(alloc)

// Fires: 1
@free_page@
expression alloc;
identifier vma;
@@
-vma && vma != binder_alloc_get_vma(alloc)
+vma && !binder_alloc_has_vma(alloc)

// Fires: 1
@deferred_release@
expression alloc;
@@
-BUG_ON(alloc->vma);
+WARN_ON_ONCE(alloc->has_vma);
