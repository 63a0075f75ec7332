// SPDX-License-Identifier: GPL-2.0-only
// Refused: gives the VMA to a function: x_setup, which its vm_ops count mappings: close
#include <linux/fs.h>

static const struct vm_operations_struct x_ops = {
	.fault = x_fault,
};

static const struct vm_operations_struct y_ops = {
	.close = y_close,
};

static void x_setup(struct vm_area_struct *vma)
{
	vma->vm_ops = &y_ops;
}

static int x_mmap(struct file *file, struct vm_area_struct *vma)
{
	x_setup(vma);
	return 0;
}

static const struct file_operations x_fops = {
	.mmap = x_mmap,
};
