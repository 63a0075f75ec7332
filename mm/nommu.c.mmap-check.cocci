// SPDX-License-Identifier: GPL-2.0-only
/// validate_mmap_request() refuses files with no hook, and files with two.

// Fires: 1
@validate_mmap_request@
identifier file;
symbol ret;
@@
-if (!file->f_op->mmap)
-	return -ENODEV;
+ret = fops_check_mmap(file->f_op);
+if (ret)
+	return ret;
