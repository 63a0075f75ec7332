// SPDX-License-Identifier: GPL-2.0-only
#include <linux/fs.h>
#include "home.h"

static const struct file_operations guest_fops = {
	.open = guest_open,
	.mmap = home_mmap,
};
