// SPDX-License-Identifier: GPL-2.0-only
/// ecryptfs_mmap() refuses a lower file with no hook, and one with two.

// Fires: 2
@lower_file@
identifier file;
symbol lower_file, rc;
@@
 struct file *lower_file = ecryptfs_file_to_lower(file);
+int rc;
+
-if (!lower_file->f_op->mmap)
-	return -ENODEV;
+rc = fops_check_mmap(lower_file->f_op);
+if (rc)
+	return rc;
