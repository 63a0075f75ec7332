// SPDX-License-Identifier: GPL-2.0-only
/// The file describes its mappings.

// Fires: 1
@shmem_file_operations_mmap@
@@
 struct file_operations shmem_file_operations = {
 ...,
-.mmap = shmem_mmap,
 ...,
 };
