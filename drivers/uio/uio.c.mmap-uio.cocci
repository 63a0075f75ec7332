// SPDX-License-Identifier: GPL-2.0-only
/// Memory is found by the device and the offset.

// Fires: 1
@uio_vma_fault@
symbol mi, idev, vmf;
@@
-mi = uio_find_mem_index(vmf->vma);
+mi = uio_find_mem_index(idev, vmf->vma->vm_pgoff);

// Fires: 1
@uio_mmap_ini@
identifier ops;
@@
 struct file_operations ops = {
-	.mmap = uio_mmap,
 };
