// SPDX-License-Identifier: GPL-2.0-only
// Refused: calls what is not on the list: GET
#include <linux/fs.h>

static const struct vm_operations_struct x_ops = {
	.fault = x_fault,
};

#define GET(a) v##a->vm_pgoff

static int x_mmap(struct file *file, struct vm_area_struct *vma)
{
	if (GET(ma))
		return -EINVAL;
	vma->vm_ops = &x_ops;
	return 0;
}

static const struct file_operations x_fops = {
	.mmap = x_mmap,
};
