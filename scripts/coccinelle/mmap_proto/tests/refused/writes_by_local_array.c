// SPDX-License-Identifier: GPL-2.0-only
// Refused: changes state: it writes what is not its own
#include <linux/fs.h>

static const struct vm_operations_struct x_ops = {
	.fault = x_fault,
};

static int x_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct x *x[2] = { x_a, x_b };

	x[0]->n = 1;
	vma->vm_ops = &x_ops;
	return 0;
}

static const struct file_operations x_fops = {
	.mmap = x_mmap,
};
