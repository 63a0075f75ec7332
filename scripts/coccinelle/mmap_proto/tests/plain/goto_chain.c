// SPDX-License-Identifier: GPL-2.0-only
#include <linux/fs.h>

static const struct vm_operations_struct x_ops = {
	.fault = x_fault,
};

static int x_mmap(struct file *file, struct vm_area_struct *vma)
{
	int ret = -EINVAL;

	if (vma->vm_pgoff)
		goto out;
	if (!(vma->vm_flags & VM_SHARED))
		goto perm;
	vma->vm_ops = &x_ops;
	ret = 0;
	goto out;
perm:
	ret = -EPERM;
out:
	return ret;
}

static const struct file_operations x_fops = {
	.mmap = x_mmap,
};
