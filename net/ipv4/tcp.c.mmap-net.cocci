// SPDX-License-Identifier: GPL-2.0-only
/// Sockets describe their mappings.

// Fires: 5
@tcp_mmap@
identifier file, sock, vma;
symbol tcp_vm_ops;
@@
 int tcp_mmap(struct file *file, struct socket *sock,
-	     struct vm_area_struct *vma
+	     struct vma_proto *proto
 )
 {
-if (vma->vm_flags & (VM_WRITE | VM_EXEC))
+if (proto->flags & (VM_WRITE | VM_EXEC))
 	return -EPERM;
-vm_flags_clear(vma, VM_MAYWRITE | VM_MAYEXEC);
+proto->flags &= ~(VM_MAYWRITE | VM_MAYEXEC);
-vm_flags_set(vma, VM_MIXEDMAP);
+proto->flags |= VM_MIXEDMAP;
-vma->vm_ops = &tcp_vm_ops;
+proto->vm_ops = &tcp_vm_ops;
 return 0;
 }
