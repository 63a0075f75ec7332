// SPDX-License-Identifier: GPL-2.0-only
/// print_bad_pte() shows whichever hook the file has.

// Fires: 2
@print_bad_pte@
expression A, F;
identifier vma;
@@
 pr_alert(
-	"file:%pD fault:%ps mmap:%ps read_folio:%ps\n",
+	"file:%pD fault:%ps mmap:%ps mmap_proto:%ps read_folio:%ps\n",
 	vma->vm_file, F,
 	vma->vm_file ? vma->vm_file->f_op->mmap : NULL,
+	vma->vm_file ? vma->vm_file->f_op->mmap_proto : NULL,
 	A);
