// SPDX-License-Identifier: GPL-2.0-only
#include <linux/fs.h>

static int x_mmap(struct file *, struct vm_area_struct *vma);

static const struct file_operations x_fops = {
	.mmap	= x_mmap,
};

static const struct vm_operations_struct x_ops = {
	.fault = x_fault,
};

/**
 * x_mmap() - map the registers
 * @file:	the open file
 * @vma:	where to map them
 *
 * Return: 0 or an errno
 */
static int x_mmap(struct file *file, struct vm_area_struct *vma)
{
	int ret;

	ret = S_ISREG(file_inode(file)->i_mode) ? 0 : -EINVAL;
	if (ret)
		goto out;

	pr_debug("x: %p\n", (struct x *)file->private_data);
out:
	vma->vm_ops = &x_ops;
	return ret;
}
