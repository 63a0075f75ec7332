// SPDX-License-Identifier: GPL-2.0-only
/// Maps describe their mappings.

// Fires: 1
@ringbuf_map_ops_map_mmap@
@@
 struct bpf_map_ops ringbuf_map_ops = {
 ...,
-.map_mmap = ringbuf_map_mmap_kern,
 ...,
 };

// Fires: 1
@user_ringbuf_map_ops_map_mmap@
@@
 struct bpf_map_ops user_ringbuf_map_ops = {
 ...,
-.map_mmap = ringbuf_map_mmap_user,
 ...,
 };
