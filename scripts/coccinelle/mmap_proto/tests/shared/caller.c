// SPDX-License-Identifier: GPL-2.0-only
// Refused: dispatches the VMA through a pointer
#include <linux/fs.h>

static int caller_mmap(struct file *file, struct vm_area_struct *vma)
{
	int (*hook)(struct file *, struct vm_area_struct *) = called_mmap;

	return (*hook)(file, vma);
}

static const struct file_operations caller_fops = {
	.mmap = caller_mmap,
};
