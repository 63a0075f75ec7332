// SPDX-License-Identifier: GPL-2.0-only
// Shape: action
#include <linux/fs.h>

static int x_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct x *x = file->private_data;

	if (vma->vm_pgoff)
		return -EINVAL;
	if (file->f_flags & O_SYNC)
		return dma_mmap_wc(x->dev, vma, x->memory, x->handle, x->size);

	return dma_mmap_coherent(x->dev, vma, x->memory, x->handle, x->size);
}

static const struct file_operations x_fops = {
	.mmap = x_mmap,
};
