// SPDX-License-Identifier: GPL-2.0-only
/// Make room for what describes the mapping instead.

// Fires: 1
@qib_mmapf@
@@
-static int qib_mmapf(struct file *, struct vm_area_struct *);

// Fires: 1
@qib_file_ops@
@@
 struct file_operations qib_file_ops = {
-	.mmap = qib_mmapf,
 };
