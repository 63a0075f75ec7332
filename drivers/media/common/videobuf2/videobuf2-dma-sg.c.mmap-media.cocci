// SPDX-License-Identifier: GPL-2.0-only
/// Make room for what describes the mapping instead.

// Fires: 1
@vb2_dma_sg_memops@
@@
 struct vb2_mem_ops vb2_dma_sg_memops = {
-	.mmap = vb2_dma_sg_mmap,
 };
