// SPDX-License-Identifier: GPL-2.0-only
// Shape: generic
#include <linux/fs.h>
#include <linux/vma_proto.h>

static int y_describe(struct vma_proto *proto)
{
	return generic_file_readonly_mmap_proto(proto);
}

static const struct file_operations x_fops = {
	.mmap = generic_file_readonly_mmap,
};
