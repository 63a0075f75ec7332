// SPDX-License-Identifier: GPL-2.0-only
// Refused: a comment speaks of its parameters
#include <linux/fs.h>

/**
 * x_mmap - map the registers
 * @file: the open file
 * @vma: where to map them
 *
 * Nothing of @vma is kept.
 */
static int x_mmap(struct file *file, struct vm_area_struct *vma)
{
	return 0;
}

static const struct file_operations x_fops = {
	.mmap = x_mmap,
};
