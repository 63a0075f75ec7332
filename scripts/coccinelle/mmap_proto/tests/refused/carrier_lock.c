// SPDX-License-Identifier: GPL-2.0-only
// Refused: maps memory under a lock
#include <linux/fs.h>

static int x_map(struct vm_area_struct *vma)
{
	return vm_iomap_memory(vma, X_START, X_SIZE);
}

static int x_mmap(struct file *file, struct vm_area_struct *vma)
{
	int ret;

	mutex_lock(&x_lock);
	ret = x_map(vma);
	mutex_unlock(&x_lock);
	return ret;
}

static const struct file_operations x_fops = {
	.mmap = x_mmap,
};
