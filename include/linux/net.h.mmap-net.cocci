// SPDX-License-Identifier: GPL-2.0-only
/// Sockets describe their mappings.

// Fires: 1
@proto_ops@
@@
 struct proto_ops {
 ...
-int (*mmap) (struct file *file, struct socket *sock,
-	      struct vm_area_struct * vma);
 ...
 };
