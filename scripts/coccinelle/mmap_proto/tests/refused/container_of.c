// SPDX-License-Identifier: GPL-2.0-only
// Refused: takes the VMA elsewhere: container_of
#include <linux/fs.h>

static int x_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct x *x = container_of(vma, struct x, vma);

	return x->error;
}

static const struct file_operations x_fops = {
	.mmap = x_mmap,
};
