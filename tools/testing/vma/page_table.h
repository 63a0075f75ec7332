/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A page table for tests of the actions of mmap_proto(): what the functions
 * that fill one on behalf of drivers have mapped where. Each of them does to
 * the VMA what the kernel's own does, and fails when told to.
 */
#ifndef _PAGE_TABLE_H
#define _PAGE_TABLE_H

#include <assert.h>

#include <linux/slab.h>

struct page {
	long refs;
};

struct vm_struct {
	void *addr;
	unsigned long pages;
	unsigned long flags;
};

struct device {
	/* Set: what its DMA operations map, VM_PFNMAP or VM_MIXEDMAP. */
	vm_flags_t map_flags;
};

typedef u64 dma_addr_t;

#define VM_USERMAP	0x00000008UL
#define VM_DMA_COHERENT	0x00000010UL

#define PAGE_ALIGNED(_addr)	(!offset_in_page(_addr))
#define NR_TEST_PAGES	32
#define NR_ENTRIES	64

/* Memory with struct page; the frame number of the first one. */
#define FIRST_PFN	1000UL

static struct page test_pages[NR_TEST_PAGES];

static struct {
	struct {
		unsigned long addr;
		unsigned long pfn;
		pgprotval_t prot;
		struct page *page;
	} entries[NR_ENTRIES];
	int nr_entries;
	/* Set: fail a call that fills entries: the first for 1, ...; 0: none. */
	unsigned long fail;
	/* The one vmalloc area that there is. */
	struct vm_struct area;
} page_table;

static inline unsigned long page_to_pfn(const struct page *page)
{
	return FIRST_PFN + (page - test_pages);
}

#define nth_page(_page, _n)	((_page) + (_n))

static inline bool is_cow_mapping(vm_flags_t flags)
{
	return (flags & (VM_SHARED | VM_MAYWRITE)) == VM_MAYWRITE;
}

static inline struct vm_struct *find_vm_area(const void *addr)
{
	return addr == page_table.area.addr ? &page_table.area : NULL;
}

static inline size_t get_vm_area_size(const struct vm_struct *area)
{
	return area->pages << PAGE_SHIFT;
}

/* Index of the entry for @addr, or -1. */
static inline int find_entry(unsigned long addr)
{
	int i;

	for (i = 0; i < page_table.nr_entries; i++) {
		if (page_table.entries[i].addr == addr)
			return i;
	}

	return -1;
}

static inline void set_entry(unsigned long addr, unsigned long pfn,
			     pgprot_t prot, struct page *page)
{
	int i = page_table.nr_entries;

	assert(i < NR_ENTRIES);
	assert(find_entry(addr) < 0);
	page_table.nr_entries++;
	page_table.entries[i].addr = addr;
	page_table.entries[i].pfn = pfn;
	page_table.entries[i].prot = pgprot_val(prot);
	page_table.entries[i].page = page;
	if (page)
		page->refs++;
}

static inline void zap_entries(unsigned long start, unsigned long end)
{
	int i = 0;

	while (i < page_table.nr_entries) {
		if (page_table.entries[i].addr < start ||
		    page_table.entries[i].addr >= end) {
			i++;
			continue;
		}
		if (page_table.entries[i].page)
			page_table.entries[i].page->refs--;
		page_table.entries[i] =
			page_table.entries[--page_table.nr_entries];
	}
}

static inline bool fails_now(void)
{
	return page_table.fail && !--page_table.fail;
}

static inline int remap_pfn_range(struct vm_area_struct *vma,
				  unsigned long addr, unsigned long pfn,
				  unsigned long size, pgprot_t prot)
{
	unsigned long i;

	if (is_cow_mapping(vma->vm_flags)) {
		if (addr != vma->vm_start || addr + size != vma->vm_end)
			return -EINVAL;
		vma->vm_pgoff = pfn;
	}
	vm_flags_set(vma, VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);

	for (i = 0; i < PHYS_PFN(size); i++) {
		if (fails_now()) {
			zap_entries(addr, addr + size);
			return -ENOMEM;
		}
		set_entry(addr + i * PAGE_SIZE, pfn + i, prot, NULL);
	}

	return 0;
}

/* Here I/O memory is where its address has the top bit. */
#define TEST_PFN_IO	BIT(40)

static inline int io_remap_pfn_range(struct vm_area_struct *vma,
				     unsigned long addr, unsigned long pfn,
				     unsigned long size, pgprot_t prot)
{
	return remap_pfn_range(vma, addr, pfn | TEST_PFN_IO, size, prot);
}

static inline int vm_insert_page(struct vm_area_struct *vma, unsigned long addr,
				 struct page *page)
{
	if (addr < vma->vm_start || addr >= vma->vm_end)
		return -EFAULT;
	assert(!(vma->vm_flags & VM_PFNMAP));
	vm_flags_set(vma, VM_MIXEDMAP);
	if (fails_now())
		return -ENOMEM;
	if (find_entry(addr) >= 0)
		return -EBUSY;
	set_entry(addr, page_to_pfn(page), vma->vm_page_prot, page);
	return 0;
}

static inline int vm_insert_pages(struct vm_area_struct *vma,
				  unsigned long addr, struct page **pages,
				  unsigned long *num)
{
	for (; *num; --*num, addr += PAGE_SIZE) {
		int error = vm_insert_page(vma, addr, *pages++);

		if (error)
			return error;
	}

	return 0;
}

static inline int remap_vmalloc_range_partial(struct vm_area_struct *vma,
					      unsigned long uaddr, void *kaddr,
					      unsigned long pgoff,
					      unsigned long size)
{
	unsigned long i;

	assert(kaddr == page_table.area.addr);
	for (i = 0; i < PHYS_PFN(size); i++) {
		int error = vm_insert_page(vma, uaddr + i * PAGE_SIZE,
					   &test_pages[pgoff + i]);

		if (error)
			return error;
	}
	vm_flags_set(vma, VM_DONTEXPAND | VM_DONTDUMP);

	return 0;
}

static inline int dma_mmap_attrs(struct device *dev, struct vm_area_struct *vma,
				 void *cpu_addr, dma_addr_t dma_addr,
				 size_t size, unsigned long attrs)
{
	if (dev->map_flags & VM_PFNMAP)
		return remap_pfn_range(vma, vma->vm_start,
				       (dma_addr >> PAGE_SHIFT) + vma->vm_pgoff,
				       vma->vm_end - vma->vm_start,
				       vma->vm_page_prot);

	return vm_insert_page(vma, vma->vm_start, &test_pages[vma->vm_pgoff]);
}

static inline void zap_page_range_single(struct vm_area_struct *vma,
					 unsigned long address,
					 unsigned long size, void *details)
{
	/* With a file, it may look at what that has not set up. */
	assert(!vma->vm_file);
	zap_entries(address, address + size);
}

static inline void unmap_vmas(struct mmu_gather *tlb, struct ma_state *mas,
			      struct vm_area_struct *vma,
			      unsigned long start_addr, unsigned long end_addr,
			      unsigned long tree_end, bool mm_wr_locked)
{
	do {
		zap_entries(vma->vm_start > start_addr ? vma->vm_start :
							 start_addr,
			    vma->vm_end < end_addr ? vma->vm_end : end_addr);
		vma = mas_find(mas, tree_end - 1);
	} while (vma);
}

#endif /* _PAGE_TABLE_H */
