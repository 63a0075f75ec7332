// SPDX-License-Identifier: GPL-2.0-only
/// The file describes its mappings.

// Fires: 1
@ecryptfs_main_fops_mmap@
@@
 struct file_operations ecryptfs_main_fops = {
 ...,
 .
-mmap
+mmap_proto
 =
-ecryptfs_mmap
+ecryptfs_mmap_proto
 ,...,
 };
