// SPDX-License-Identifier: GPL-2.0-only
// Refused: takes the VMA elsewhere: container_of
#include <linux/fs.h>

static const struct vm_operations_struct x_ops = {
	.fault = x_fault,
};

static int x_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct x *x = container_of(vma, struct x, vma);

	if (x->n)
		return -EINVAL;
	vma->vm_ops = &x_ops;
	return 0;
}

static const struct file_operations x_fops = {
	.mmap = x_mmap,
};
