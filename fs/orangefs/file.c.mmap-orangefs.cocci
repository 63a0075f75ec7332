// SPDX-License-Identifier: GPL-2.0-only
/// The file describes its mappings.

// Fires: 1
@orangefs_file_operations_mmap@
@@
 struct file_operations orangefs_file_operations = {
 ...,
-.mmap = orangefs_file_mmap,
 ...,
 };
