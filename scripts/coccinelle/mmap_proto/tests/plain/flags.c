// SPDX-License-Identifier: GPL-2.0-only
#include <linux/mm.h>

static const struct vm_operations_struct flags_ops = {
	.fault = flags_fault,
};

static int flags_mmap(struct file *file, struct vm_area_struct *vma)
{
	vm_flags_set(vma, VM_IO);
	vm_flags_set(vma, VM_DONTDUMP |
			  VM_DONTEXPAND);
	vm_flags_set(vma, VM_IO | VM_PFNMAP | VM_DONTDUMP |
			  VM_DONTEXPAND | VM_DONTCOPY | VM_MIXEDMAP);
	vm_flags_set(vma, vma->vm_pgoff ? VM_IO : 0);
	vm_flags_clear(vma, VM_MAYEXEC);
	vm_flags_clear(vma, VM_MAYEXEC | VM_MAYWRITE);
	vm_flags_mod(vma, VM_DONTCOPY, 0);
	vm_flags_mod(vma, 0, VM_MAYWRITE);
	vm_flags_mod(vma, 0, VM_MAYWRITE | VM_MAYEXEC);
	vm_flags_mod(vma, VM_DONTCOPY, VM_MAYWRITE);
	vm_flags_mod(vma, vma->vm_pgoff ? VM_IO : 0, VM_MAYWRITE);
	vm_flags_mod(vma, VM_DONTCOPY | VM_MIXEDMAP, VM_MAYWRITE | VM_MAYEXEC);
	if (vma->vm_file->f_flags)
		vm_flags_reset(vma, vma->vm_flags | VM_IO);
	vma->vm_ops = &flags_ops;
	return 0;
}

static const struct file_operations flags_fops = {
	.mmap = flags_mmap,
};
