// SPDX-License-Identifier: GPL-2.0-only
/// Sockets describe their mappings.

// Fires: 1
@tcp_mmap@
identifier file, sock, vma;
@@
 int tcp_mmap(struct file *file, struct socket *sock,
-	     struct vm_area_struct *vma
+	     struct vma_proto *proto
 );
