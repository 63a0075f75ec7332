// SPDX-License-Identifier: GPL-2.0-only
/// The file describes its mappings.

// Fires: 1
@ramfs_file_operations_mmap@
@@
 struct file_operations ramfs_file_operations = {
 ...,
-.mmap = generic_file_mmap,
 ...,
 };
