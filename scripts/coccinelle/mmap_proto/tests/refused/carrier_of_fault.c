// SPDX-License-Identifier: GPL-2.0-only
// Refused: gives the VMA to what others use: x_page
#include <linux/fs.h>

static const struct vm_operations_struct x_ops = {
	.fault = x_fault,
};

static int x_page(struct vm_area_struct *vma)
{
	return vma->vm_pgoff;
}

static vm_fault_t x_fault(struct vm_fault *vmf)
{
	return x_page(vmf->vma);
}

static int x_mmap(struct file *file, struct vm_area_struct *vma)
{
	if (x_page(vma))
		return -EINVAL;
	vma->vm_ops = &x_ops;
	return 0;
}

static const struct file_operations x_fops = {
	.mmap = x_mmap,
};
