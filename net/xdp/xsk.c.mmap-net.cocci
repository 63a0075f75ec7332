// SPDX-License-Identifier: GPL-2.0-only
/// Rings are asked for, in a prototype.

// Fires: 3
@xsk_mmap@
identifier file, sock, vma, offset, size;
symbol PAGE_SHIFT;
type offset_type;
@@
 static int xsk_mmap(struct file *file, struct socket *sock,
-		    struct vm_area_struct *vma
+		    struct vma_proto *proto
 )
 {
-offset_type offset = (offset_type)vma->vm_pgoff << PAGE_SHIFT;
-unsigned long size = vma->vm_end - vma->vm_start;
 ...
-return remap_vmalloc_range(vma,
+return vma_proto_remap_vmalloc_range(proto,
 ...);
 }
