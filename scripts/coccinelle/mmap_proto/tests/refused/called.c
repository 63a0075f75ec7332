// SPDX-License-Identifier: GPL-2.0-only
// Refused: its name is used elsewhere
#include <linux/fs.h>

static const struct vm_operations_struct x_ops = {
	.fault = x_fault,
};

static int x_mmap(struct file *file, struct vm_area_struct *vma)
{
	vma->vm_ops = &x_ops;
	return 0;
}

int x_call(struct file *file, struct vm_area_struct *vma)
{
	return x_mmap(file, vma);
}

static const struct file_operations x_fops = {
	.mmap = x_mmap,
};
