// SPDX-License-Identifier: GPL-2.0-only
// Refused: the initialiser is not a function's name
#include <linux/fs.h>

static const struct file_operations x_fops = {
	.mmap = (void *)x_mmap,
};
