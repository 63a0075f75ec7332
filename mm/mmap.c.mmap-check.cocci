// SPDX-License-Identifier: GPL-2.0-only
/// do_mmap() refuses files with no hook, and files with two.

// Fires: 1
@do_mmap@
identifier file;
symbol err;
@@
-if (!file->f_op->mmap)
-	return -ENODEV;
+err = fops_check_mmap(file->f_op);
+if (err)
+	return err;
