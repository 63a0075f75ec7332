// SPDX-License-Identifier: GPL-2.0-only
/// Make room for what describes the mapping instead.

// Fires: 1
@v4l2_m2m_mmap@
@@
-int v4l2_m2m_mmap(struct file *file, struct v4l2_m2m_ctx *m2m_ctx,
-		  struct vm_area_struct *vma);

// Fires: 1
@v4l2_m2m_fop_mmap@
@@
-int v4l2_m2m_fop_mmap(struct file *file, struct vm_area_struct *vma);
