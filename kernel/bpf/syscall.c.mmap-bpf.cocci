// SPDX-License-Identifier: GPL-2.0-only
/// Maps describe their mappings.

// Fires: 1
@bpf_map_fops_mmap@
@@
 struct file_operations bpf_map_fops = {
 ...,
-.mmap = bpf_map_mmap,
 ...,
 };
