// SPDX-License-Identifier: GPL-2.0-only
#include <linux/fs.h>
#include <linux/mm.h>

static const struct vm_operations_struct both_ops = {
	.fault = both_fault,
};

static int both_mmap(struct file *file, struct vm_area_struct *vma)
{
	unsigned long size = vma->vm_end - vma->vm_start;

	if (vma->vm_flags & VM_WRITE || vma->vm_pgoff + size > BOTH_SIZE)
		return -EPERM;
	vm_flags_set(vma, VM_IO | VM_DONTDUMP);
	vm_flags_clear(vma, VM_MAYWRITE);
	vm_flags_mod(vma, VM_DONTEXPAND, VM_MAYEXEC);
	vma->vm_page_prot = pgprot_writecombine(vma->vm_page_prot);
	vma->vm_private_data = file->private_data;
	vma->vm_ops = &both_ops;
	return 0;
}

static const struct file_operations both_fops = {
	.owner	= THIS_MODULE,
	.mmap	= both_mmap,
};
