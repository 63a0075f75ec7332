// SPDX-License-Identifier: GPL-2.0-only
/// coda_file_mmap() refuses a lower file with no hook, and one with two.

// Fires: 1
@lower_file@
identifier file;
symbol ret;
@@
-if (!file->f_op->mmap)
-	return -ENODEV;
+ret = fops_check_mmap(file->f_op);
+if (ret)
+	return ret;
