// SPDX-License-Identifier: GPL-2.0-only
#include <linux/fs.h>

static const struct vm_operations_struct two_ops = {
	.fault = two_fault,
};

#ifdef CONFIG_TWO
static int two_mmap(struct file *file, struct vm_area_struct *vma)
{
	vma->vm_ops = &two_ops;
	return 0;
}
#else
static int two_mmap(struct file *file, struct vm_area_struct *vma)
{
	if (vma->vm_pgoff)
		return -EINVAL;
	vma->vm_ops = &two_ops;
	return 0;
}
#endif

static const struct file_operations two_fops = {
	.mmap = two_mmap,
};
