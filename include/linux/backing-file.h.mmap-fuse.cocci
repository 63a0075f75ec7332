// SPDX-License-Identifier: GPL-2.0-only
/// The file describes its mappings.

// Fires: 1
@backing_file_mmap_decl@
identifier file, vma, ctx;
@@
-int backing_file_mmap(struct file *file, struct vm_area_struct *vma,
-		      struct backing_file_ctx *ctx);
