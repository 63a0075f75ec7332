// SPDX-License-Identifier: GPL-2.0-only
/// Make room for what describes the mapping instead.

// Fires: 1
@lpass_component_driver@
@@
 struct snd_soc_component_driver lpass_component_driver = {
-	.mmap = lpass_platform_pcmops_mmap,
 };
