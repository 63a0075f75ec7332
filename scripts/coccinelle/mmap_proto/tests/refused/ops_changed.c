// SPDX-License-Identifier: GPL-2.0-only
// Refused: its vm_ops change: x_ops
#include <linux/fs.h>

static struct vm_operations_struct x_ops = {
	.fault = x_fault,
};

static int x_mmap(struct file *file, struct vm_area_struct *vma)
{
	vma->vm_ops = &x_ops;
	return 0;
}

static const struct file_operations x_fops = {
	.mmap = x_mmap,
};

void x_init(void)
{
	x_ops.close = x_close;
}
