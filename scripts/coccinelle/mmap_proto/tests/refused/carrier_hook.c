// SPDX-License-Identifier: GPL-2.0-only
// Refused: gives the VMA to a function: y_mmap, which takes the VMA elsewhere: y_open
#include <linux/fs.h>

static int y_mmap(struct vm_area_struct *vma)
{
	return y_open(vma);
}

static int x_mmap(struct file *file, struct vm_area_struct *vma)
{
	return y_mmap(vma);
}

static const struct file_operations x_fops = {
	.mmap = x_mmap,
};
