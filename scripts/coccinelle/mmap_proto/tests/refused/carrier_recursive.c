// SPDX-License-Identifier: GPL-2.0-only
// Refused: gives the VMA to a function: x_setup, which gives the VMA to a function: x_setup, which gives the VMA to a function: x_setup, which takes the VMA elsewhere: x_setup
#include <linux/fs.h>

static const struct vm_operations_struct x_ops = {
	.fault = x_fault,
};

static int x_setup(struct x *x, struct vm_area_struct *vma)
{
	if (x->n)
		return x_setup(x->next, vma);
	return 0;
}

static int x_mmap(struct file *file, struct vm_area_struct *vma)
{
	if (x_setup(file->private_data, vma))
		return -EINVAL;
	vma->vm_ops = &x_ops;
	return 0;
}

static const struct file_operations x_fops = {
	.mmap = x_mmap,
};
