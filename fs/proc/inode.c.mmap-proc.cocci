// SPDX-License-Identifier: GPL-2.0-only
/// The file describes its mappings.

// Fires: 1
@proc_reg_file_ops_mmap@
@@
 struct file_operations proc_reg_file_ops = {
 ...,
-.mmap = proc_reg_mmap,
 ...,
 };

// Fires: 1
@proc_iter_file_ops_mmap@
@@
 struct file_operations proc_iter_file_ops = {
 ...,
-.mmap = proc_reg_mmap,
 ...,
 };

// Fires: 1
@proc_reg_file_ops_compat_mmap@
@@
 struct file_operations proc_reg_file_ops_compat = {
 ...,
-.mmap = proc_reg_mmap,
 ...,
 };

// Fires: 1
@proc_iter_file_ops_compat_mmap@
@@
 struct file_operations proc_iter_file_ops_compat = {
 ...,
-.mmap = proc_reg_mmap,
 ...,
 };
