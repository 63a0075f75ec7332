// SPDX-License-Identifier: GPL-2.0-only
/// Make room for what describes the mapping instead.

// Fires: 1
@hw_ops_mmap_snd_usx2y_hwdep_pc@
@@
-hw->ops.mmap = snd_usx2y_hwdep_pcm_mmap;
+hw->ops.mmap_proto = snd_usx2y_hwdep_pcm_mmap_proto;
