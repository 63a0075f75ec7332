// SPDX-License-Identifier: GPL-2.0-only
// Shape: action
#include <linux/fs.h>

/**
 * x_check() - tell whether a mapping fits
 * @x: what is mapped
 * @vma: where
 */
static bool x_check(const struct x *x, struct vm_area_struct *vma)
{
	return vma_pages(vma) <= x->pages;
}

static int x_map(struct vm_area_struct *vma, struct x *x, pgprot_t prot)
{
	if (!x_check(x, vma))
		return -EINVAL;

	return remap_pfn_range(vma, vma->vm_start, x->pfn,
			       vma->vm_end - vma->vm_start, prot);
}

static int x_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct x *x = file->private_data;

	if (!x_check(x, vma))
		return -ENXIO;

	vm_flags_set(vma, VM_DONTCOPY);
	return x_map(vma, x, vma->vm_page_prot);
}

static const struct file_operations x_fops = {
	.mmap = x_mmap,
};
