// SPDX-License-Identifier: GPL-2.0-only
/// Make room for what describes the mapping instead.

// Fires: 1
@xen_privcmdbuf_fops@
@@
 struct file_operations xen_privcmdbuf_fops = {
-	.mmap = privcmd_buf_mmap,
 };
