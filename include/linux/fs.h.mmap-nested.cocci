// SPDX-License-Identifier: GPL-2.0-only
/// call_mmap() maps files with either hook.

// Fires: 1
@call_mmap@
identifier file, vma;
symbol f_op;
@@
 static inline int call_mmap(struct file *file, struct vm_area_struct *vma)
 {
-	if (unlikely(!file->f_op->mmap))
-		return -ENODEV;
-
-	return file->f_op->mmap(file, vma);
+	return fops_mmap(READ_ONCE(file->f_op), file, vma);
 }
