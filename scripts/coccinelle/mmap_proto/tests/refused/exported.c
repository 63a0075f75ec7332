// SPDX-License-Identifier: GPL-2.0-only
// Refused: not static: other files may use it
#include <linux/fs.h>

static const struct vm_operations_struct x_ops = {
	.fault = x_fault,
};

int x_mmap(struct file *file, struct vm_area_struct *vma)
{
	vma->vm_ops = &x_ops;
	return 0;
}
EXPORT_SYMBOL_GPL(x_mmap);

static const struct file_operations x_fops = {
	.mmap = x_mmap,
};
