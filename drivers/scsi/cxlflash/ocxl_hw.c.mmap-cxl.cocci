// SPDX-License-Identifier: GPL-2.0-only
/// A driver's fops are given the counterpart.

// Fires: 1
@patch_fops@
symbol mmap, mmap_proto, fops;
@@
-PATCH_FOPS(mmap);
+if (!fops->mmap)
+	PATCH_FOPS(mmap_proto);

// Fires: 1
@afu_mmap_ini@
identifier ops;
@@
 struct file_operations ops = {
-	.mmap = afu_mmap,
 };

// Fires: 1
@ocxlflash_fd_mmap_ini1@
identifier ops;
@@
 struct cxlflash_backend_ops ops = {
-	.fd_mmap = ocxlflash_fd_mmap,
 };
