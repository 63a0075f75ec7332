// SPDX-License-Identifier: GPL-2.0-only
// Refused: may map more than was asked for
#include <linux/fs.h>

static const struct vm_operations_struct x_ops = {
	.fault = x_fault,
};

static int x_mmap(struct file *file, struct vm_area_struct *vma)
{
	return remap_pfn_range(vma, vma->vm_start + PAGE_SIZE, x_pfn, vma->vm_end - vma->vm_start, vma->vm_page_prot);
}

static const struct file_operations x_fops = {
	.mmap = x_mmap,
};
