/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The prototype of a mapping: what file_operations.mmap_proto() is asked to
 * describe, before anything is merged, allocated or torn down.
 *
 * Documentation/filesystems/mmap_proto.rst tells how to write a hook.
 */
#ifndef _LINUX_VMA_PROTO_H
#define _LINUX_VMA_PROTO_H

#include <linux/mm_types.h>

struct cred;
struct device;
struct file;
struct page;

/* What the core can do with a new mapping on behalf of a hook. */
enum vma_proto_action_type {
	VMA_PROTO_REMAP_PFN,
	VMA_PROTO_REMAP_IO,
	VMA_PROTO_INSERT_PAGES,
	VMA_PROTO_INSERT_CONTIGUOUS,
	VMA_PROTO_REMAP_VMALLOC,
	VMA_PROTO_DMA_MMAP,
	VMA_PROTO_MMAP_FILE,
};

/**
 * struct vma_proto_action - one request for the core; see the helpers below
 * @next: the request that was made after this one
 * @type: which kind of request
 * @use_page_prot: map with the final vma_proto.page_prot, not with @remap.prot
 * @addr: first address, in bytes, page aligned
 * @size: length in bytes, page aligned
 * @remap: physical memory, for %VMA_PROTO_REMAP_PFN and %VMA_PROTO_REMAP_IO
 * @pages: array of pages, for %VMA_PROTO_INSERT_PAGES
 * @page: first of the pages, for %VMA_PROTO_INSERT_CONTIGUOUS
 * @vmalloc: vmalloc area, for %VMA_PROTO_REMAP_VMALLOC
 * @dma: DMA-coherent memory, for %VMA_PROTO_DMA_MMAP
 * @nested: another file, and who maps it, for %VMA_PROTO_MMAP_FILE
 */
struct vma_proto_action {
	struct vma_proto_action *next;
	enum vma_proto_action_type type;
	bool use_page_prot;
	unsigned long addr;
	unsigned long size;
	union {
		struct {
			unsigned long pfn;
			pgprot_t prot;
		} remap;
		struct page **pages;
		struct page *page;
		struct {
			void *addr;
			unsigned long pgoff;
		} vmalloc;
		struct {
			struct device *dev;
			void *cpu_addr;
			dma_addr_t dma_addr;
			size_t size;
			unsigned long attrs;
		} dma;
		struct {
			struct file *file;
			const struct cred *cred;
		} nested;
	};
};

/**
 * struct vma_proto_hold - something that must not go away; vma_proto_hold()
 * @next: what was held before
 * @object: passed to @release
 * @release: lets go of @object
 */
struct vma_proto_hold {
	struct vma_proto_hold *next;
	void *object;
	void (*release)(void *object);
};

/* Room for the first request and the first hold: these need no memory. */
struct vma_proto_room {
	struct vma_proto_action action;
	struct vma_proto_hold hold;
};

/**
 * struct vma_proto - a mapping that does not exist yet
 * @mm: address space that the mapping is going to be part of; immutable
 * @start: first address of the mapping, in bytes, page aligned; immutable
 * @end: first address behind the mapping, in bytes, page aligned; immutable
 * @pgoff: offset into @file, in pages
 * @file: the file that is mapped; replaced by vma_proto_set_file() alone
 * @flags: VM_* flags of the mapping, as mmap() derived them from its arguments
 * @page_prot: page protection that follows from @flags
 * @vm_ops: operations of the mapping; %NULL for none
 * @private_data: becomes vm_area_struct.vm_private_data
 *
 * The fields up to @page_prot are filled in before the hook is called. @vm_ops
 * and @private_data are only written: what they hold before is of no use to a
 * hook. What a hook leaves in the prototype, and requests through the helpers
 * below, is all it says: accounting, limits and merging follow from it.
 *
 * In @flags a hook may
 *
 * - set VM_IO, VM_PFNMAP, VM_MIXEDMAP, VM_DONTCOPY, VM_DONTEXPAND,
 *   VM_DONTDUMP, VM_HUGEPAGE, VM_NOHUGEPAGE, VM_SEQ_READ, VM_RAND_READ,
 *   VM_LOCKED, VM_NORESERVE and VM_ALLOW_ANY_UNCACHED, and VM_READ or VM_EXEC
 *   as far as VM_MAYREAD or VM_MAYEXEC is there; with VM_DONTCOPY also
 *   VM_WIPEONFORK;
 * - clear VM_MAYREAD, VM_MAYWRITE and VM_MAYEXEC, together with the access that
 *   each permits.
 *
 * A change of any other flag fails the mmap().
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

	/* private: for the core and the helpers below */

	/* The first and the last request; NULL while there is none. */
	struct vma_proto_action *actions;
	struct vma_proto_action *last_action;
	/* Behind the highest address, and the flags, of all requests. */
	unsigned long action_end;
	vm_flags_t action_flags;
	/* What is held, the latest first. */
	struct vma_proto_hold *holds;
	/* Not initialised: most hooks need none of it. */
	struct vma_proto_room *room;
	/* The reference that vma_proto_set_file() took. */
	struct file *own_file;
	/* What the hook of another file failed with: it may be half done. */
	int error;
	/* Was vma_proto_set_anonymous() called? */
	bool anonymous;
};

/* Length of the mapping in pages. */
static inline unsigned long vma_proto_pages(const struct vma_proto *proto)
{
	return (proto->end - proto->start) >> PAGE_SHIFT;
}

/* Was an action requested? */
static inline bool vma_proto_has_action(const struct vma_proto *proto)
{
	return proto->actions;
}

/* The mapping itself. */
void vma_proto_set_file(struct vma_proto *proto, struct file *file);
int vma_proto_set_anonymous(struct vma_proto *proto);
int vma_proto_hold(struct vma_proto *proto, void *object,
		   void (*release)(void *object));
int vma_proto_mmap_file(struct vma_proto *proto, struct file *file);

/* Actions. */
int vma_proto_remap_pfn_range(struct vma_proto *proto, unsigned long addr,
			      unsigned long pfn, unsigned long size,
			      pgprot_t prot);
int vma_proto_io_remap_pfn_range(struct vma_proto *proto, unsigned long addr,
				 unsigned long pfn, unsigned long size,
				 pgprot_t prot);
int vma_proto_iomap_memory(struct vma_proto *proto, phys_addr_t start,
			   unsigned long len);
int vma_proto_insert_page(struct vma_proto *proto, unsigned long addr,
			  struct page *page);
int vma_proto_insert_pages(struct vma_proto *proto, unsigned long addr,
			   struct page **pages, unsigned long num);
int vma_proto_map_pages(struct vma_proto *proto, struct page **pages,
			unsigned long num);
int vma_proto_map_pages_zero(struct vma_proto *proto, struct page **pages,
			     unsigned long num);
int vma_proto_remap_vmalloc_range(struct vma_proto *proto, void *addr,
				  unsigned long pgoff);
int vma_proto_remap_vmalloc_range_partial(struct vma_proto *proto,
					  unsigned long uaddr, void *kaddr,
					  unsigned long pgoff,
					  unsigned long size);
int vma_proto_dma_mmap_attrs(struct vma_proto *proto, struct device *dev,
			     void *cpu_addr, dma_addr_t dma_addr, size_t size,
			     unsigned long attrs);
int vma_proto_dma_mmap_pages(struct vma_proto *proto, struct device *dev,
			     size_t size, struct page *page);

/* As dma_mmap_coherent(): vma_proto_dma_mmap_attrs() without attributes. */
static inline int vma_proto_dma_mmap_coherent(struct vma_proto *proto,
					      struct device *dev,
					      void *cpu_addr,
					      dma_addr_t dma_addr, size_t size)
{
	return vma_proto_dma_mmap_attrs(proto, dev, cpu_addr, dma_addr, size,
					0);
}

/*
 * As dma_mmap_wc(), for memory of dma_alloc_wc(). A macro, so that only those
 * who use it need <linux/dma-mapping.h>.
 */
#define vma_proto_dma_mmap_wc(proto, dev, cpu_addr, dma_addr, size)	\
	vma_proto_dma_mmap_attrs(proto, dev, cpu_addr, dma_addr, size,	\
				 DMA_ATTR_WRITE_COMBINE)

#endif /* _LINUX_VMA_PROTO_H */
