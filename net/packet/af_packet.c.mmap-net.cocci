// SPDX-License-Identifier: GPL-2.0-only
/// Sockets describe their mappings.

// Fires: 1
@packet_ops_mmap@
@@
 struct proto_ops packet_ops = {
 ...,
-.mmap = packet_mmap,
 ...,
 };
