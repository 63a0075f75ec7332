// SPDX-License-Identifier: GPL-2.0-only
/// The folios of an inaccessible file have users that collapse does not find.

// Fires: 1
@vma_can_map_huge_file@
identifier vma;
@@
 vma_can_map_huge_file(...)
 {
 ...
-	return file_thp_enabled(vma);
+	return file_thp_enabled(vma) &&
+	       !mapping_inaccessible(vma->vm_file->f_mapping);
 }
