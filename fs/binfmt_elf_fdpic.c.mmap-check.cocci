// SPDX-License-Identifier: GPL-2.0-only
/// A program can be loaded through either hook.

// Fires: 1
@load@
expression file;
@@
-!file->f_op->mmap
+fops_check_mmap(file->f_op)
