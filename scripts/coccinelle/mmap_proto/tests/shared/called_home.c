// SPDX-License-Identifier: GPL-2.0-only
// Refused: its name is used elsewhere
#include <linux/fs.h>

int called_mmap(struct file *file, struct vm_area_struct *vma)
{
	return 0;
}

const struct file_operations called_fops = {
	.mmap = called_mmap,
};
