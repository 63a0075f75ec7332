// SPDX-License-Identifier: GPL-2.0-only
// Refused: stands for another function: y_mmap
#include <linux/fs.h>

#ifdef X
static int x_mmap(struct file *file, struct vm_area_struct *vma)
{
	return 0;
}
#else
#define x_mmap y_mmap
#endif

static const struct file_operations x_fops = {
	.mmap = x_mmap,
};
