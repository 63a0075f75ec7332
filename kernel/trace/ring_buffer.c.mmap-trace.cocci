// SPDX-License-Identifier: GPL-2.0-only
/// Make room for what describes the mapping instead.

// Fires: 2
@__rb_map_vma@
@@
-__rb_map_vma(...) { ... }
