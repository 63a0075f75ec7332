// SPDX-License-Identifier: GPL-2.0-only
/// Make room for what describes the mapping instead.

// Fires: 1
@relay_file_operations@
@@
 struct file_operations relay_file_operations = {
-	.mmap = relay_file_mmap,
 };
