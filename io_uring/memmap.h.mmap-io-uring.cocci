// SPDX-License-Identifier: GPL-2.0-only
/// Make room for what describes the mapping instead.

// Fires: 1
@io_uring_mmap_pages@
@@
-int io_uring_mmap_pages(struct io_ring_ctx *ctx, struct vm_area_struct *vma,
-			struct page **pages, int npages);

// Fires: 1
@io_uring_mmap@
@@
-int io_uring_mmap(struct file *file, struct vm_area_struct *vma);
