// SPDX-License-Identifier: GPL-2.0-only
/// Make room for what describes the mapping instead.

// Fires: 1
@xen_privcmd_fops@
@@
 struct file_operations xen_privcmd_fops = {
-	.mmap = privcmd_mmap,
 };
