// SPDX-License-Identifier: GPL-2.0-only
/// Hand what mmap_proto() has described through to the merge and to the VMA.

// Fires: 6
@__mmap_region@
identifier file, addr, len, vm_flags, pgoff, uf, vmg, vma, vmi, end, error;
@@
 static unsigned long __mmap_region(struct file *file, unsigned long addr,
 		unsigned long len, vm_flags_t vm_flags, unsigned long pgoff,
-		struct list_head *uf)
+		struct list_head *uf, const struct described_mapping *described)
 {
 <+...
(
 vmg.file = file;
+if (described)
+	vmg.traits = &described->traits;
|
-vma = vma_find(&vmi, end);
+vma = find_first(&vmi, end, described);
|
-vma->vm_page_prot = vm_get_page_prot(vm_flags);
+vma->vm_page_prot = new_page_prot(vm_flags, described);
|
-error = mmap_file(file, vma);
+error = mmap_new_vma(file, vma, described);
|
-vm_flags != vma->vm_flags && vmg.prev
+!described && vm_flags != vma->vm_flags && vmg.prev
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
+		const struct described_mapping *described)
 {
 ...
-ret = __mmap_region(file, addr, len, vm_flags, pgoff, uf);
+if (described)
+	ret = __mmap_region(file, addr, len, vm_flags, pgoff, uf, described);
+else
+	ret = mmap_plain_region(file, addr, len, vm_flags, pgoff, uf);
 ...
 }
