// SPDX-License-Identifier: GPL-2.0-only
/// The file describes its mappings.

// Fires: 1
@page_map_proc_ops_proc_mmap@
@@
 struct proc_ops page_map_proc_ops = {
 ...,
-.proc_mmap = page_map_mmap,
 ...,
 };
