// SPDX-License-Identifier: GPL-2.0-only
/// Make room for what describes the mapping instead.

// Fires: 1
@alloc@
@@
-struct binder_alloc {
-...
-};

// Fires: 1
@binder_alloc_mmap_handler@
@@
-int binder_alloc_mmap_handler(struct binder_alloc *alloc,
-			      struct vm_area_struct *vma);
