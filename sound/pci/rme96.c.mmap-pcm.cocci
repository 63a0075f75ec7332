// SPDX-License-Identifier: GPL-2.0-only
/// Make room for what describes the mapping instead.

// Fires: 1
@snd_rme96_playback_spdif_ops@
@@
 struct snd_pcm_ops snd_rme96_playback_spdif_ops = {
-	.mmap = snd_pcm_lib_mmap_iomem,
 };

// Fires: 1
@snd_rme96_capture_spdif_ops@
@@
 struct snd_pcm_ops snd_rme96_capture_spdif_ops = {
-	.mmap = snd_pcm_lib_mmap_iomem,
 };

// Fires: 1
@snd_rme96_playback_adat_ops@
@@
 struct snd_pcm_ops snd_rme96_playback_adat_ops = {
-	.mmap = snd_pcm_lib_mmap_iomem,
 };

// Fires: 1
@snd_rme96_capture_adat_ops@
@@
 struct snd_pcm_ops snd_rme96_capture_adat_ops = {
-	.mmap = snd_pcm_lib_mmap_iomem,
 };
