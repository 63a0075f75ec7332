// SPDX-License-Identifier: GPL-2.0-only
// Refused: a macro hides a parameter: x_setup
#include <linux/fs.h>

static const struct vm_operations_struct x_ops = {
	.fault = x_fault,
};

#ifdef X
static void x_setup(struct vm_area_struct *vma)
{
	vma->vm_private_data = x_p;
}
#else
#define x_setup(vma) do { } while (0)
#endif

static int x_mmap(struct file *file, struct vm_area_struct *vma)
{
	x_setup(vma);
	vma->vm_ops = &x_ops;
	return 0;
}

static const struct file_operations x_fops = {
	.mmap = x_mmap,
};
