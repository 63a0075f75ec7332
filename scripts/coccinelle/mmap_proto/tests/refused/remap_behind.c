// SPDX-License-Identifier: GPL-2.0-only
// Refused: may map more than was asked for
#include <linux/fs.h>

static int x_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct x *x = file->private_data;

	return remap_pfn_range(vma, vma->vm_start + PAGE_SIZE, x->pfn,
			       PAGE_SIZE, vma->vm_page_prot);
}

static const struct file_operations x_fops = {
	.mmap = x_mmap,
};
