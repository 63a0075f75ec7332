// SPDX-License-Identifier: GPL-2.0-only
// Refused: changes state: it writes i_flags
#include <linux/fs.h>

static const struct vm_operations_struct x_ops = {
	.fault = x_fault,
};

static int x_mmap(struct file *file, struct vm_area_struct *vma)
{
	(file->f_inode)->i_flags = 1;
	vma->vm_ops = &x_ops;
	return 0;
}

static const struct file_operations x_fops = {
	.mmap = x_mmap,
};
