// SPDX-License-Identifier: GPL-2.0-only
/// Make room for what describes the mapping instead.

// Fires: 1
@vb2_mem_ops@
@@
 struct vb2_mem_ops {
 ...
-	int		(*mmap)(void *buf_priv, struct vm_area_struct *vma);
 ...
 };

// Fires: 1
@vb2_mmap@
@@
-int vb2_mmap(struct vb2_queue *q, struct vm_area_struct *vma);
