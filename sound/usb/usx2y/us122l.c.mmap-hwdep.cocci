// SPDX-License-Identifier: GPL-2.0-only
/// Make room for what describes the mapping instead.

// Fires: 1
@hw_ops_mmap_usb_stream_hwdep_m@
@@
-hw->ops.mmap = usb_stream_hwdep_mmap;
+hw->ops.mmap_proto = usb_stream_hwdep_mmap_proto;
