// SPDX-License-Identifier: GPL-2.0-only
/// Old memory is asked for, in a prototype.

// Fires: 8
@remap_oldmem@
identifier remap =~ "^remap_oldmem_pfn_range";
identifier vma;
@@
 int remap(
-	struct vm_area_struct *vma,
+	struct vma_proto *proto,
	...)
 {
 <...
(
-remap_pfn_range(vma,
+vma_proto_remap_pfn_range(proto,
 ...)
|
-vma
+proto
)
 ...>
 }
