// SPDX-License-Identifier: GPL-2.0-only
/// Make room for what describes the mapping instead.

// Fires: 2
@io_uring_mmap@
@@
-io_uring_mmap(...) { ... }
