/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The prototype of a mapping: what file_operations.mmap_proto() is asked to
 * describe, before anything is merged, allocated or torn down.
 */
#ifndef _LINUX_VMA_PROTO_H
#define _LINUX_VMA_PROTO_H

#include <linux/mm_types.h>

struct file;

/**
 * struct vma_proto - a mapping that does not exist yet
 * @mm: address space that the mapping is going to be part of; immutable
 * @start: first address of the mapping, in bytes, page aligned; immutable
 * @end: first address behind the mapping, in bytes, page aligned; immutable
 * @pgoff: offset into @file, in pages
 * @file: the file that is mapped; it may not be replaced
 * @flags: VM_* flags of the mapping, as mmap() derived them from its arguments
 * @page_prot: page protection that follows from @flags
 * @vm_ops: operations of the mapping; %NULL for none
 * @private_data: becomes vm_area_struct.vm_private_data
 *
 * All fields but the last two are filled in before the hook is called; those
 * two start as %NULL and are only written. What a hook leaves in the prototype
 * is all it says: accounting and limits follow from the final @flags.
 *
 * A hook may set VM_IO, VM_PFNMAP, VM_MIXEDMAP, VM_DONTCOPY, VM_DONTEXPAND,
 * VM_DONTDUMP, VM_WIPEONFORK, VM_HUGEPAGE and VM_NOHUGEPAGE in @flags, and
 * clear VM_MAYREAD, VM_MAYWRITE and VM_MAYEXEC where the access itself is not
 * asked for. A change of any other flag, or of @file, fails the mmap().
 */
struct vma_proto {
	struct mm_struct *const mm;
	const unsigned long start;
	const unsigned long end;

	pgoff_t pgoff;
	struct file *file;
	vm_flags_t flags;
	pgprot_t page_prot;

	const struct vm_operations_struct *vm_ops;
	void *private_data;
};

#endif /* _LINUX_VMA_PROTO_H */
