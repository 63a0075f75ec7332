// SPDX-License-Identifier: GPL-2.0-only
// Refused: initialised in a macro: X_FOPS
#include <linux/fs.h>

static const struct vm_operations_struct x_ops = {
	.fault = x_fault,
};

static int x_mmap(struct file *file, struct vm_area_struct *vma)
{
	vma->vm_ops = &x_ops;
	return 0;
}

#define X_FOPS \
	.open = x_open, \
	.mmap = x_mmap

static const struct file_operations x_fops = {
	X_FOPS
};
