// SPDX-License-Identifier: GPL-2.0-only
// Refused: its vm_ops count mappings: close
#include <linux/fs.h>

#ifdef X
static const struct vm_operations_struct x_ops = {
	.fault = x_fault,
};

#else
static const struct vm_operations_struct x_ops = {
	.fault = x_fault,
	.close = x_close,
};
#endif

static int x_mmap(struct file *file, struct vm_area_struct *vma)
{
	vma->vm_ops = &x_ops;
	return 0;
}

static const struct file_operations x_fops = {
	.mmap = x_mmap,
};
