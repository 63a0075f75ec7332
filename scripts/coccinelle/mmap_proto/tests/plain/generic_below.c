// SPDX-License-Identifier: GPL-2.0-only
// A hook that has another one do its work, and goes on.
#include <linux/fs.h>

static const struct vm_operations_struct x_ops = {
	.fault = x_fault,
};

static int x_mmap(struct file *file, struct vm_area_struct *vma)
{
	int error;

	if (file->f_flags & O_SYNC)
		return generic_file_readonly_mmap(file, vma);

	error = generic_file_mmap(file, vma);
	if (error)
		return error;
	vma->vm_ops = &x_ops;
	return 0;
}

static const struct file_operations x_fops = {
	.mmap = x_mmap,
};
