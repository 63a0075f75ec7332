// SPDX-License-Identifier: GPL-2.0-only
/// PCM files describe their mappings.

// Fires: 1
@hw_support_mmap@
expression substream;
@@
-substream->ops->mmap || substream->ops->page
+substream->ops->mmap_proto || substream->ops->page

// Fires: 2
@status@
@@
-snd_pcm_mmap_status(...) { ... }

// Fires: 2
@control@
@@
-snd_pcm_mmap_control(...) { ... }

// Fires: 2
@hooks@
identifier fops;
@@
 struct file_operations fops[...] = { ..., {
-	.mmap = snd_pcm_mmap,
 }, ... };
