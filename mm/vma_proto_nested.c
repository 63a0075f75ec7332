// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mapping a file that has an mmap_proto() hook where a VMA exists already: in
 * the mmap() hook of another file, and where there is no MMU.
 */

#include "vma_internal.h"
#include "vma.h"

/* What a VMA was before a hook had a say. */
struct vma_before {
	vm_flags_t flags;
	pgprot_t page_prot;
	pgoff_t pgoff;
	const struct vm_operations_struct *vm_ops;
	void *private_data;
	struct file *file;
};

static void set_flags(struct vm_area_struct *vma, vm_flags_t flags)
{
	vm_flags_set(vma, flags & ~vma->vm_flags);
	vm_flags_clear(vma, vma->vm_flags & ~flags);
}

/*
 * What mmap_region() has checked with the flags and the file that the outer
 * file left: once more with the final ones. The charge for the memory stays what
 * it is, as for any mmap() hook that changes flags.
 */
static int check_final(const struct vma_proto *proto)
{
	if (map_deny_write_exec(proto->flags, proto->flags))
		return -EACCES;

	if (!arch_validate_flags(proto->flags))
		return -EINVAL;

	/*
	 * The file is sealed, or is not. That it is sealed from here on until
	 * the VMA is inserted nobody can prevent: the caller of the outer hook
	 * holds the right to write to another file.
	 */
	if (IS_ENABLED(CONFIG_MMU) && proto->own_file &&
	    is_shared_maywrite(proto->flags)) {
		struct address_space *mapping = proto->file->f_mapping;
		int error = mapping_map_writable(mapping);

		if (error)
			return error;
		mapping_unmap_writable(mapping);
	}

	return 0;
}

/* Take back what the hook's actions and the prototype did to @vma. */
static void restore_vma(struct vm_area_struct *vma,
			const struct vma_proto *proto,
			const struct vma_before *before)
{
	/*
	 * While the flags still say what kind the entries are of, but without
	 * a file: for whoever looks at that, such as hugetlbfs, this would be
	 * a mapping of the file that has been set up.
	 */
	if (IS_ENABLED(CONFIG_MMU) && vma_proto_has_action(proto)) {
		struct file *file = vma->vm_file;

		vma->vm_file = NULL;
		zap_page_range_single(vma, vma->vm_start,
				      vma->vm_end - vma->vm_start, NULL);
		vma->vm_file = file;
	}

	/* Whatever it is by now, the VMA has a reference to it. */
	vma_set_file(vma, before->file);
	vma->vm_private_data = before->private_data;
	vma->vm_ops = before->vm_ops;
	vma->vm_pgoff = before->pgoff;
	vma->vm_page_prot = before->page_prot;
	set_flags(vma, before->flags);
}

/* Make @vma what @proto says, all of it or nothing. */
static int complete_vma(const struct vma_proto *proto,
			struct vm_area_struct *vma)
{
	/* With a reference: the last other one may be that of @vma. */
	const struct vma_before before = {
		.flags = vma->vm_flags,
		.page_prot = vma->vm_page_prot,
		.pgoff = vma->vm_pgoff,
		.vm_ops = vma->vm_ops,
		.private_data = vma->vm_private_data,
		.file = get_file(vma->vm_file),
	};
	int error;

	set_flags(vma, proto->flags);
	vma->vm_pgoff = proto->pgoff;
	if (proto->own_file)
		vma_set_file(vma, proto->own_file);

	error = vma_proto_complete(proto, vma);
	if (error)
		restore_vma(vma, proto, &before);
	else if (vma->vm_ops == &vma_dummy_vm_ops)
		vma->vm_ops = before.vm_ops;

	fput(before.file);

	return error;
}

/**
 * vma_proto_mmap_vma() - make a new VMA what a function describes
 * @vma: the new VMA, which is not in a tree yet
 * @file: the file that is mapped; it need not be what @vma maps
 * @hook: describes the mapping, as an mmap_proto() hook does
 * @private_data: for @hook, which finds it in vma_proto.private_data
 *
 * For those who are given a VMA and know what to map without a file that has
 * mmap_proto(). Does for @vma what mmap_region() does for a mapping that is
 * described, as far as that is not too late: checks what the hook changed,
 * carries out its actions, and calls vm_ops->mapped(). Whoever replaces the
 * operations of @vma after that must forward close(), and who fails after that
 * must call it first.
 *
 * If the hook sets no operations, those of @vma stay.
 *
 * Context: process context, may sleep. The caller holds the mmap_lock of
 * @vma->vm_mm for writing.
 * Return: 0; an error, and @vma is as it was: -EACCES, -EINVAL, -EPERM when
 * mmap_region() would refuse the final flags or the final file; what
 * vma_proto_describe() or vma_proto_complete() returned.
 */
int vma_proto_mmap_vma(struct vm_area_struct *vma, struct file *file,
		       int (*hook)(struct vma_proto *proto),
		       void *private_data)
{
	struct vma_proto_room room __uninitialized;
	struct vma_proto proto = {
		.mm = vma->vm_mm,
		.start = vma->vm_start,
		.end = vma->vm_end,
		.pgoff = vma->vm_pgoff,
		.file = file,
		.flags = vma->vm_flags,
		.page_prot = vma->vm_page_prot,
		.private_data = private_data,
		.room = &room,
	};
	int error;

	error = vma_proto_describe(&proto, hook);
	if (!error)
		error = check_final(&proto);
	if (!error)
		error = complete_vma(&proto, vma);

	vma_proto_release(&proto);

	return error;
}
EXPORT_SYMBOL_GPL(vma_proto_mmap_vma);

/**
 * fops_mmap_proto() - map a file that describes its mappings on a new VMA
 * @fops: operations of @file, which have no mmap() hook
 * @file: the file; its f_op may be something else, and it need not be what
 *        @vma maps
 * @vma: the new VMA, which is not in a tree yet
 *
 * The slow half of fops_mmap(), which see, for vma_proto_mmap_vma().
 *
 * If the hook sets no operations, or no private data, those of @vma stay.
 *
 * Context: process context, may sleep. The caller holds the mmap_lock of
 * @vma->vm_mm for writing.
 * Return: as vma_proto_mmap_vma(); -ENODEV when there is no hook.
 */
int fops_mmap_proto(const struct file_operations *fops, struct file *file,
		    struct vm_area_struct *vma)
{
	int error;

	error = fops_check_mmap(fops);
	if (error)
		return error;

	return vma_proto_mmap_vma(vma, file, fops->mmap_proto,
				  vma->vm_private_data);
}
EXPORT_SYMBOL(fops_mmap_proto);
