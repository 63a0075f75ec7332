// SPDX-License-Identifier: GPL-2.0-only
// Refused: calls a function of its own: x_get, which changes state: it writes n
#include <linux/fs.h>

static const struct vm_operations_struct x_ops = {
	.fault = x_fault,
};

static int x_get(struct x *x)
{
	x = x_global;
	x->n = 1;
	return 0;
}

static int x_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct x x;

	if (x_get(&x))
		return -EINVAL;
	vma->vm_ops = &x_ops;
	return 0;
}

static const struct file_operations x_fops = {
	.mmap = x_mmap,
};
