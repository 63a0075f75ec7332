// SPDX-License-Identifier: GPL-2.0-only
/// Make room for what describes the mapping instead.

// Fires: 1
@snd_soc_component_driver@
@@
 struct snd_soc_component_driver {
 ...
-	int (*mmap)(struct snd_soc_component *component,
-		    struct snd_pcm_substream *substream,
-		    struct vm_area_struct *vma);
 ...
 };

// Fires: 1
@snd_soc_pcm_component_mmap@
@@
-int snd_soc_pcm_component_mmap(struct snd_pcm_substream *substream,
-			       struct vm_area_struct *vma);
