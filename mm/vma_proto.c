// SPDX-License-Identifier: GPL-2.0-only
/*
 * The mmap_proto() hook: who has one, how it is called, and what it may change.
 */

#include "vma_internal.h"
#include "vma.h"

/* What a hook may add to the flags of a mapping. */
#define VMA_PROTO_MAY_SET						\
	(VM_IO | VM_PFNMAP | VM_MIXEDMAP | VM_DONTCOPY | VM_DONTEXPAND | \
	 VM_DONTDUMP | VM_WIPEONFORK | VM_HUGEPAGE | VM_NOHUGEPAGE)

/* What a hook may take away from them. */
#define VMA_PROTO_MAY_CLEAR	(VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC)

/**
 * fops_mmap_error() - say why files with these operations cannot be mapped
 * @fops: file operations with either no mmap hook or both
 *
 * The rare half of fops_check_mmap(), which see.
 *
 * Context: any.
 * Return: -ENODEV when there is no hook, -EINVAL and one warning when there
 * are two.
 */
int fops_mmap_error(const struct file_operations *fops)
{
	if (!fops->mmap)
		return -ENODEV;

	WARN_ONCE(1, "both mmap hooks are set: %ps and %ps\n",
		  fops->mmap, fops->mmap_proto);
	return -EINVAL;
}
EXPORT_SYMBOL_GPL(fops_mmap_error);

#ifdef CONFIG_MMU
/*
 * MAP_FIXED must not get as far as the hook when a mapping that it would
 * replace is sealed.
 */
static bool range_is_sealed(struct mm_struct *mm, unsigned long start,
			    unsigned long end)
{
	VMA_ITERATOR(vmi, mm, start);
	struct vm_area_struct *vma;

	for_each_vma_range(vmi, vma, end) {
		if (!can_modify_vma(vma))
			return true;
	}

	return false;
}

/*
 * Access that is asked for must stay permitted: mprotect() checks VM_MAY* only
 * for flags that it adds.
 */
static bool flags_are_coherent(vm_flags_t flags)
{
	vm_flags_t may = 0;

	if (flags & VM_MAYREAD)
		may |= VM_READ;
	if (flags & VM_MAYWRITE)
		may |= VM_WRITE;
	if (flags & VM_MAYEXEC)
		may |= VM_EXEC;

	return !(flags & VM_ACCESS_FLAGS & ~may);
}

static bool flags_are_allowed(vm_flags_t before, vm_flags_t after)
{
	vm_flags_t set = after & ~before;
	vm_flags_t cleared = before & ~after;

	if (set & ~VMA_PROTO_MAY_SET)
		return false;
	if (cleared & ~VMA_PROTO_MAY_CLEAR)
		return false;

	/* A hook that takes nothing away does not answer for what it got. */
	return !cleared || flags_are_coherent(after);
}

/**
 * vma_proto_describe() - let the file describe a mapping of it
 * @proto: the prototype with every field but the write-only ones filled in
 * @fops: the operations of proto->file, which have an mmap_proto() hook
 *
 * Nothing has been done for the mapping when this runs, so there is nothing to
 * undo when it fails.
 *
 * Context: process context, may sleep. The caller holds the mmap_lock of
 * proto->mm for writing.
 * Return: 0, and the prototype is final; -EPERM when the range holds a sealed
 * mapping (the hook is not called); -EOVERFLOW when the hook moved the mapping
 * beyond the last offset; -EINVAL and one warning when the hook changed what
 * it may not, or returned what is no errno; otherwise the hook's own error.
 */
int vma_proto_describe(struct vma_proto *proto,
		       const struct file_operations *fops)
{
	struct file *const file = proto->file;
	const vm_flags_t flags = proto->flags;
	int error;

	mmap_assert_write_locked(proto->mm);

	if (range_is_sealed(proto->mm, proto->start, proto->end))
		return -EPERM;

	error = fops->mmap_proto(proto);
	if (WARN_ONCE(error > 0 || error < -MAX_ERRNO, "%ps returned %d\n",
		      fops->mmap_proto, error))
		return -EINVAL;
	if (error)
		return error;

	if (WARN_ONCE(proto->file != file, "%ps replaced the file\n",
		      fops->mmap_proto))
		return -EINVAL;
	if (WARN_ONCE(!flags_are_allowed(flags, proto->flags),
		      "%ps changed the flags from %lx to %lx\n",
		      fops->mmap_proto, flags, proto->flags))
		return -EINVAL;

	/* As do_mmap() has checked for the offset before the hook. */
	if (proto->pgoff + PHYS_PFN(proto->end - proto->start) < proto->pgoff)
		return -EOVERFLOW;

	/* Only a mapping whose vm_ops are NULL is anonymous. */
	if (!proto->vm_ops)
		proto->vm_ops = &vma_dummy_vm_ops;

	return 0;
}
#endif /* CONFIG_MMU */
