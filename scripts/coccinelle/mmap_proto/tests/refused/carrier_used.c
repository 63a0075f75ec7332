// SPDX-License-Identifier: GPL-2.0-only
// Refused: gives the VMA to what others use: x_check
#include <linux/fs.h>

static int x_check(struct vm_area_struct *vma)
{
	return vma->vm_flags & VM_SHARED ? 0 : -EINVAL;
}

static vm_fault_t x_fault(struct vm_fault *vmf)
{
	return x_check(vmf->vma) ? VM_FAULT_SIGBUS : 0;
}

static const struct vm_operations_struct x_ops = {
	.fault = x_fault,
};

static int x_mmap(struct file *file, struct vm_area_struct *vma)
{
	vma->vm_ops = &x_ops;
	return x_check(vma);
}

static const struct file_operations x_fops = {
	.mmap = x_mmap,
};
