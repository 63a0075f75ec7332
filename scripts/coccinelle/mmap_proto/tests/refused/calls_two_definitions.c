// SPDX-License-Identifier: GPL-2.0-only
// Refused: calls a function of its own: x_check, which changes state: it counts something
#include <linux/fs.h>

static const struct vm_operations_struct x_ops = {
	.fault = x_fault,
};

#ifdef X
static int x_check(struct file *file)
{
	return 0;
}
#else
static int x_check(struct file *file)
{
	return x_count++;
}
#endif

static int x_mmap(struct file *file, struct vm_area_struct *vma)
{
	if (x_check(file))
		return -EINVAL;
	vma->vm_ops = &x_ops;
	return 0;
}

static const struct file_operations x_fops = {
	.mmap = x_mmap,
};
