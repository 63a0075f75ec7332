// SPDX-License-Identifier: GPL-2.0-only
/// Maps describe their mappings.

// Fires: 1
@bpf_map_ops@
@@
 struct bpf_map_ops {
 ...
-int (*map_mmap)(struct bpf_map *map, struct vm_area_struct *vma);
 ...
 };
