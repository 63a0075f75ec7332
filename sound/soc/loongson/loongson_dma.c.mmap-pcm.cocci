// SPDX-License-Identifier: GPL-2.0-only
/// Make room for what describes the mapping instead.

// Fires: 1
@loongson_i2s_component@
@@
 struct snd_soc_component_driver loongson_i2s_component = {
-	.mmap = loongson_pcm_mmap,
 };
