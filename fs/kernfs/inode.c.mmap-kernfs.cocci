// SPDX-License-Identifier: GPL-2.0-only
/// A file that has to be given a VMA has operations of its own.

// Fires: 1
@kernfs_init_inode@
identifier inode;
symbol kernfs_file_fops;
@@
-inode->i_fop = &kernfs_file_fops;
