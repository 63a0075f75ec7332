// SPDX-License-Identifier: GPL-2.0-only
/// Make room for what describes the mapping instead.

// Fires: 1
@avs_component_driver@
@@
 struct snd_soc_component_driver avs_component_driver = {
-	.mmap = avs_component_mmap,
 };

// Fires: 1
@avs_hda_component_driver@
@@
 struct snd_soc_component_driver avs_hda_component_driver = {
-	.mmap = avs_component_mmap,
 };
