// SPDX-License-Identifier: GPL-2.0-only
#include <linux/fs.h>
#include <linux/mm.h>

static const struct vm_operations_struct early_ops = {
	.fault = early_fault,
};

static int early_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct early *early = file->private_data;
	unsigned long size = vma->vm_end - vma->vm_start;

	if (!early->ready)
		return -ENODEV;
	if (size > early->size ||
	    vma->vm_pgoff > (early->size - size) >> PAGE_SHIFT)
		return -EINVAL;
	if (!(vma->vm_flags & VM_SHARED) && !capable(CAP_SYS_RAWIO)) {
		vm_flags_clear(vma, VM_MAYWRITE);
		return 0;
	}

	vma->vm_ops = &early_ops;
	vma->vm_private_data = early;
	vma->vm_page_prot = pgprot_noncached(vma->vm_page_prot);
	return 0;
}

static const struct file_operations early_fops = {
	.owner	= THIS_MODULE,
	.mmap	= early_mmap,
	.open	= early_open,
};
