// SPDX-License-Identifier: GPL-2.0-only
// Shape: action
#include <linux/fs.h>

static int x_area(struct x *x, unsigned long index, struct area *area)
{
	memset(area, 0, sizeof(*area));
	if (index >= x->areas)
		return -EINVAL;

	index = array_index_nospec(index, x->areas);
	area->size = x->area[index].size;
	area->pfn = x->area[index].pfn;
	return 0;
}

static int x_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct area area;

	if (x_area(file->private_data, vma->vm_pgoff, &area))
		return -EINVAL;

	return remap_pfn_range(vma, vma->vm_start, area.pfn, PAGE_SIZE,
			       vma->vm_page_prot);
}

static const struct file_operations x_fops = {
	.mmap = x_mmap,
};
