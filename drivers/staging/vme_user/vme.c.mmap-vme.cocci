// SPDX-License-Identifier: GPL-2.0-only
/// The counterpart is inserted.

// Fires: 1
@export@
declarer name EXPORT_SYMBOL;
@@
-EXPORT_SYMBOL(vme_master_mmap);

// Fires: 1
@vme_master_mmap@
@@
-int vme_master_mmap(...) { ... }
