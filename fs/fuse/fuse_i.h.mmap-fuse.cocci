// SPDX-License-Identifier: GPL-2.0-only
/// The file describes its mappings.

// Fires: 1
@fuse_dax_mmap_decl@
identifier file, vma;
@@
-int fuse_dax_mmap(struct file *file, struct vm_area_struct *vma);
+int fuse_dax_mmap_proto(struct vma_proto *proto);

// Fires: 1
@fuse_passthrough_mmap_decl@
identifier file, vma;
@@
-ssize_t fuse_passthrough_mmap(struct file *file, struct vm_area_struct *vma);
+int fuse_passthrough_mmap_proto(struct vma_proto *proto);
