// SPDX-License-Identifier: GPL-2.0-only
#include <linux/fs.h>

int twice_mmap(struct file *file, struct vm_area_struct *vma)
{
	return -ENODEV;
}
