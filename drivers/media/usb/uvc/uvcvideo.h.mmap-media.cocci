// SPDX-License-Identifier: GPL-2.0-only
/// Make room for what describes the mapping instead.

// Fires: 1
@uvc_queue_mmap@
@@
-int uvc_queue_mmap(struct uvc_video_queue *queue,
-		   struct vm_area_struct *vma);
