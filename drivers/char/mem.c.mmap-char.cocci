// SPDX-License-Identifier: GPL-2.0-only
/// What a VMA was asked for, ask the prototype.

// Fires: 2
@private_mapping_ok@
identifier vma;
typedef vm_flags_t;
@@
-private_mapping_ok(struct vm_area_struct *vma)
+private_mapping_ok(vm_flags_t flags)
 {
	...
 }

// Fires: 1
@private_mapping_ok_flags@
identifier vma;
@@
-is_nommu_shared_mapping(vma->vm_flags)
+is_nommu_shared_mapping(flags)

// Fires: 12
@mmap_mem@
identifier file, vma, size, offset;
@@
-static int mmap_mem(struct file *file, struct vm_area_struct *vma)
+static int mmap_mem_proto(struct vma_proto *proto)
 {
-	size_t size = vma->vm_end - vma->vm_start;
+	size_t size = proto->end - proto->start;
-	phys_addr_t offset = (phys_addr_t)vma->vm_pgoff << PAGE_SHIFT;
+	phys_addr_t offset = (phys_addr_t)proto->pgoff << PAGE_SHIFT;
 	<...
(
-	vma->vm_pgoff
+	proto->pgoff
|
-	vma->vm_start
+	proto->start
|
-	vma->vm_page_prot
+	proto->page_prot
|
-	vma->vm_ops
+	proto->vm_ops
|
-	private_mapping_ok(vma)
+	private_mapping_ok(proto->flags)
)
 	...>
 }

// Fires: 3
@mmap_mem_calls@
identifier file, vma;
expression pgoff, start, size, prot, allowed;
@@
 mmap_mem_proto(...)
 {
 <+...
(
-phys_mem_access_prot_allowed(file, pgoff, size, allowed)
+phys_mem_access_prot_allowed(proto->file, pgoff, size,
+			     allowed)
|
-phys_mem_access_prot(file, pgoff, size, prot)
+phys_mem_access_prot(proto->file, pgoff, size, prot)
|
-remap_pfn_range(vma,
+vma_proto_remap_pfn_range(proto,
 start, pgoff, size, prot)
)
 ...+>
 }

// Fires: 1
@mmap_zero@
identifier file, vma;
@@
-static int mmap_zero(struct file *file, struct vm_area_struct *vma)
+static int mmap_zero_proto(struct vma_proto *proto)
 { ... }

// Fires: 1
@zero@
identifier vma;
@@
-if (vma->vm_flags & VM_SHARED)
-	return shmem_zero_setup(vma);
-vma_set_anonymous(vma);
-return 0;
+if (proto->flags & VM_SHARED)
+	return shmem_zero_setup_proto(proto);
+return vma_proto_set_anonymous(proto);

// Fires: 1
@mmap_mem_ini@
identifier ops;
@@
 struct file_operations ops = {
-	.mmap = mmap_mem,
 };

// Fires: 1
@mmap_zero_ini1@
identifier ops;
@@
 struct file_operations ops = {
-	.mmap = mmap_zero,
 };
