// SPDX-License-Identifier: GPL-2.0-only
/// A file can be mapped with either hook.

// Fires: 1
@kernfs_fop_open@
identifier ops, has_read, has_write, has_mmap;
@@
-has_read = ops->seq_show || ops->read || ops->mmap;
-has_write = ops->write || ops->mmap;
-has_mmap = ops->mmap;

// Fires: 1
@kernfs_file_fops@
@@
 struct file_operations kernfs_file_fops = {
 ...,
-.mmap = kernfs_fop_mmap,
 ...,
 };
