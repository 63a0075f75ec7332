// SPDX-License-Identifier: GPL-2.0-only
/// What mmap() did, mapped() does.

// Fires: 1
@mapped@
@@
-perf_mmap(struct file *file, struct vm_area_struct *vma)
+perf_mmap_mapped(unsigned long start, unsigned long end, pgoff_t pgoff, struct file *file, void **private_data)
 { ... }

// Fires: 2
@described@
symbol event, vma, ret, vma_size;
@@
 perf_mmap_mapped(...)
 {
 ...
-if (event->cpu == -1 && event->attr.inherit)
-	return -EINVAL;
-if (!(vma->vm_flags & VM_SHARED))
-	return -EINVAL;
-ret = security_perf_event_read(event);
-if (ret)
-	return ret;
 vma_size = vma->vm_end - vma->vm_start;
 ...
-vm_flags_set(vma, VM_DONTCOPY | VM_DONTEXPAND | VM_DONTDUMP);
-vma->vm_ops = &perf_mmap_vmops;
 ...
 }

// Fires: 9
@fields@
symbol vma;
@@
 perf_mmap_mapped(...)
 {
 <...
(
-vma->vm_end - vma->vm_start
+end - start
|
-vma->vm_pgoff
+pgoff
|
-vma->vm_flags
+vm_flags
|
-vma->vm_mm
+mm
)
 ...>
 }

// Fires: 1
@fops@
@@
 struct file_operations perf_fops = {
-	.mmap = perf_mmap,
 };
