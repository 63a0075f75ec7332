// SPDX-License-Identifier: GPL-2.0-only
/// Make room for what describes the mapping instead.

// Fires: 1
@uniphier_soc_platform@
@@
 struct snd_soc_component_driver uniphier_soc_platform = {
-	.mmap = uniphier_aiodma_mmap,
 };
