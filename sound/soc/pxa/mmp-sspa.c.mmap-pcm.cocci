// SPDX-License-Identifier: GPL-2.0-only
/// Make room for what describes the mapping instead.

// Fires: 1
@mmp_sspa_component@
@@
 struct snd_soc_component_driver mmp_sspa_component = {
-	.mmap = mmp_pcm_mmap,
 };
