// SPDX-License-Identifier: GPL-2.0-only
/// The file describes its mappings.

// Fires: 1
@ovl_file_operations_mmap@
@@
 struct file_operations ovl_file_operations = {
 ...,
-.mmap = ovl_mmap,
 ...,
 };
