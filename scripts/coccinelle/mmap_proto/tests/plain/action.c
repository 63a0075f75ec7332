// SPDX-License-Identifier: GPL-2.0-only
// Memory that is mapped: whole, in parts, in a loop, with its result used.
// Shape: action
#include <linux/fs.h>
#include <linux/mm.h>

static int x_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct x *x = file->private_data;
	unsigned long size = vma->vm_end - vma->vm_start;

	if (vma->vm_pgoff + vma_pages(vma) > x->pages)
		return -EINVAL;

	vma->vm_page_prot = pgprot_noncached(vma->vm_page_prot);
	return remap_pfn_range(vma, vma->vm_start, PHYS_PFN(x->start) + vma->vm_pgoff,
			       size, vma->vm_page_prot);
}

static const struct file_operations x_fops = {
	.mmap = x_mmap,
};

static int y_mmap(struct file *filp, struct vm_area_struct *vma)
{
	struct y *y = filp->private_data;
	unsigned long addr = vma->vm_start;
	int i;

	vm_flags_set(vma, VM_DONTDUMP);
	for (i = 0; i < y->nr_pages; i++) {
		if (vm_insert_page(vma, addr, y->pages[i]))
			return -EAGAIN;
		addr += PAGE_SIZE;
	}
	return 0;
}

static const struct file_operations y_fops = {
	.mmap = y_mmap,
};

static int z_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct z *z = file->private_data;

	if (z->vmalloc)
		return remap_vmalloc_range(vma, z->vmalloc, vma->vm_pgoff);
	else if (z->pages)
		return vm_map_pages(vma, z->pages, z->nr_pages);
	else if (io_remap_pfn_range(vma, vma->vm_start, z->first_page_frame_number,
				    vma->vm_end - vma->vm_start, vma->vm_page_prot))
		return -EAGAIN;

	return 0;
}

static const struct file_operations z_fops = {
	.mmap	= z_mmap,
};
