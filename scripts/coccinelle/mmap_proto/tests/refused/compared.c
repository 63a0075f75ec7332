// SPDX-License-Identifier: GPL-2.0-only
// Refused: its name is used elsewhere
#include <linux/fs.h>

static int x_mmap(struct file *file, struct vm_area_struct *vma)
{
	return 0;
}

static int x_compare(const struct file_operations *fops)
{
	return fops->mmap == x_mmap;
}

static const struct file_operations x_fops = {
	.mmap = x_mmap,
};
