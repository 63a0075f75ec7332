// SPDX-License-Identifier: GPL-2.0-only
/// The file describes its mappings.

// Fires: 1
@ceph_mmap_decl@
identifier file, vma;
@@
-extern int ceph_mmap(struct file *file, struct vm_area_struct *vma);
+int ceph_mmap_proto(struct vma_proto *proto);
