// SPDX-License-Identifier: GPL-2.0-only
// Refused: defined in another file
#include <linux/fs.h>

static const struct vm_operations_struct x_ops = {
	.fault = x_fault,
};

#define DEF(name) \
static int name##_mmap(struct file *file, struct vm_area_struct *vma) \
{ \
	vma->vm_ops = &x_ops; \
	return 0; \
}

DEF(macro_defines_hook)

static const struct file_operations x_fops = {
	.mmap = macro_defines_hook_mmap,
};
