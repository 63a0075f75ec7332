// SPDX-License-Identifier: GPL-2.0-only
/// Make room for what describes the mapping instead.

// Fires: 1
@hw_ops_mmap_snd_us428ctls_mmap@
@@
-hw->ops.mmap = snd_us428ctls_mmap;
+hw->ops.mmap_proto = snd_us428ctls_mmap_proto;
