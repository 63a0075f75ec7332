// SPDX-License-Identifier: GPL-2.0-only
// Shape: action
#include <linux/fs.h>

static int x_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct x *x = file->private_data;
	unsigned long size, pfn;
	int ret = 0;

	size = vma->vm_end - vma->vm_start;
	mutex_lock(&x->lock);
	if (size > x->size) {
		mutex_unlock(&x->lock);
		return -EINVAL;
	}
	if (!x->pfn) {
		ret = -ENODEV;
		goto unlock;
	}
	pfn = x->pfn;
	mutex_unlock(&x->lock);

	return remap_pfn_range(vma, vma->vm_start, pfn, size,
			       vma->vm_page_prot);

unlock:
	mutex_unlock(&x->lock);
	return ret;
}

static const struct file_operations x_fops = {
	.mmap = x_mmap,
};
