// SPDX-License-Identifier: GPL-2.0-only
/// Lockdown bars a debugfs file that can be mapped, through whichever hook.

// Fires: 1
@debugfs_locked_down@
identifier real_fops;
@@
-!real_fops->mmap
+fops_check_mmap(real_fops) == -ENODEV
