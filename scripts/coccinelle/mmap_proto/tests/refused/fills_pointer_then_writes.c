// SPDX-License-Identifier: GPL-2.0-only
// Refused: changes state: it writes n
#include <linux/fs.h>

static const struct vm_operations_struct x_ops = {
	.fault = x_fault,
};

static int x_get(struct x **x)
{
	*x = x_global;
	return 0;
}

static int x_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct x *x;

	if (x_get(&x))
		return -EINVAL;
	x->n = 2;
	vma->vm_ops = &x_ops;
	return 0;
}

static const struct file_operations x_fops = {
	.mmap = x_mmap,
};
