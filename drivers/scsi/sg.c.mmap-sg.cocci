// SPDX-License-Identifier: GPL-2.0-only
/// The hook's counterpart is inserted.

// Fires: 1
@hook@
@@
-static int sg_mmap(...) { ... }

// Fires: 1
@member@
identifier ops;
@@
 struct file_operations ops = {
	.
-	mmap
+	mmap_proto
	=
-	sg_mmap
+	sg_mmap_proto
	,
 };
