// SPDX-License-Identifier: GPL-2.0-only
/// Make room for what describes the mapping instead.

// Fires: 1
@sgx_encl_fops@
@@
 struct file_operations sgx_encl_fops = {
-	.mmap = sgx_mmap,
 };
