// SPDX-License-Identifier: GPL-2.0-only
/// Make room for what describes the mapping instead.

// Fires: 1
@tracing_buffers_fops@
@@
 struct file_operations tracing_buffers_fops = {
-	.mmap = tracing_buffers_mmap,
 };
