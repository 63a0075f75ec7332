// SPDX-License-Identifier: GPL-2.0-only
/// Make room for what describes the mapping instead.

// Fires: 1
@asoc_idma_platform@
@@
 struct snd_soc_component_driver asoc_idma_platform = {
-	.mmap = idma_mmap,
 };
