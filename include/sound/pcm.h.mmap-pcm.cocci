// SPDX-License-Identifier: GPL-2.0-only
/// Make room for what describes the mapping instead.

// Fires: 1
@snd_pcm_ops@
@@
 struct snd_pcm_ops {
 ...
-	int (*mmap)(struct snd_pcm_substream *substream, struct vm_area_struct *vma);
 ...
 };

// Fires: 1
@snd_pcm_mmap_data@
@@
-int snd_pcm_mmap_data(struct snd_pcm_substream *substream, struct file *file, struct vm_area_struct *area);

// Fires: 1
@snd_pcm_lib_default_mmap@
@@
-int snd_pcm_lib_default_mmap(struct snd_pcm_substream *substream,
-			     struct vm_area_struct *area);

// Fires: 1
@snd_pcm_lib_mmap_iomem@
@@
-int snd_pcm_lib_mmap_iomem(struct snd_pcm_substream *substream, struct vm_area_struct *area);

// Fires: 1
@snd_pcm_lib_mmap_iomem_2@
@@
-#define snd_pcm_lib_mmap_iomem NULL
