// SPDX-License-Identifier: GPL-2.0-only
/// The function is replaced as a whole.

// Fires: 1
@tcmu_mmap@
identifier info;
@@
-info->mmap = tcmu_mmap;
+info->mmap_proto = tcmu_mmap_proto;
