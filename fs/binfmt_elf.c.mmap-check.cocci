// SPDX-License-Identifier: GPL-2.0-only
/// A program, its interpreter and a library can be loaded through either hook.

// Fires: 3
@load@
expression file;
@@
-!file->f_op->mmap
+fops_check_mmap(file->f_op)
