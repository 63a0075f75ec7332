// SPDX-License-Identifier: GPL-2.0-only
// Refused: changes flags that are not named: X_FLAGS
#include <linux/fs.h>

static const struct vm_operations_struct x_ops = {
	.fault = x_fault,
};

#define X_FLAGS (VM_IO | VM_LOCKED)

static int x_mmap(struct file *file, struct vm_area_struct *vma)
{
	vm_flags_set(vma, X_FLAGS);
	vma->vm_ops = &x_ops;
	return 0;
}

static const struct file_operations x_fops = {
	.mmap = x_mmap,
};
