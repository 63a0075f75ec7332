// SPDX-License-Identifier: GPL-2.0-only
/// Arenas describe their mappings.

// Fires: 1
@arena_vm_ops@
@@
-static const struct vm_operations_struct arena_vm_ops = { ... };

// Fires: 1
@arena_map_ops@
@@
 struct bpf_map_ops arena_map_ops = {
 ...,
-.map_mmap = arena_map_mmap,
 ...,
 };

// Fires: 1
@zap_pages@
identifier vml, arena, uaddr, page_cnt;
iterator name list_for_each_entry;
statement zap;
@@
 void zap_pages(struct bpf_arena *arena, long uaddr, long page_cnt)
 {
 ...
 list_for_each_entry(vml, ...)
-	zap
+	{
+		if (!vml->vma)
+			continue;
+		zap
+	}
 }
