// SPDX-License-Identifier: GPL-2.0-only
// Refused: dispatches the VMA through a pointer
#include <linux/fs.h>

static int x_mmap(struct file *file, struct vm_area_struct *vma)
{
	int (*vm_insert_page)(struct vm_area_struct *vma);

	return vm_insert_page(vma, 1, 2);
}

static const struct file_operations x_fops = {
	.mmap = x_mmap,
};
