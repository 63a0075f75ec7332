// SPDX-License-Identifier: GPL-2.0-only
/// The file describes its mappings.

// Fires: 1
@ceph_file_fops_mmap@
@@
 struct file_operations ceph_file_fops = {
 ...,
-.mmap = ceph_mmap,
 ...,
 };
