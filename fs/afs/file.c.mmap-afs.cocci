// SPDX-License-Identifier: GPL-2.0-only
/// The file describes its mappings.

// Fires: 1
@afs_file_mmap_decl@
identifier file, vma;
@@
-static int afs_file_mmap(struct file *file, struct vm_area_struct *vma);
+static int afs_file_mmap_proto(struct vma_proto *proto);

// Fires: 1
@afs_file_operations_mmap@
@@
 struct file_operations afs_file_operations = {
 ...,
-.mmap = afs_file_mmap,
 ...,
 };
