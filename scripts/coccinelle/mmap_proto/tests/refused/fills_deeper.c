// SPDX-License-Identifier: GPL-2.0-only
// Refused: calls a function of its own: x_area, which changes state: it writes pfn
#include <linux/fs.h>

static void x_area(struct area *area)
{
	area->next->pfn = 0;
}

static int x_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct area area;

	x_area(&area);
	return 0;
}

static const struct file_operations x_fops = {
	.mmap = x_mmap,
};
