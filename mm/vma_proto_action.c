// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a mmap_proto() hook has the core do with a new mapping.
 *
 * A request is checked when it is made, as far as it can be, and fails with the
 * error that the function of the same name for a live VMA gives. It is carried
 * out on the allocated VMA before that is inserted: remap_pfn_range() writes
 * vm_pgoff, which must not change once the VMA is in an interval tree.
 *
 * Without an MMU memory is mapped where it is or not at all: a request can be
 * granted only if nothing has to be done for it.
 */

#include "vma_internal.h"
#include "vma.h"

/* Is [@addr, @addr + @size) a part of the mapping that was not asked for? */
static bool part_is_free(const struct vma_proto *proto, unsigned long addr,
			 unsigned long size)
{
	const struct vma_proto_action *action;

	/* They mostly come in order. */
	if (addr >= proto->action_end)
		return true;

	for (action = proto->actions; action; action = action->next) {
		if (addr < action->addr + action->size &&
		    action->addr < addr + size)
			return false;
	}

	return true;
}

static bool part_is_inside(const struct vma_proto *proto, unsigned long addr,
			   unsigned long size)
{
	return addr >= proto->start && addr < proto->end &&
	       size <= proto->end - addr;
}

/*
 * Append a request for a part that is aligned and inside. It sets @flags, and
 * the hook must leave them so. Returns NULL when memory is short.
 */
static struct vma_proto_action *
add_action(struct vma_proto *proto, enum vma_proto_action_type type,
	   unsigned long addr, unsigned long size, vm_flags_t flags)
{
	struct vma_proto_action *action;

	if (proto->last_action) {
		action = kzalloc(sizeof(*action), GFP_KERNEL);
		if (!action)
			return NULL;
		proto->last_action->next = action;
	} else {
		action = &proto->room->action;
		memset(action, 0, sizeof(*action));
		proto->actions = action;
	}

	action->type = type;
	action->addr = addr;
	action->size = size;
	proto->last_action = action;
	proto->action_end = max(proto->action_end, addr + size);
	proto->action_flags |= flags;
	proto->flags |= flags;

	return action;
}

static int add_remap(struct vma_proto *proto, enum vma_proto_action_type type,
		     unsigned long addr, unsigned long pfn, unsigned long size,
		     pgprot_t prot)
{
	const unsigned long aligned = PAGE_ALIGN(size);
	struct vma_proto_action *action;

	if (!PAGE_ALIGNED(addr) || !size || aligned < size)
		return -EINVAL;
	if (!part_is_inside(proto, addr, aligned) ||
	    !part_is_free(proto, addr, aligned))
		return -EINVAL;
	if (pfn + PHYS_PFN(aligned) < pfn)
		return -EINVAL;
	if (!IS_ENABLED(CONFIG_MMU) && addr != pfn << PAGE_SHIFT)
		return -EINVAL;

	/* vm_pgoff of a COW mapping can name the start of one range only. */
	if (is_cow_mapping(proto->flags) &&
	    (addr != proto->start || addr + aligned != proto->end))
		return -EINVAL;

	/* Entries with and without a struct page do not go together. */
	if (proto->flags & VM_MIXEDMAP)
		return -EINVAL;

	action = add_action(proto, type, addr, aligned,
			    VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
	if (!action)
		return -ENOMEM;

	action->remap.pfn = pfn;
	action->remap.prot = prot;

	return 0;
}

/**
 * vma_proto_remap_pfn_range() - map physical memory
 * @proto: the prototype
 * @addr: first address, in bytes, page aligned
 * @pfn: page frame number that is mapped there
 * @size: length in bytes; rounded up to whole pages
 * @prot: protection to map with
 *
 * As remap_pfn_range(). Sets VM_IO, VM_PFNMAP, VM_DONTEXPAND and VM_DONTDUMP.
 * The memory must stay until the mapping exists: see vma_proto_hold().
 *
 * Context: in an mmap_proto() hook.
 * Return: 0; -EINVAL when @addr is not aligned, @size is 0, the range is not
 * inside of the mapping, overlaps what was asked for already, or wraps around,
 * when a COW mapping is not mapped as a whole, when pages were inserted before,
 * or when there is no MMU and @addr is not where the memory is; -ENOMEM when
 * memory is short. The mmap() fails later with what remap_pfn_range() returns,
 * if that fails.
 */
int vma_proto_remap_pfn_range(struct vma_proto *proto, unsigned long addr,
			      unsigned long pfn, unsigned long size,
			      pgprot_t prot)
{
	return add_remap(proto, VMA_PROTO_REMAP_PFN, addr, pfn, size, prot);
}
EXPORT_SYMBOL_GPL(vma_proto_remap_pfn_range);

/**
 * vma_proto_io_remap_pfn_range() - map I/O memory by page frame numbers
 * @proto: the prototype
 * @addr: first address, in bytes, page aligned
 * @pfn: page frame number that is mapped there
 * @size: length in bytes; rounded up to whole pages
 * @prot: protection to map with
 *
 * As io_remap_pfn_range(); see vma_proto_remap_pfn_range().
 *
 * Context: in an mmap_proto() hook.
 * Return: as vma_proto_remap_pfn_range().
 */
int vma_proto_io_remap_pfn_range(struct vma_proto *proto, unsigned long addr,
				 unsigned long pfn, unsigned long size,
				 pgprot_t prot)
{
	return add_remap(proto, VMA_PROTO_REMAP_IO, addr, pfn, size, prot);
}
EXPORT_SYMBOL_GPL(vma_proto_io_remap_pfn_range);

/**
 * vma_proto_iomap_memory() - map I/O memory by its physical address
 * @proto: the prototype; vma_proto.pgoff counts from @start
 * @start: physical address of the memory, in bytes
 * @len: length of the memory in bytes
 *
 * As vm_iomap_memory(): maps all of the mapping, with the protection that
 * vma_proto.page_prot has in the end.
 *
 * Context: in an mmap_proto() hook.
 * Return: 0; -EINVAL when the mapping reaches beyond the memory, or for the
 * reasons of vma_proto_remap_pfn_range(); -ENOMEM when memory is short.
 */
int vma_proto_iomap_memory(struct vma_proto *proto, phys_addr_t start,
			   unsigned long len)
{
	const unsigned long offset = start & ~PAGE_MASK;
	const unsigned long first = start >> PAGE_SHIFT;
	unsigned long pages;
	int error;

	if (start + len < start || len + offset < len)
		return -EINVAL;

	pages = (len + offset) >> PAGE_SHIFT;
	if ((len + offset) & ~PAGE_MASK)
		pages++;
	if (first + pages < first)
		return -EINVAL;
	if (proto->pgoff > pages || vma_proto_pages(proto) > pages - proto->pgoff)
		return -EINVAL;

	error = add_remap(proto, VMA_PROTO_REMAP_IO, proto->start,
			  first + proto->pgoff, proto->end - proto->start,
			  proto->page_prot);
	if (!error)
		proto->last_action->use_page_prot = true;

	return error;
}
EXPORT_SYMBOL_GPL(vma_proto_iomap_memory);

/* The checks that all who insert pages share. */
static int check_insert(const struct vma_proto *proto, unsigned long addr,
			unsigned long num)
{
	if (!IS_ENABLED(CONFIG_MMU) || !num || !PAGE_ALIGNED(addr))
		return -EINVAL;
	if (num > vma_proto_pages(proto) ||
	    !part_is_inside(proto, addr, num << PAGE_SHIFT))
		return -EFAULT;
	if (!part_is_free(proto, addr, num << PAGE_SHIFT))
		return -EBUSY;
	if (proto->flags & VM_PFNMAP)
		return -EINVAL;

	return 0;
}

/**
 * vma_proto_insert_page() - map one page of the kernel's
 * @proto: the prototype
 * @addr: address of the page in the mapping, in bytes, page aligned
 * @page: the page; the mapping gets a reference of its own
 *
 * As vm_insert_page(). Sets VM_MIXEDMAP. @page must stay until the mapping
 * exists: see vma_proto_hold(). Pages that follow one another, in memory as in
 * the mapping, take no memory each.
 *
 * Context: in an mmap_proto() hook.
 * Return: 0; -EFAULT when @addr is not inside of the mapping; -EBUSY when the
 * place was asked for already; -EINVAL when @addr is not aligned, when memory
 * without struct page was mapped before, or when there is no MMU; -ENOMEM when
 * memory is short.
 * The mmap() fails later with what vm_insert_page() returns, if that fails.
 */
int vma_proto_insert_page(struct vma_proto *proto, unsigned long addr,
			  struct page *page)
{
	struct vma_proto_action *action = proto->last_action;
	int error;

	error = check_insert(proto, addr, 1);
	if (error)
		return error;

	if (action && action->type == VMA_PROTO_INSERT_CONTIGUOUS &&
	    action->addr + action->size == addr &&
	    page_to_pfn(action->page) + PHYS_PFN(action->size) ==
	    page_to_pfn(page)) {
		action->size += PAGE_SIZE;
		proto->action_end = max(proto->action_end, addr + PAGE_SIZE);
		return 0;
	}

	action = add_action(proto, VMA_PROTO_INSERT_CONTIGUOUS, addr, PAGE_SIZE,
			    VM_MIXEDMAP);
	if (!action)
		return -ENOMEM;

	action->page = page;

	return 0;
}
EXPORT_SYMBOL_GPL(vma_proto_insert_page);

/**
 * vma_proto_insert_pages() - map an array of the kernel's pages
 * @proto: the prototype
 * @addr: address of the first page in the mapping, in bytes, page aligned
 * @pages: the pages; array and pages must stay until the mapping exists
 * @num: how many
 *
 * As vm_insert_pages(). Sets VM_MIXEDMAP.
 *
 * Context: in an mmap_proto() hook.
 * Return: as vma_proto_insert_page(); -EINVAL when @num is 0, too.
 */
int vma_proto_insert_pages(struct vma_proto *proto, unsigned long addr,
			   struct page **pages, unsigned long num)
{
	struct vma_proto_action *action;
	int error;

	error = check_insert(proto, addr, num);
	if (error)
		return error;

	action = add_action(proto, VMA_PROTO_INSERT_PAGES, addr,
			    num << PAGE_SHIFT, VM_MIXEDMAP);
	if (!action)
		return -ENOMEM;

	action->pages = pages;

	return 0;
}
EXPORT_SYMBOL_GPL(vma_proto_insert_pages);

static int map_pages_at(struct vma_proto *proto, struct page **pages,
			unsigned long num, unsigned long offset)
{
	const unsigned long count = vma_proto_pages(proto);

	if (!IS_ENABLED(CONFIG_MMU))
		return -EINVAL;
	if (offset >= num || count > num - offset)
		return -ENXIO;

	return vma_proto_insert_pages(proto, proto->start, pages + offset,
				      count);
}

/**
 * vma_proto_map_pages() - map the part of an array that the offset names
 * @proto: the prototype; vma_proto.pgoff counts from the first of @pages
 * @pages: the kernel's pages; array and pages must stay until the mapping exists
 * @num: how many there are
 *
 * As vm_map_pages(). Sets VM_MIXEDMAP.
 *
 * Context: in an mmap_proto() hook.
 * Return: 0; -ENXIO when the mapping reaches beyond the array; otherwise as
 * vma_proto_insert_pages().
 */
int vma_proto_map_pages(struct vma_proto *proto, struct page **pages,
			unsigned long num)
{
	return map_pages_at(proto, pages, num, proto->pgoff);
}
EXPORT_SYMBOL_GPL(vma_proto_map_pages);

/**
 * vma_proto_map_pages_zero() - map an array of pages, whatever the offset
 * @proto: the prototype
 * @pages: the kernel's pages; array and pages must stay until the mapping exists
 * @num: how many there are
 *
 * As vm_map_pages_zero(). Sets VM_MIXEDMAP.
 *
 * Context: in an mmap_proto() hook.
 * Return: as vma_proto_map_pages().
 */
int vma_proto_map_pages_zero(struct vma_proto *proto, struct page **pages,
			     unsigned long num)
{
	return map_pages_at(proto, pages, num, 0);
}
EXPORT_SYMBOL_GPL(vma_proto_map_pages_zero);

/**
 * vma_proto_remap_vmalloc_range_partial() - map part of a vmalloc area
 * @proto: the prototype
 * @uaddr: first address in the mapping, in bytes, page aligned
 * @kaddr: start of the area, which must stay until the mapping exists
 * @pgoff: first page of the area to map
 * @size: length in bytes; rounded up to whole pages
 *
 * As remap_vmalloc_range_partial(). Sets VM_MIXEDMAP, VM_DONTEXPAND and
 * VM_DONTDUMP.
 *
 * Context: in an mmap_proto() hook.
 * Return: 0; -EINVAL when an address is not aligned, @kaddr is no vmalloc area
 * that may be mapped, the range reaches beyond it, or there is no MMU; otherwise
 * as vma_proto_insert_pages().
 */
int vma_proto_remap_vmalloc_range_partial(struct vma_proto *proto,
					  unsigned long uaddr, void *kaddr,
					  unsigned long pgoff,
					  unsigned long size)
{
	const unsigned long pages = PHYS_PFN(PAGE_ALIGN(size));
	struct vma_proto_action *action;
	struct vm_struct *area;
	unsigned long area_pages;
	int error;

	if (!IS_ENABLED(CONFIG_MMU) ||
	    !PAGE_ALIGNED(uaddr) || !PAGE_ALIGNED(kaddr))
		return -EINVAL;

	area = find_vm_area(kaddr);
	if (!area || !(area->flags & (VM_USERMAP | VM_DMA_COHERENT)))
		return -EINVAL;

	area_pages = PHYS_PFN(get_vm_area_size(area));
	if (pgoff > area_pages || pages > area_pages - pgoff)
		return -EINVAL;

	error = check_insert(proto, uaddr, pages);
	if (error)
		return error;

	action = add_action(proto, VMA_PROTO_REMAP_VMALLOC, uaddr,
			    pages << PAGE_SHIFT,
			    VM_MIXEDMAP | VM_DONTEXPAND | VM_DONTDUMP);
	if (!action)
		return -ENOMEM;

	action->vmalloc.addr = kaddr;
	action->vmalloc.pgoff = pgoff;

	return 0;
}
EXPORT_SYMBOL_GPL(vma_proto_remap_vmalloc_range_partial);

/**
 * vma_proto_remap_vmalloc_range() - map a vmalloc area
 * @proto: the prototype, all of which is mapped
 * @addr: start of the area, which must stay until the mapping exists
 * @pgoff: first page of the area to map
 *
 * As remap_vmalloc_range(). Sets VM_MIXEDMAP, VM_DONTEXPAND and VM_DONTDUMP.
 * Without an MMU it sets nothing, and a shared mapping of the place where the
 * memory is can have it.
 *
 * Context: in an mmap_proto() hook.
 * Return: as vma_proto_remap_vmalloc_range_partial(); without an MMU 0 or
 * -EINVAL.
 */
int vma_proto_remap_vmalloc_range(struct vma_proto *proto, void *addr,
				  unsigned long pgoff)
{
	if (!IS_ENABLED(CONFIG_MMU)) {
		unsigned long there = (unsigned long)addr;

		there += pgoff << PAGE_SHIFT;
		return proto->start == there && proto->flags & VM_SHARED ?
		       0 : -EINVAL;
	}

	return vma_proto_remap_vmalloc_range_partial(proto, proto->start, addr,
						     pgoff,
						     proto->end - proto->start);
}
EXPORT_SYMBOL_GPL(vma_proto_remap_vmalloc_range);

/**
 * vma_proto_dma_mmap_attrs() - map DMA-coherent memory
 * @proto: the prototype; vma_proto.pgoff counts from the start of the memory
 * @dev: device that the memory was allocated for
 * @cpu_addr: what dma_alloc_attrs() returned
 * @dma_addr: the address that it gave for the device
 * @size: what it was asked for, in bytes
 * @attrs: DMA_ATTR_* that it was asked with
 *
 * As dma_mmap_attrs(). Whether the mapping has VM_PFNMAP or VM_MIXEDMAP is up
 * to the DMA operations of @dev and not known before the mapping is made: this
 * is the only action of its mapping. The memory must stay until then.
 *
 * Context: in an mmap_proto() hook.
 * Return: 0; -ENXIO when the mapping reaches beyond the memory; -EINVAL when
 * another action was requested, or VM_PFNMAP or VM_MIXEDMAP is set. The mmap()
 * fails later with what dma_mmap_attrs() returns, if that fails.
 */
int vma_proto_dma_mmap_attrs(struct vma_proto *proto, struct device *dev,
			     void *cpu_addr, dma_addr_t dma_addr, size_t size,
			     unsigned long attrs)
{
	const unsigned long pages = PHYS_PFN(PAGE_ALIGN(size));
	struct vma_proto_action *action;

	if (proto->last_action || proto->flags & (VM_PFNMAP | VM_MIXEDMAP))
		return -EINVAL;
	if (proto->pgoff >= pages ||
	    vma_proto_pages(proto) > pages - proto->pgoff)
		return -ENXIO;

	/*
	 * All of the mapping, so that nothing can be asked for after it. The
	 * first needs no memory.
	 */
	action = add_action(proto, VMA_PROTO_DMA_MMAP, proto->start,
			    proto->end - proto->start, VM_NONE);
	action->dma.dev = dev;
	action->dma.cpu_addr = cpu_addr;
	action->dma.dma_addr = dma_addr;
	action->dma.size = size;
	action->dma.attrs = attrs;

	return 0;
}
EXPORT_SYMBOL_GPL(vma_proto_dma_mmap_attrs);

/**
 * vma_proto_dma_mmap_pages() - map memory of dma_alloc_pages()
 * @proto: the prototype; vma_proto.pgoff counts from @page
 * @dev: device that the memory was allocated for
 * @size: what dma_alloc_pages() was asked for, in bytes
 * @page: what it returned
 *
 * As dma_mmap_pages(): maps all of the mapping, with the protection that
 * vma_proto.page_prot has in the end.
 *
 * Context: in an mmap_proto() hook.
 * Return: 0; -ENXIO when the mapping reaches beyond the memory; otherwise as
 * vma_proto_remap_pfn_range().
 */
int vma_proto_dma_mmap_pages(struct vma_proto *proto, struct device *dev,
			     size_t size, struct page *page)
{
	const unsigned long pages = PHYS_PFN(PAGE_ALIGN(size));
	int error;

	if (proto->pgoff >= pages ||
	    vma_proto_pages(proto) > pages - proto->pgoff)
		return -ENXIO;

	error = add_remap(proto, VMA_PROTO_REMAP_PFN, proto->start,
			  page_to_pfn(page) + proto->pgoff,
			  proto->end - proto->start, proto->page_prot);
	if (!error)
		proto->last_action->use_page_prot = true;

	return error;
}
EXPORT_SYMBOL_GPL(vma_proto_dma_mmap_pages);

static int request_mmap_file(struct vma_proto *proto, struct file *file)
{
	struct vma_proto_action *action;

	if (proto->last_action)
		return -EINVAL;

	/* As for DMA memory: all of it, and without memory. */
	action = add_action(proto, VMA_PROTO_MMAP_FILE, proto->start,
			    proto->end - proto->start, VM_NONE);
	action->nested.file = file;
	action->nested.cred = get_current_cred();

	return 0;
}

/**
 * vma_proto_mmap_file() - let another file describe the mapping
 * @proto: the prototype
 * @file: the other file; it must stay until the mapping exists
 *
 * For files that stand for others. The mmap_proto() hook of @file is called
 * with @file as vma_proto.file. The file that is mapped does not change by this,
 * unless that hook chooses one: a hook that wants @file to be mapped calls
 * vma_proto_set_file() too, before. One that does not replaces
 * vma_proto.vm_ops by operations that forward to those of @file with @file,
 * mapped() among them: they would be given the file that is mapped.
 *
 * If @file has an mmap() hook instead, that runs on the new VMA as an action,
 * the only one of the mapping, with the credentials of the caller, and sets its
 * operations itself: vma_proto.vm_ops must stay %NULL, or the mmap() fails with
 * -EINVAL.
 *
 * Context: in an mmap_proto() hook.
 * Return: 0; -ENODEV when @file cannot be mapped; -EINVAL when it has both
 * hooks, or has mmap() and another action was requested; otherwise the error of
 * its hook, or -EINVAL when that replaced the file by hand, and then the mmap()
 * fails whatever the caller returns.
 */
int vma_proto_mmap_file(struct vma_proto *proto, struct file *file)
{
	const struct file_operations *fops = READ_ONCE(file->f_op);
	struct file *const outer = proto->file;
	int error;

	error = fops_check_mmap(fops);
	if (error)
		return error;
	if (!fops->mmap_proto)
		return request_mmap_file(proto, file);

	proto->file = file;
	error = fops->mmap_proto(proto);
	if (error)
		proto->error = error;

	/* What the hook chose is mapped, instead of what was chosen before. */
	if (proto->file == proto->own_file)
		return error;
	if (WARN_ONCE(proto->file != file, "%ps replaced the file by hand\n",
		      fops->mmap_proto)) {
		error = -EINVAL;
		proto->error = error;
	}
	proto->file = outer;

	return error;
}
EXPORT_SYMBOL_GPL(vma_proto_mmap_file);

#ifdef CONFIG_MMU
/**
 * vma_proto_reprotect() - make protections follow the flags again
 * @proto: a prototype whose hook has changed the access that its flags permit
 *
 * Keeps what is not access, such as a cache mode.
 *
 * Context: any.
 */
void vma_proto_reprotect(struct vma_proto *proto)
{
	struct vma_proto_action *action;

	proto->page_prot = vm_pgprot_modify(proto->page_prot, proto->flags);

	for (action = proto->actions; action; action = action->next) {
		if (action->type == VMA_PROTO_REMAP_PFN ||
		    action->type == VMA_PROTO_REMAP_IO)
			action->remap.prot = vm_pgprot_modify(action->remap.prot,
							      proto->flags);
	}
}
#endif

static pgprot_t remap_prot(const struct vma_proto *proto,
			   const struct vma_proto_action *action)
{
	return action->use_page_prot ? proto->page_prot : action->remap.prot;
}

static int insert_contiguous(struct vm_area_struct *vma,
			     const struct vma_proto_action *action)
{
	unsigned long i;

	for (i = 0; i < PHYS_PFN(action->size); i++) {
		int error = vm_insert_page(vma, action->addr + i * PAGE_SIZE,
					   nth_page(action->page, i));

		if (error)
			return error;
	}

	return 0;
}

static int mmap_nested(struct vm_area_struct *vma,
		       const struct vma_proto_action *action)
{
	const struct cred *before = override_creds(action->nested.cred);
	int error = call_mmap(action->nested.file, vma);

	revert_creds(before);

	return error;
}

static int run_action(const struct vma_proto *proto,
		      const struct vma_proto_action *action,
		      struct vm_area_struct *vma)
{
	unsigned long num = PHYS_PFN(action->size);

	switch (action->type) {
	case VMA_PROTO_REMAP_PFN:
		return remap_pfn_range(vma, action->addr, action->remap.pfn,
				       action->size,
				       remap_prot(proto, action));
	case VMA_PROTO_REMAP_IO:
		return io_remap_pfn_range(vma, action->addr, action->remap.pfn,
					  action->size,
					  remap_prot(proto, action));
	case VMA_PROTO_INSERT_PAGES:
		return vm_insert_pages(vma, action->addr, action->pages, &num);
	case VMA_PROTO_INSERT_CONTIGUOUS:
		return insert_contiguous(vma, action);
	case VMA_PROTO_REMAP_VMALLOC:
		if (!IS_ENABLED(CONFIG_MMU))
			return -EINVAL;
		return remap_vmalloc_range_partial(vma, action->addr,
						   action->vmalloc.addr,
						   action->vmalloc.pgoff,
						   action->size);
	case VMA_PROTO_DMA_MMAP:
		return dma_mmap_attrs(action->dma.dev, vma,
				      action->dma.cpu_addr,
				      action->dma.dma_addr, action->dma.size,
				      action->dma.attrs);
	case VMA_PROTO_MMAP_FILE:
		return mmap_nested(vma, action);
	}

	return -EINVAL;
}

/**
 * vma_proto_run_actions() - do with a new VMA what its hook asked for
 * @proto: the prototype
 * @vma: the VMA, which has what @proto says and is not in a tree yet
 *
 * Context: process context, may sleep. The caller holds the mmap_lock of
 * proto->mm for writing, and on failure unmaps what is mapped in @vma.
 * Return: 0, or the error of the first action that failed.
 */
int vma_proto_run_actions(const struct vma_proto *proto,
			  struct vm_area_struct *vma)
{
	const struct vma_proto_action *action;

	for (action = proto->actions; action; action = action->next) {
		int error = run_action(proto, action, vma);

		if (error)
			return error;
	}

	return 0;
}

/**
 * vma_proto_free_actions() - free what the requests take
 * @proto: the prototype
 *
 * Context: any.
 */
void vma_proto_free_actions(struct vma_proto *proto)
{
	struct vma_proto_action *action;

	while ((action = proto->actions)) {
		proto->actions = action->next;
		if (action->type == VMA_PROTO_MMAP_FILE)
			put_cred(action->nested.cred);
		if (action != &proto->room->action)
			kfree(action);
	}
}
