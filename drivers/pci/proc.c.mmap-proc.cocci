// SPDX-License-Identifier: GPL-2.0-only
/// The file describes its mappings.

// Fires: 1
@proc_bus_pci_ops_proc_mmap@
@@
 struct proc_ops proc_bus_pci_ops = {
 ...,
-.proc_mmap = proc_bus_pci_mmap,
 ...,
 };
