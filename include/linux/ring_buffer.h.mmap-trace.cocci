// SPDX-License-Identifier: GPL-2.0-only
/// Make room for what describes the mapping instead.

// Fires: 1
@ring_buffer_map@
@@
-int ring_buffer_map(struct trace_buffer *buffer, int cpu,
-		    struct vm_area_struct *vma);
