// SPDX-License-Identifier: GPL-2.0-only
/// The file describes its mappings.

// Fires: 1
@fuse_file_operations_mmap@
@@
 struct file_operations fuse_file_operations = {
 ...,
-.mmap = fuse_file_mmap,
 ...,
 };
