// SPDX-License-Identifier: GPL-2.0-only
/// Sockets describe their mappings.

// Fires: 1
@inet_stream_ops_mmap@
@@
 struct proto_ops inet_stream_ops = {
 ...,
-.mmap = tcp_mmap,
 ...,
 };
