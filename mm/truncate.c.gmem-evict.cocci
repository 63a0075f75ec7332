// SPDX-License-Identifier: GPL-2.0-only
/// Clean and unreferenced is not unused where a guest uses the folios.

// Fires: 1
@mapping_evict_folio@
identifier mapping, folio;
@@
 mapping_evict_folio(struct address_space *mapping, struct folio *folio)
 {
 if (!mapping)
 	return 0;
+	if (mapping_inaccessible(mapping))
+		return 0;
 ...
 }
