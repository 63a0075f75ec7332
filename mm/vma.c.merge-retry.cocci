// SPDX-License-Identifier: GPL-2.0-only
/// A merge that has failed leaves the iterator at the gap, and says why.

// Fires: 2
@vma_merge_new_range@
identifier vmg, prev, start;
@@
 struct vm_area_struct *vma_merge_new_range(struct vma_merge_struct *vmg)
 {
 <+...
 if (!just_expand) {
+	if (vmg->vma)
+		vma_iter_set(vmg->vmi, start);
 	vmg->vma = NULL;
 	...
-	if (vmg->vma == prev)
-		vma_iter_set(vmg->vmi, start);
 }
 ...+>
 }

// Fires: 1
@vma_expand@
identifier vmg, ret;
@@
 int vma_expand(struct vma_merge_struct *vmg)
 {
 <+...
 ret = dup_anon_vma(...);
 if (ret)
-	return ret;
+	goto nomem;
 ...+>
 }

// Fires: 1
@__mmap_region@
symbol vmg, vma, vmi, addr, end;
@@
 static unsigned long __mmap_region(...)
 {
 <+...
 if (vmg_nomem(&vmg)) {
+	vma_iter_config(&vmi, addr, end);
 	mas_preallocate(&vmi.mas, vma, ...);
 }
 ...+>
 }
