// SPDX-License-Identifier: GPL-2.0-only
/// The file describes its mappings.

// Fires: 1
@snd_info_entry_operations_proc_mmap@
@@
 struct proc_ops snd_info_entry_operations = {
 ...,
-.proc_mmap = snd_info_entry_mmap,
 ...,
 };
