// SPDX-License-Identifier: GPL-2.0-only
#include <linux/fs.h>
#include "home.h"

static const struct vm_operations_struct home_ops = {
	.fault = home_fault,
};

int home_mmap(struct file *file, struct vm_area_struct *vma)
{
	vma->vm_ops = &home_ops;
	return 0;
}
EXPORT_SYMBOL_GPL(home_mmap);
