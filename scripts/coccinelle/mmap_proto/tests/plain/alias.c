// SPDX-License-Identifier: GPL-2.0-only
#include <linux/fs.h>

#ifdef X_SMALL_PAGES
static const struct vm_operations_struct x_ops = {
	.fault = x_fault,
};

static int x_mmap(struct file *file, struct vm_area_struct *vma)
{
	vm_flags_mod(vma, VM_SEQ_READ, VM_RAND_READ);
	vma->vm_ops = &x_ops;
	return 0;
}
#else
#define x_mmap	NULL
#endif

static const struct file_operations x_fops = {
	.mmap = x_mmap,
};

#ifdef X_DAX
static int y_mmap(struct file *file, struct vm_area_struct *vma)
{
	return generic_file_mmap(file, vma);
}
#else
#define y_mmap generic_file_mmap
#endif

static const struct file_operations y_fops = {
	.mmap = y_mmap,
};
