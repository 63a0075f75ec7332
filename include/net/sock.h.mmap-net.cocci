// SPDX-License-Identifier: GPL-2.0-only
/// Sockets describe their mappings.

// Fires: 1
@sock_no_mmap@
identifier file, sock, vma;
@@
 int sock_no_mmap(struct file *file, struct socket *sock,
-	struct vm_area_struct *vma
+	struct vma_proto *proto
 );
