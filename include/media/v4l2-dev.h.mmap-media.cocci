// SPDX-License-Identifier: GPL-2.0-only
/// Make room for what describes the mapping instead.

// Fires: 1
@v4l2_file_operations@
@@
 struct v4l2_file_operations {
 ...
-	int (*mmap) (struct file *, struct vm_area_struct *);
 ...
 };
