// SPDX-License-Identifier: GPL-2.0-only
#include <linux/fs.h>

static bool x_known(struct x *x)
{
	struct device_node *node;
	bool found = false;

	for_each_child_of_node(x->node, node) {
		if (of_get_property(node, "x", NULL))
			found = true;
	}
	return found;
}

static int x_mmap(struct file *file, struct vm_area_struct *vma)
{
	return x_known(file->private_data) ? 0 : -EINVAL;
}

static const struct file_operations x_fops = {
	.mmap = x_mmap,
};
