// SPDX-License-Identifier: GPL-2.0-only
/// Nobody maps a file of procfs on a VMA any more.

// Fires: 1
@snd_info_entry_ops@
@@
 struct snd_info_entry_ops {
 ...
-int (*mmap)(struct snd_info_entry *entry, void *file_private_data,
-	    struct inode *inode, struct file *file,
-	    struct vm_area_struct *vma);
 ...
 };
