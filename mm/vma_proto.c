// SPDX-License-Identifier: GPL-2.0-only
/*
 * The mmap_proto() hook: who has one, how it is called, and what it may change.
 */

#include "vma_internal.h"
#include "vma.h"

/*
 * What a hook may add to the flags of a mapping. Not VM_WRITE: the file may not
 * be open for writing, and who may write was decided before the hook.
 */
#define VMA_PROTO_MAY_SET						\
	(VM_IO | VM_PFNMAP | VM_MIXEDMAP | VM_DONTCOPY | VM_DONTEXPAND | \
	 VM_DONTDUMP | VM_WIPEONFORK | VM_HUGEPAGE | VM_NOHUGEPAGE |	\
	 VM_SEQ_READ | VM_RAND_READ | VM_LOCKED | VM_NORESERVE |	\
	 VM_ALLOW_ANY_UNCACHED | VM_READ | VM_EXEC)

/* What a hook may take away from them. */
#define VMA_PROTO_MAY_CLEAR						\
	(VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC | VM_ACCESS_FLAGS)

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
EXPORT_SYMBOL(fops_mmap_error);

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

	/* Page table entries are of one kind or the other. */
	if ((after & VM_PFNMAP) && (after & VM_MIXEDMAP))
		return false;

	/*
	 * A child that is given the VMA without its entries would undo what
	 * was reserved for them: it shall not be given the VMA.
	 */
	if ((set & VM_WIPEONFORK) && !(after & VM_DONTCOPY))
		return false;

	/* A hook that leaves access alone does not answer for what it got. */
	if ((set | cleared) & VMA_PROTO_MAY_CLEAR)
		return flags_are_coherent(after);

	return true;
}

/**
 * vma_proto_set_file() - map another file than the one that was opened
 * @proto: the prototype
 * @file: the file to map instead; vma_proto.file from here on
 *
 * The core takes a reference to @file and drops it again, whatever becomes of
 * the mapping: a hook that has created @file drops the reference that it has
 * from that, and one that borrows @file does nothing.
 *
 * Context: in an mmap_proto() hook.
 */
void vma_proto_set_file(struct vma_proto *proto, struct file *file)
{
	struct file *const before = proto->own_file;

	/* In this order: it may be the same file once more. */
	proto->own_file = get_file(file);
	proto->file = file;
	if (before)
		fput(before);
}
EXPORT_SYMBOL_GPL(vma_proto_set_file);

/**
 * vma_proto_set_anonymous() - make the mapping one of anonymous memory
 * @proto: the prototype, of a private mapping
 *
 * For files like /dev/zero, private mappings of which have no vm_ops at all.
 * The mapping keeps its file and offset, for merging and for /proc.
 *
 * Context: in an mmap_proto() hook, which then sets no vma_proto.vm_ops and
 * requests no action.
 * Return: 0, or -EINVAL if the mapping is shared.
 */
int vma_proto_set_anonymous(struct vma_proto *proto)
{
	if (proto->flags & VM_SHARED)
		return -EINVAL;

	proto->anonymous = true;
	return 0;
}
EXPORT_SYMBOL_GPL(vma_proto_set_anonymous);

/**
 * vma_proto_hold() - keep an object until the mapping has its own reference
 * @proto: the prototype
 * @object: what the hook found and took a reference to
 * @release: drops that reference
 *
 * Between the hook and vm_operations_struct.mapped(), which takes the reference
 * of the mapping itself, the driver's locks are not held and the object could
 * vanish. The core calls @release(@object) exactly once: after mapped(), after
 * any error, or when the mapping became part of another one. What was held last
 * is released first.
 *
 * Context: in an mmap_proto() hook. @release is called in process context with
 * the mmap_lock of vma_proto.mm held for writing, or here.
 * Return: 0; -ENOMEM when memory is short, and then @release was called.
 */
int vma_proto_hold(struct vma_proto *proto, void *object,
		   void (*release)(void *object))
{
	struct vma_proto_hold *hold = &proto->room->hold;

	if (proto->holds) {
		hold = kmalloc(sizeof(*hold), GFP_KERNEL);
		if (!hold) {
			release(object);
			return -ENOMEM;
		}
	}

	hold->object = object;
	hold->release = release;
	hold->next = proto->holds;
	proto->holds = hold;

	return 0;
}
EXPORT_SYMBOL_GPL(vma_proto_hold);

/* Has the mapping the flags that its actions rely on? */
static bool flags_suit_actions(const struct vma_proto *proto, vm_flags_t before)
{
	const struct vma_proto_action *action = proto->actions;

	/* These choose either, and must not find the other. */
	if (action && (action->type == VMA_PROTO_DMA_MMAP ||
		       action->type == VMA_PROTO_MMAP_FILE))
		return !(proto->flags & ~before & (VM_PFNMAP | VM_MIXEDMAP));

	return !(proto->action_flags & ~proto->flags);
}

/*
 * As do_mmap() has checked for VM_LOCKED before the hook. The core never locks,
 * nor charges, what has one of VM_SPECIAL.
 */
static bool may_lock(const struct vma_proto *proto, vm_flags_t before)
{
#ifdef CONFIG_MMU
	if ((proto->flags & ~before & VM_LOCKED) &&
	    !(proto->flags & VM_SPECIAL))
		return mlock_future_ok(proto->mm, proto->flags,
				       proto->end - proto->start);
#endif
	return true;
}

/* As do_mmap() has checked for the file and the offset that it was given. */
static bool offset_is_ok(const struct vma_proto *proto)
{
	struct inode *inode = file_inode(proto->file);

	if (proto->pgoff + vma_proto_pages(proto) < proto->pgoff)
		return false;

	/* It may be a page frame number, which no file is long enough for. */
	if (proto->flags & VM_PFNMAP)
		return true;

	/* A file that was made up for the sake of the call has no inode. */
	if (!IS_ENABLED(CONFIG_MMU) || !inode)
		return true;

	return mmap_offset_ok(proto->file, inode, proto->pgoff,
			      proto->end - proto->start);
}

/* Did the hook keep to what its prototype allows it to change? */
static int check_described(struct vma_proto *proto,
			   int (*hook)(struct vma_proto *proto),
			   const struct file *file, vm_flags_t flags)
{
	if (WARN_ONCE(proto->file != (proto->own_file ?: file),
		      "%ps replaced the file by hand\n", hook))
		return -EINVAL;
	if (WARN_ONCE((proto->flags != flags || vma_proto_has_action(proto)) &&
		      (!flags_are_allowed(flags, proto->flags) ||
		       !flags_suit_actions(proto, flags)),
		      "%ps changed the flags from %lx to %lx\n",
		      hook, flags, proto->flags))
		return -EINVAL;
	if (WARN_ONCE(proto->anonymous &&
		      (proto->vm_ops || vma_proto_has_action(proto)),
		      "%ps wants both anonymous memory and its own\n",
		      hook))
		return -EINVAL;

	/* Nor can the hook know whether the other file has mmap(). */
	if (proto->vm_ops && proto->actions &&
	    proto->actions->type == VMA_PROTO_MMAP_FILE)
		return -EINVAL;

	/* As do_mmap() has for the file that was opened. */
	if (proto->own_file) {
		int error = memfd_check_seals_mmap(proto->file, &proto->flags);

		if (error)
			return error;
	}

	return 0;
}

/**
 * vma_proto_describe() - let the file describe a mapping of it
 * @proto: the prototype with @mm, @start, @end, @pgoff, @file, @flags,
 *         @page_prot and @room filled in, and all else zero
 * @hook: the mmap_proto() hook of proto->file, or one that stands for it
 *
 * Nothing has been done for the mapping when this runs, so there is nothing to
 * undo when it fails, but for vma_proto_release(), which the caller owes @proto
 * in any case.
 *
 * Context: process context, may sleep. The caller holds the mmap_lock of
 * proto->mm for writing.
 * Return: 0, and the prototype is final; -EPERM when the file that the hook
 * chose is sealed against what the mapping may do; -EOVERFLOW when the hook
 * moved the mapping beyond the last offset; -EAGAIN when it locks memory beyond
 * RLIMIT_MEMLOCK; -EINVAL and one warning when the hook changed what it may
 * not, or returned what is no errno; otherwise the hook's own error.
 */
int vma_proto_describe(struct vma_proto *proto,
		       int (*hook)(struct vma_proto *proto))
{
	struct file *const file = proto->file;
	const vm_flags_t flags = proto->flags;
	const pgoff_t pgoff = proto->pgoff;
	int error;

	mmap_assert_write_locked(proto->mm);

	error = hook(proto) ?: proto->error;
	if (WARN_ONCE(error > 0 || error < -MAX_ERRNO, "%ps returned %d\n",
		      hook, error))
		return -EINVAL;
	if (error)
		return error;

	error = check_described(proto, hook, file, flags);
	if (error)
		return error;
	if ((proto->own_file || proto->pgoff != pgoff) && !offset_is_ok(proto))
		return -EOVERFLOW;
	if (!may_lock(proto, flags))
		return -EAGAIN;

	/* No entry may permit more than the flags do. */
	if ((proto->flags ^ flags) & VM_ACCESS_FLAGS)
		vma_proto_reprotect(proto);

	/* Only a mapping whose vm_ops are NULL is anonymous. */
	if (!proto->vm_ops && !proto->anonymous)
		proto->vm_ops = &vma_dummy_vm_ops;

	return 0;
}

/**
 * vma_proto_complete() - make a new VMA what its prototype says
 * @proto: the prototype, which vma_proto_describe() has accepted
 * @vma: a VMA with the range, the offset, the flags and the file of @proto
 *
 * The last that can fail before @vma is inserted: from here on close() has a
 * mapped() to pair with.
 *
 * Context: process context, may sleep. The caller holds the mmap_lock of
 * proto->mm for writing, and @vma is not in a tree yet. On failure the caller
 * unmaps what is mapped in it already, and calls no operation of it.
 * Return: 0, or the error of an action or of mapped().
 */
int vma_proto_complete(const struct vma_proto *proto,
		       struct vm_area_struct *vma)
{
	const struct vm_operations_struct *vm_ops = proto->vm_ops;
	int error;

	vma->vm_page_prot = proto->page_prot;
	vma->vm_ops = vm_ops;
	vma->vm_private_data = proto->private_data;

	error = vma_proto_run_actions(proto, vma);
	if (!error && vm_ops && vm_ops->mapped)
		error = vm_ops->mapped(vma->vm_start, vma->vm_end,
				       proto->pgoff, proto->file,
				       &vma->vm_private_data);
	if (WARN_ONCE(error > 0 || error < -MAX_ERRNO,
		      "a mapping with %ps returned %d\n", vm_ops, error))
		error = -EINVAL;

	/* What did not come to be mapped must not be closed. */
	if (error)
		vma->vm_ops = &vma_dummy_vm_ops;

	return error;
}

/**
 * vma_proto_release() - let go of all that belongs to a prototype
 * @proto: the prototype, whatever became of it
 *
 * Context: process context, may sleep.
 */
void vma_proto_release(struct vma_proto *proto)
{
	struct vma_proto_hold *hold;

	/* Most prototypes have nothing. */
	if (likely(!proto->holds && !proto->actions && !proto->own_file))
		return;

	while ((hold = proto->holds)) {
		proto->holds = hold->next;
		hold->release(hold->object);
		if (hold != &proto->room->hold)
			kfree(hold);
	}

	vma_proto_free_actions(proto);

	if (proto->own_file)
		fput(proto->own_file);
}
