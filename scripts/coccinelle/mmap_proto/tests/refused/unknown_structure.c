// SPDX-License-Identifier: GPL-2.0-only
// Refused: the structure's type is not known
#include <linux/fs.h>

static const struct vm_operations_struct x_ops = {
	.fault = x_fault,
};

static int x_mmap(struct file *file, struct vm_area_struct *vma)
{
	vma->vm_ops = &x_ops;
	return 0;
}

static struct x_driver x_driver = {
	.fops = {
		.open = x_open,
		.mmap = x_mmap,
	},
};
