// SPDX-License-Identifier: GPL-2.0-only
// Refused: changes the VMA's vm_page_prot after memory is mapped
#include <linux/fs.h>

static int x_mmap(struct file *file, struct vm_area_struct *vma)
{
	int error = vm_iomap_memory(vma, x_start, x_size);

	vma->vm_page_prot = pgprot_noncached(vma->vm_page_prot);
	return error;
}

static const struct file_operations x_fops = {
	.mmap = x_mmap,
};
