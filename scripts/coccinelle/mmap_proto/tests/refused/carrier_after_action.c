// SPDX-License-Identifier: GPL-2.0-only
// Refused: calls x_flags after memory is mapped
#include <linux/fs.h>

static void x_flags(struct vm_area_struct *vma)
{
	vma->vm_page_prot = pgprot_noncached(vma->vm_page_prot);
}

static int x_mmap(struct file *file, struct vm_area_struct *vma)
{
	int ret = vm_iomap_memory(vma, X_START, X_SIZE);

	x_flags(vma);
	return ret;
}

static const struct file_operations x_fops = {
	.mmap = x_mmap,
};
