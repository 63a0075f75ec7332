// SPDX-License-Identifier: GPL-2.0-only
/// The file describes its mappings.

// Fires: 1
@ramfs_nommu_mmap_decl@
identifier file, vma;
@@
-static int ramfs_nommu_mmap(struct file *file, struct vm_area_struct *vma);
+static int ramfs_nommu_mmap_proto(struct vma_proto *proto);

// Fires: 1
@ramfs_file_operations_mmap@
@@
 struct file_operations ramfs_file_operations = {
 ...,
-.mmap = ramfs_nommu_mmap,
 ...,
 };
