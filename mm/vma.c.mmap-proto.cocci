// SPDX-License-Identifier: GPL-2.0-only
/// Hand what mmap_proto() has described through to the merge and to the VMA.

// Fires: 4
@__mmap_region@
identifier file, addr, len, vm_flags, pgoff, uf, vmg, vma, error;
@@
 static unsigned long __mmap_region(struct file *file, unsigned long addr,
 		unsigned long len, vm_flags_t vm_flags, unsigned long pgoff,
-		struct list_head *uf)
+		struct list_head *uf, const struct vma_proto *proto)
 {
 <+...
(
 vmg.file = file;
+if (proto)
+	vmg_set_proto(&vmg, proto);
|
-error = mmap_file(file, vma);
+error = mmap_new_vma(file, vma, proto);
|
-vm_flags != vma->vm_flags && vmg.prev
+!proto && vm_flags != vma->vm_flags && vmg.prev
)
 ...+>
 }

// Fires: 2
@mmap_region@
identifier file, addr, len, vm_flags, pgoff, uf, ret;
@@
-unsigned long mmap_region(struct file *file, unsigned long addr,
-			  unsigned long len, vm_flags_t vm_flags, unsigned long pgoff,
-			  struct list_head *uf)
+static inline unsigned long do_mmap_region(struct file *file,
+		unsigned long addr, unsigned long len, vm_flags_t vm_flags,
+		unsigned long pgoff, struct list_head *uf,
+		const struct vma_proto *proto)
 {
 ...
-ret = __mmap_region(file, addr, len, vm_flags, pgoff, uf);
+ret = __mmap_region(file, addr, len, vm_flags, pgoff, uf, proto);
 ...
 }
