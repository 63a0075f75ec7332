// SPDX-License-Identifier: GPL-2.0-only
#include <linux/fs.h>
#include "home.h"

static const struct file_operations guest_fops = {
	.open = guest_open,
	.mmap = home_mmap,
};

static void guest_walk(struct vm_area_struct *vma)
{
	guest_last = vma->vm_end;
}
