// SPDX-License-Identifier: GPL-2.0-only
// Refused: a comment speaks of its parameters
#include <linux/fs.h>

static const struct vm_operations_struct x_ops = {
	.fault = x_fault,
};

static int x_mmap(struct file *file, struct vm_area_struct *vma)
{
	// the vma \
	vma->vm_private_data = file;
	vma->vm_ops = &x_ops;
	return 0;
}

static const struct file_operations x_fops = {
	.mmap = x_mmap,
};
