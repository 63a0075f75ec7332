// SPDX-License-Identifier: GPL-2.0-only
/// Make room for what describes the mapping instead.

// Fires: 1
@snd_nm256_playback_ops@
@@
 struct snd_pcm_ops snd_nm256_playback_ops = {
-	.mmap = snd_pcm_lib_mmap_iomem,
 };

// Fires: 1
@snd_nm256_capture_ops@
@@
 struct snd_pcm_ops snd_nm256_capture_ops = {
-	.mmap = snd_pcm_lib_mmap_iomem,
 };
