// SPDX-License-Identifier: GPL-2.0-only
// Refused: takes the VMA elsewhere: remap_pfn_range
#include <linux/fs.h>

static int x_mmap(struct file *file, struct vm_area_struct *vma)
{
	return remap_pfn_range(x_other(), vma, 0, 1, 2);
}

static const struct file_operations x_fops = {
	.mmap = x_mmap,
};
