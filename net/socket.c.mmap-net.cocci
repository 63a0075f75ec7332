// SPDX-License-Identifier: GPL-2.0-only
/// Sockets describe their mappings.

// Fires: 1
@sock_mmap_decl@
identifier file, vma;
@@
-static int sock_mmap(struct file *file, struct vm_area_struct *vma);
+static int sock_mmap_proto(struct vma_proto *proto);

// Fires: 1
@socket_file_ops_mmap@
@@
 struct file_operations socket_file_ops = {
 ...,
-.mmap = sock_mmap,
 ...,
 };
