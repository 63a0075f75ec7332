// SPDX-License-Identifier: GPL-2.0-only
// Refused: takes the VMA elsewhere: generic_file_mmap
#include <linux/fs.h>

static int x_mmap(struct file *file, struct vm_area_struct *vma)
{
	return generic_file_mmap(file->private_data, vma);
}

static const struct file_operations x_fops = {
	.mmap = x_mmap,
};
