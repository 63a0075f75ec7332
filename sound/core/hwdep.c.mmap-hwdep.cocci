// SPDX-License-Identifier: GPL-2.0-only
/// Make room for what describes the mapping instead.

// Fires: 1
@snd_hwdep_f_ops@
@@
 struct file_operations snd_hwdep_f_ops = {
-	.mmap = snd_hwdep_mmap,
 };
