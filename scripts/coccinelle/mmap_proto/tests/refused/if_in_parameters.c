// SPDX-License-Identifier: GPL-2.0-only
// Refused: defined in another file
#include <linux/fs.h>

static const struct vm_operations_struct x_ops = {
	.fault = x_fault,
};

static int if_in_parameters_mmap(struct file *file,
#ifdef X
		  struct vm_area_struct *vma)
#else
		  struct vm_area_struct *area)
#endif
{
	vma->vm_ops = &x_ops;
	return 0;
}

static const struct file_operations x_fops = {
	.mmap = if_in_parameters_mmap,
};
