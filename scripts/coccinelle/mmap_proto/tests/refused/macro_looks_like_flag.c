// SPDX-License-Identifier: GPL-2.0-only
// Refused: changes a flag that is the core's: VM_IO2
#include <linux/fs.h>

static const struct vm_operations_struct x_ops = {
	.fault = x_fault,
};

#define VM_IO2 (VM_IO | VM_LOCKED)

static int x_mmap(struct file *file, struct vm_area_struct *vma)
{
	vm_flags_set(vma, VM_IO2);
	vma->vm_ops = &x_ops;
	return 0;
}

static const struct file_operations x_fops = {
	.mmap = x_mmap,
};
