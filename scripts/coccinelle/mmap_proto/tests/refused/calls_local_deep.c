// SPDX-License-Identifier: GPL-2.0-only
// Refused: calls a function of its own: x_note, which calls what is not on the list: x_publish
#include <linux/fs.h>

static int x_note(struct x *x)
{
	return x_publish(x);
}

static int x_mmap(struct file *file, struct vm_area_struct *vma)
{
	return x_note(file->private_data);
}

static const struct file_operations x_fops = {
	.mmap = x_mmap,
};
