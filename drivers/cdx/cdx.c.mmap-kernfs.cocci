// SPDX-License-Identifier: GPL-2.0-only
/// The attribute describes its mappings.

// Fires: 1
@cdx_create_res_attr@
identifier res_attr;
symbol cdx_mmap_resource;
@@
-res_attr->mmap = cdx_mmap_resource;
+res_attr->mmap_proto = cdx_mmap_resource;
