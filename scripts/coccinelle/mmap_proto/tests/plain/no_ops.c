// SPDX-License-Identifier: GPL-2.0-only
// No operations: the core gives a mapping of a file such as do nothing.
#include <linux/fs.h>

static int x_mmap(struct file *file, struct vm_area_struct *vma)
{
	return -ENXIO;
}

static const struct file_operations x_fops = {
	.mmap = x_mmap,
};
