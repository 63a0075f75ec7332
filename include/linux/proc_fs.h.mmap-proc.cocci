// SPDX-License-Identifier: GPL-2.0-only
/// Nobody maps a file of procfs on a VMA any more.

// Fires: 1
@proc_ops@
identifier ops;
@@
 struct proc_ops {
 ...
-int (*proc_mmap)(struct file *, struct vm_area_struct *);
 ...
 } ops;
