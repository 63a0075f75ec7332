// SPDX-License-Identifier: GPL-2.0-only
#include <linux/fs.h>

static int home_mmap(struct file *file, struct vm_area_struct *vma)
{
	return 0;
}

static const struct file_operations namesake_fops = {
	.mmap = home_mmap,
};
