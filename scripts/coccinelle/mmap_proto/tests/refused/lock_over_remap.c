// SPDX-License-Identifier: GPL-2.0-only
// Refused: maps memory under a lock
#include <linux/fs.h>

static int x_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct x *x = file->private_data;
	int ret;

	mutex_lock(&x->lock);
	if (!x->pfn) {
		mutex_unlock(&x->lock);
		return -ENODEV;
	}
	ret = remap_pfn_range(vma, vma->vm_start, x->pfn, PAGE_SIZE,
			      vma->vm_page_prot);
	mutex_unlock(&x->lock);
	return ret;
}

static const struct file_operations x_fops = {
	.mmap = x_mmap,
};
