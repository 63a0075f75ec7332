// SPDX-License-Identifier: GPL-2.0-only
/// The file describes its mappings.

// Fires: 1
@shm_file_operations_mmap@
@@
 struct file_operations shm_file_operations = {
 ...,
-.mmap = shm_mmap,
 ...,
 };
