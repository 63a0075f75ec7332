// SPDX-License-Identifier: GPL-2.0-only
// Refused: defined in several files
#include <linux/fs.h>

int twice_mmap(struct file *file, struct vm_area_struct *vma)
{
	return 0;
}

const struct file_operations twice_fops = {
	.mmap = twice_mmap,
};
