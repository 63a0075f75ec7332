// SPDX-License-Identifier: GPL-2.0-only
// Refused: calls what is not on the list: set_inode_flag
#include <linux/fs.h>

static int x_mmap(struct file *file, struct vm_area_struct *vma)
{
	set_inode_flag(file_inode(file), FI_OTHER_FILE);
	return 0;
}

static const struct file_operations x_fops = {
	.mmap = x_mmap,
};
