// SPDX-License-Identifier: GPL-2.0-only
/// Components describe their mappings.

// Fires: 1
@component@
identifier drv, rtd;
@@
-if (drv->mmap)
-	rtd->ops.mmap = snd_soc_pcm_component_mmap;
