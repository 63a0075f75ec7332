// SPDX-License-Identifier: GPL-2.0-only
// Refused: takes the VMA elsewhere: dma_mmap_coherent
#include <linux/fs.h>

static int x_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct x *x = file->private_data;

	return dma_mmap_coherent(vma, x->dev, x->memory, x->handle, x->size);
}

static const struct file_operations x_fops = {
	.mmap = x_mmap,
};
