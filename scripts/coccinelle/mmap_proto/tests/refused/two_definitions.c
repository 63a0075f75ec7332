// SPDX-License-Identifier: GPL-2.0-only
// Refused: takes the VMA elsewhere: x_setup
#include <linux/fs.h>

static const struct vm_operations_struct x_ops = {
	.fault = x_fault,
};

#ifdef CONFIG_X
static int x_mmap(struct file *file, struct vm_area_struct *vma)
{
	vma->vm_ops = &x_ops;
	return 0;
}
#else
static int x_mmap(struct file *file, struct vm_area_struct *vma)
{
	x_setup(vma);
	vma->vm_ops = &x_ops;
	return 0;
}
#endif

static const struct file_operations x_fops = {
	.mmap = x_mmap,
};
