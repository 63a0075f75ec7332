// SPDX-License-Identifier: GPL-2.0-only
// Refused: calls a function of its own: x_note, which changes state: it writes last
#include <linux/fs.h>

static void x_note(struct x *x)
{
	x->last = 1;
}

static int x_mmap(struct file *file, struct vm_area_struct *vma)
{
	x_note(file->private_data);
	return 0;
}

static const struct file_operations x_fops = {
	.mmap = x_mmap,
};
