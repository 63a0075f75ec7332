// SPDX-License-Identifier: GPL-2.0-only
/// Removed with its comment; both are inserted with the new member.

// Fires: 1
@uio_info@
@@
-struct uio_info { ... };
