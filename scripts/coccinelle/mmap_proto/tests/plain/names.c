// SPDX-License-Identifier: GPL-2.0-only
#include <linux/fs.h>
#include <linux/xarray.h>
#ifdef CONFIG_COMPAT
#include <linux/compat.h>
#include <linux/compiler.h>
#include <linux/slab.h>
#include <linux/uio.h>
#endif
#include <asm/page.h>

static const struct vm_operations_struct names_ops = {
	.fault = names_fault,
};

/* The pages of mmap_names() are made by names_fault(). */
static int mmap_names(struct file *filp, struct vm_area_struct *area)
{
	/* The vma must not grow: names_fault() does not look. */
	vm_flags_set(area, VM_DONTEXPAND);
	area->vm_ops = &names_ops;
	area->vm_private_data = filp->private_data;
	return 0;
}

static int other_mmap(struct file *f, struct vm_area_struct *v)
{
	v->vm_ops = &names_ops;
	return 0;
}

static const struct file_operations names_fops[2] = {
	{
		.open =			names_open,
		.mmap =			mmap_names,
	},
	{
		.open =			names_open,
		.mmap =			other_mmap,
	},
};

static const struct file_operations same_fops = {
	.release        = names_release,
	.mmap           = mmap_names,
};

static const struct file_operations empty_fops = {
	.mmap = NULL,
};
