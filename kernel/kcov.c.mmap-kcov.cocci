// SPDX-License-Identifier: GPL-2.0-only
/// Make room for what describes the mapping instead.

// Fires: 1
@kcov_fops@
@@
 struct file_operations kcov_fops = {
-	.mmap = kcov_mmap,
 };
