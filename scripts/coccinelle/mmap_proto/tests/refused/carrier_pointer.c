// SPDX-License-Identifier: GPL-2.0-only
// Refused: gives the VMA to what others use: x_setup
#include <linux/fs.h>

static const struct vm_operations_struct x_ops = {
	.fault = x_fault,
};

static int x_setup(struct x *x, struct vm_area_struct *vma)
{
	vma->vm_private_data = x;
	vm_flags_set(vma, VM_IO);
	return 0;
}

static int x_mmap(struct file *file, struct vm_area_struct *vma)
{
	if (x_setup(file->private_data, vma))
		return -EINVAL;
	vma->vm_ops = &x_ops;
	return 0;
}

int (*x_fn)(struct x *, struct vm_area_struct *) = x_setup;

static const struct file_operations x_fops = {
	.mmap = x_mmap,
};
