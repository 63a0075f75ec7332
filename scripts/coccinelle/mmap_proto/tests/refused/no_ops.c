// SPDX-License-Identifier: GPL-2.0-only
// Refused: sets no vm_ops
#include <linux/fs.h>

static int x_mmap(struct file *file, struct vm_area_struct *vma)
{
	vm_flags_set(vma, VM_IO);
	return 0;
}

static const struct file_operations x_fops = {
	.mmap = x_mmap,
};
