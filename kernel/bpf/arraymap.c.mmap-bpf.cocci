// SPDX-License-Identifier: GPL-2.0-only
/// Maps describe their mappings.

// Fires: 1
@array_map_ops_map_mmap@
@@
 struct bpf_map_ops array_map_ops = {
 ...,
-.map_mmap = array_map_mmap,
 ...,
 };
