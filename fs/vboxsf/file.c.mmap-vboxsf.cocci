// SPDX-License-Identifier: GPL-2.0-only
/// The file describes its mappings.

// Fires: 1
@vboxsf_reg_fops_mmap@
@@
 struct file_operations vboxsf_reg_fops = {
 ...,
-.mmap = vboxsf_file_mmap,
 ...,
 };
