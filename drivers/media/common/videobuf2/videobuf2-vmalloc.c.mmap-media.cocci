// SPDX-License-Identifier: GPL-2.0-only
/// Make room for what describes the mapping instead.

// Fires: 1
@vb2_vmalloc_memops@
@@
 struct vb2_mem_ops vb2_vmalloc_memops = {
-	.mmap = vb2_vmalloc_mmap,
 };
