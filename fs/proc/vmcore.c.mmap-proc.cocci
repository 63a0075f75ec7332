// SPDX-License-Identifier: GPL-2.0-only
/// What is mapped is asked for, in a prototype.

// Fires: 2
@remap_oldmem_pfn_range@
identifier vma, from, pfn, size, prot;
@@
 int __weak remap_oldmem_pfn_range(
-struct vm_area_struct *vma,
+struct vma_proto *proto,
 unsigned long from, unsigned long pfn, unsigned long size, pgprot_t prot)
 {
 ...
-return remap_pfn_range(vma, from, pfn, size, prot);
+return vma_proto_remap_pfn_range(proto, from, pfn, size, prot);
 }

// Fires: 2
@vmcoredd_mmap_dumps@
identifier vma, dst, start, size;
expression buf, len;
@@
 int vmcoredd_mmap_dumps(
-struct vm_area_struct *vma,
+struct vma_proto *proto,
 unsigned long dst, u64 start, size_t size)
 {
 <...
-remap_vmalloc_range_partial(vma, dst, buf, 0, len)
+mmap_buffer(proto, dst, buf, len)
 ...>
 }

// Fires: 3
@vmcore_remap_oldmem_pfn@
identifier vma, from, pfn, size, prot;
@@
 int vmcore_remap_oldmem_pfn(
-struct vm_area_struct *vma,
+struct vma_proto *proto,
 unsigned long from, unsigned long pfn, unsigned long size, pgprot_t prot)
 {
 <...
-vma
+proto
 ...>
 }

// Fires: 1
@mmap_vmcore_nommu@
identifier file, vma;
@@
-static int mmap_vmcore(struct file *file, struct vm_area_struct *vma)
+static int mmap_vmcore_proto(struct vma_proto *proto)
 {
 return -ENOSYS;
 }

// Fires: 1
@mmap_vmcore@
identifier file, vma;
@@
-static int mmap_vmcore(struct file *file, struct vm_area_struct *vma)
+static int mmap_parts(struct vma_proto *proto)
 { ... }

// Fires: 1
@offset@
typedef u64;
symbol vma, start;
@@
-start = (u64)vma->vm_pgoff << PAGE_SHIFT;

// Fires: 2
@remaps@
symbol vma;
statement fails;
@@
(
-if (remap_pfn_range(vma, ...)) fails
|
-if (vmcore_remap_oldmem_pfn(vma, ...)) fails
)

// Fires: 1
@unmap@
symbol vma;
@@
-do_munmap(vma->vm_mm, vma->vm_start, len, NULL);

// Fires: 5
@parts@
symbol vma;
expression len, tsz, buf;
@@
(
-vma->vm_end - vma->vm_start
+proto->end - proto->start
|
-vma->vm_flags
+proto->flags
|
-vm_flags_mod(vma, VM_MIXEDMAP, VM_MAYWRITE | VM_MAYEXEC)
+proto->flags &= ~(VM_MAYWRITE | VM_MAYEXEC)
|
-vma->vm_ops
+proto->vm_ops
|
-remap_vmalloc_range_partial(vma, vma->vm_start + len, buf, 0, tsz)
+mmap_buffer(proto, proto->start + len, buf, tsz)
|
-vmcoredd_mmap_dumps(vma, vma->vm_start + len,
+vmcoredd_mmap_dumps(proto, proto->start + len,
 ...)
)

// Fires: 1
@vmcore_proc_ops@
@@
 struct proc_ops vmcore_proc_ops = {
 ...,
-.proc_mmap = mmap_vmcore,
 ...,
 };
