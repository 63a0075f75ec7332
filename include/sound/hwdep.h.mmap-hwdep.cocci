// SPDX-License-Identifier: GPL-2.0-only
/// Make room for what describes the mapping instead.

// Fires: 1
@snd_hwdep_ops@
@@
 struct snd_hwdep_ops {
 ...
-	int (*mmap)(struct snd_hwdep *hw, struct file *file,
-		    struct vm_area_struct *vma);
 ...
 };
