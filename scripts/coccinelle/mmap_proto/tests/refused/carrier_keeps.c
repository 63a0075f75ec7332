// SPDX-License-Identifier: GPL-2.0-only
// Refused: gives the VMA to a function: x_note, which uses the VMA as a value
#include <linux/fs.h>

static void x_note(struct x *x, struct vm_area_struct *vma)
{
	x->vma = vma;
}

static int x_mmap(struct file *file, struct vm_area_struct *vma)
{
	x_note(file->private_data, vma);
	return 0;
}

static const struct file_operations x_fops = {
	.mmap = x_mmap,
};
