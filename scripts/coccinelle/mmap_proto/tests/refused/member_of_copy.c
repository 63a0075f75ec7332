// SPDX-License-Identifier: GPL-2.0-only
// Refused: the hook of an instance is looked at
#include <linux/fs.h>

static const struct vm_operations_struct x_ops = {
	.fault = x_fault,
};

static int x_mmap(struct file *file, struct vm_area_struct *vma)
{
	vma->vm_ops = &x_ops;
	return 0;
}

static struct file_operations y_fops;

void x_copy(void)
{
	y_fops = x_fops;
	y_fops.mmap = NULL;
}

static const struct file_operations x_fops = {
	.mmap = x_mmap,
};
