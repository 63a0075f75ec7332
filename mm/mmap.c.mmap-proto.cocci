// SPDX-License-Identifier: GPL-2.0-only
/// vma_proto_describe() asks the same of the file and offset that a hook chose.

// Fires: 1
@file_mmap_ok@
typedef bool;
identifier file, inode, pgoff, len;
@@
-static inline bool file_mmap_ok(struct file *file, struct inode *inode,
-				unsigned long pgoff, unsigned long len)
+bool file_mmap_ok(struct file *file, struct inode *inode,
+		  unsigned long pgoff, unsigned long len)
 {
 ...
 }
