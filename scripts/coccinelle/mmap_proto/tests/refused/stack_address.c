// SPDX-License-Identifier: GPL-2.0-only
// Refused: memory is mapped from a variable of its own
#include <linux/fs.h>

static const struct vm_operations_struct x_ops = {
	.fault = x_fault,
};

static int x_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct page *page = x_page;

	return vm_map_pages(vma, &page, 1);
}

static const struct file_operations x_fops = {
	.mmap = x_mmap,
};
