// SPDX-License-Identifier: GPL-2.0-only
/// Make room for what describes the mapping instead.

// Fires: 1
@vm_area_struct@
@@
-struct vm_area_struct;

// Fires: 1
@snd_dma_buffer_mmap@
@@
-int snd_dma_buffer_mmap(struct snd_dma_buffer *dmab,
-			struct vm_area_struct *area);
