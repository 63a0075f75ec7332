// SPDX-License-Identifier: GPL-2.0-only
/// The counterpart is inserted, and is what a driver's fops are given.

// Fires: 1
@export@
declarer name EXPORT_SYMBOL_GPL;
@@
-EXPORT_SYMBOL_GPL(cxl_fd_mmap);

// Fires: 1
@cxl_fd_mmap@
@@
-int cxl_fd_mmap(...) { ... }

// Fires: 1
@patch_fops@
symbol mmap, mmap_proto, fops;
@@
-PATCH_FOPS(mmap);
+if (!fops->mmap)
+	PATCH_FOPS(mmap_proto);
