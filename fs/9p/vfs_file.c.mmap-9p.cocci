// SPDX-License-Identifier: GPL-2.0-only
/// The file describes its mappings.

// Fires: 1
@v9fs_file_operations_mmap@
@@
 struct file_operations v9fs_file_operations = {
 ...,
-.mmap = generic_file_readonly_mmap,
 ...,
 };

// Fires: 1
@v9fs_file_operations_dotl_mmap@
@@
 struct file_operations v9fs_file_operations_dotl = {
 ...,
-.mmap = v9fs_file_mmap,
 ...,
 };
