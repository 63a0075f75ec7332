// SPDX-License-Identifier: GPL-2.0-only
// Refused: defined in another file
#include <linux/fs.h>

static const struct file_operations x_fops = {
	.mmap = nowhere_mmap,
};
