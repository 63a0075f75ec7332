// SPDX-License-Identifier: GPL-2.0-only
// Refused: gives the VMA to a function: x_setup, which changes state: it has a static variable
#include <linux/fs.h>

static const struct vm_operations_struct x_ops = {
	.fault = x_fault,
};

static void x_setup(struct vm_area_struct *vma)
{
	static int n;

	n = vma->vm_pgoff;
}

static int x_mmap(struct file *file, struct vm_area_struct *vma)
{
	x_setup(vma);
	vma->vm_ops = &x_ops;
	return 0;
}

static const struct file_operations x_fops = {
	.mmap = x_mmap,
};
