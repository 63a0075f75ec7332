// SPDX-License-Identifier: GPL-2.0-only
/// A failing mmap() gives back the charge that it took over.

// Fires: 3
@__mmap_region@
symbol charged, vms, taken_over;
@@
 static unsigned long __mmap_region(...)
 {
 <+...
(
 unsigned long charged = 0;
+unsigned long taken_over = 0;
|
-vms.nr_accounted = 0;
+taken_over = vms.nr_accounted;
+vms.nr_accounted = 0;
|
 if (charged)
 	vm_unacct_memory(charged);
+vms.nr_accounted += taken_over;
)
 ...+>
 }
