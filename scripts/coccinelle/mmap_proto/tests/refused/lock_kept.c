// SPDX-License-Identifier: GPL-2.0-only
// Refused: returns with a lock held: down_read
#include <linux/fs.h>

static int x_mmap(struct file *file, struct vm_area_struct *vma)
{
	down_read(&x_sem);
	vm_flags_set(vma, VM_DONTEXPAND);
	return 0;
}

static const struct file_operations x_fops = {
	.mmap = x_mmap,
};
