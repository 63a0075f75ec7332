// SPDX-License-Identifier: GPL-2.0-only
/// Make room for what describes the mapping instead.

// Fires: 2
@snd_dma_wc_mmap@
@@
-snd_dma_wc_mmap(...) { ... }

// Fires: 1
@snd_malloc_ops@
@@
 struct snd_malloc_ops {
 ...
-	int (*mmap)(struct snd_dma_buffer *dmab, struct vm_area_struct *area);
 ...
 };

// Fires: 1
@snd_dma_continuous_ops@
@@
 struct snd_malloc_ops snd_dma_continuous_ops = {
-	.mmap = snd_dma_continuous_mmap,
 };

// Fires: 1
@snd_dma_vmalloc_ops@
@@
 struct snd_malloc_ops snd_dma_vmalloc_ops = {
-	.mmap = snd_dma_vmalloc_mmap,
 };

// Fires: 1
@snd_dma_iram_ops@
@@
 struct snd_malloc_ops snd_dma_iram_ops = {
-	.mmap = snd_dma_iram_mmap,
 };

// Fires: 1
@snd_dma_dev_ops@
@@
 struct snd_malloc_ops snd_dma_dev_ops = {
-	.mmap = snd_dma_dev_mmap,
 };

// Fires: 1
@snd_dma_wc_ops@
@@
 struct snd_malloc_ops snd_dma_wc_ops = {
-	.mmap = snd_dma_wc_mmap,
 };

// Fires: 1
@snd_dma_noncontig_ops@
@@
 struct snd_malloc_ops snd_dma_noncontig_ops = {
-	.mmap = snd_dma_noncontig_mmap,
 };

// Fires: 1
@snd_dma_sg_ops@
@@
 struct snd_malloc_ops snd_dma_sg_ops = {
-	.mmap = snd_dma_sg_fallback_mmap,
 };

// Fires: 1
@snd_dma_noncoherent_ops@
@@
 struct snd_malloc_ops snd_dma_noncoherent_ops = {
-	.mmap = snd_dma_noncoherent_mmap,
 };
