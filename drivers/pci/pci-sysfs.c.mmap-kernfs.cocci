// SPDX-License-Identifier: GPL-2.0-only
/// The attribute describes its mappings.

// Fires: 3
@pci_create_attr@
identifier res_attr;
symbol pci_mmap_resource_wc, pci_mmap_resource_uc;
@@
(
-res_attr->mmap = pci_mmap_resource_wc;
+res_attr->mmap_proto = pci_mmap_resource_wc;
|
-res_attr->mmap = pci_mmap_resource_uc;
+res_attr->mmap_proto = pci_mmap_resource_uc;
)
