// SPDX-License-Identifier: GPL-2.0-only
// The hook of another file that has a counterpart: no definition, no include.
// Shape: generic
#include <linux/fs.h>

const struct file_operations x_fops = {
	.llseek		= generic_file_llseek,
	.mmap		= generic_file_mmap,
};

static const struct file_operations y_fops = {
	.mmap = generic_file_readonly_mmap,
};
