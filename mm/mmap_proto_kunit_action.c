// SPDX-License-Identifier: GPL-2.0-only
/*
 * The actions of mmap_proto() in a booted kernel: what is in the page table
 * after them, what is read and written through it, and what is left over.
 */

#include <kunit/device.h>
#include <linux/dma-mapping.h>
#include <linux/io.h>
#include <linux/pagemap.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include "mmap_proto_kunit.h"
#include "internal.h"

#define BASE 0x10000000UL

/* I/O memory that has contents: where the firmware of a PC starts. */
#define IO_PFN (0xfffff000UL >> PAGE_SHIFT)
#define IO_OFFSET 0xff0

static unsigned long map(unsigned long nr_pages, unsigned long prot,
			 unsigned long flags)
{
	return vm_mmap(world.file, BASE, PAGES(nr_pages), prot,
		       flags | MAP_FIXED, 0);
}

static unsigned long first_pfn(void)
{
	return page_to_pfn(world.pages[0]);
}

static u32 read_word(struct kunit *test, int page)
{
	u32 word = 0;

	KUNIT_EXPECT_EQ(test, 0,
			get_user(word, (u32 __user *)(BASE + PAGES(page))));
	return word;
}

static int write_word(int page, u32 word)
{
	return put_user(word, (u32 __user *)(BASE + PAGES(page)));
}

/* What an entry permits, and how it is cached. */
static pte_t unused(pte_t entry)
{
	return pte_mkold(pte_mkclean(entry));
}

/* Expect @nr entries from page @page of the mapping on, of memory in order. */
static void expect_entries(struct kunit *test, int page, unsigned long pfn,
			   int nr, pgprot_t prot, bool special)
{
	int i;

	for (i = 0; i < nr; i++) {
		pte_t entry = mmap_proto_entry(BASE + PAGES(page + i));
		pte_t expected = pfn_pte(pfn + i, prot);

		if (special)
			expected = pte_mkspecial(expected);
		KUNIT_EXPECT_EQ_MSG(test, pte_val(unused(entry)),
				    pte_val(unused(expected)), "page %d",
				    page + i);
	}
}

static void expect_pfns(struct kunit *test, int page, unsigned long pfn, int nr,
			pgprot_t prot)
{
	expect_entries(test, page, pfn, nr, prot, true);
}

static void expect_pages(struct kunit *test, int page, int first, int nr,
			 pgprot_t prot)
{
	int i;

	expect_entries(test, page, first_pfn() + first, nr, prot, false);
	for (i = 0; i < nr; i++) {
		struct folio *folio = page_folio(world.pages[first + i]);

		KUNIT_EXPECT_EQ(test, folio_ref_count(folio), 2);
		KUNIT_EXPECT_EQ(test, folio_mapcount(folio), 1);
		KUNIT_EXPECT_EQ(test, read_word(test, page + i),
				mmap_proto_word(first + i));
	}
}

static void expect_nothing(struct kunit *test, int page, int nr)
{
	int i;

	for (i = 0; i < nr; i++) {
		unsigned long addr = BASE + PAGES(page + i);
		pte_t entry = mmap_proto_entry(addr);
		u32 __maybe_unused word;

		KUNIT_EXPECT_TRUE(test, pte_none(entry));
		KUNIT_EXPECT_EQ(test, get_user(word, (u32 __user *)addr),
				-EFAULT);
	}
}

static vm_flags_t flags(void)
{
	return mmap_proto_vma(BASE)->vm_flags;
}

#define REMAP_FLAGS (VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP)

static int remap_whole(struct vma_proto *proto)
{
	return vma_proto_remap_pfn_range(proto, proto->start, first_pfn(),
					 proto->end - proto->start,
					 proto->page_prot);
}

/* All of a mapping is physical memory, which is read and written. */
static void remap(struct kunit *test)
{
	int i;

	mmap_proto_alloc_pages(test, 2);
	world.request = remap_whole;
	KUNIT_ASSERT_EQ(test, map(4, RW, MAP_SHARED), BASE);
	KUNIT_EXPECT_EQ(test, flags() & REMAP_FLAGS, REMAP_FLAGS);
	expect_pfns(test, 0, first_pfn(), 4, world.seen.page_prot);
	for (i = 0; i < 4; i++) {
		KUNIT_EXPECT_EQ(test, read_word(test, i), mmap_proto_word(i));
		KUNIT_EXPECT_EQ(test, write_word(i, 50 + i), 0);
		KUNIT_EXPECT_EQ(test, *(u32 *)page_address(world.pages[i]),
				50 + i);
		/* Nobody counts references to it. */
		KUNIT_EXPECT_EQ(test, page_ref_count(world.pages[i]), 1);
	}
	KUNIT_EXPECT_EQ(test, get_mm_rss(world.mm), 0);
	/* The offset is the file's. */
	KUNIT_EXPECT_EQ(test, mmap_proto_vma(BASE)->vm_pgoff, 0);
	KUNIT_EXPECT_EQ(test, vm_munmap(BASE, PAGES(4)), 0);
	expect_nothing(test, 0, 4);
	mmap_proto_end(test);
}

/* Physical memory is not to be had by get_user_pages(). */
static void remap_not_pinned(struct kunit *test)
{
	struct page *page;

	mmap_proto_alloc_pages(test, 0);
	world.request = remap_whole;
	KUNIT_ASSERT_EQ(test, map(1, RW, MAP_SHARED), BASE);
	KUNIT_EXPECT_EQ(test, get_user_pages_unlocked(BASE, 1, &page, 0),
			-EFAULT);
	mmap_proto_end(test);
}

static int remap_ends(struct vma_proto *proto)
{
	int error;

	error = vma_proto_remap_pfn_range(proto, proto->start + PAGES(3),
					  first_pfn() + 2, PAGE_SIZE + 1,
					  proto->page_prot);
	if (error)
		return error;

	return vma_proto_remap_pfn_range(proto, proto->start, first_pfn() + 1,
					 PAGE_SIZE, proto->page_prot);
}

/* Parts of a mapping are physical memory; nothing is behind the others. */
static void remap_parts(struct kunit *test)
{
	mmap_proto_alloc_pages(test, 2);
	world.request = remap_ends;
	KUNIT_ASSERT_EQ(test, map(5, RW, MAP_SHARED), BASE);
	expect_pfns(test, 0, first_pfn() + 1, 1, world.seen.page_prot);
	expect_nothing(test, 1, 2);
	expect_pfns(test, 3, first_pfn() + 2, 2, world.seen.page_prot);
	KUNIT_EXPECT_EQ(test, read_word(test, 0), mmap_proto_word(1));
	KUNIT_EXPECT_EQ(test, read_word(test, 4), mmap_proto_word(3));
	mmap_proto_end(test);
}

/* What is mapped to be read cannot be written. */
static void remap_read_only(struct kunit *test)
{
	mmap_proto_alloc_pages(test, 0);
	world.request = remap_whole;
	KUNIT_ASSERT_EQ(test, map(1, PROT_READ, MAP_SHARED), BASE);
	expect_pfns(test, 0, first_pfn(), 1, world.seen.page_prot);
	KUNIT_EXPECT_FALSE(test, pte_write(mmap_proto_entry(BASE)));
	KUNIT_EXPECT_EQ(test, read_word(test, 0), mmap_proto_word(0));
	KUNIT_EXPECT_EQ(test, write_word(0, 1), -EFAULT);
	KUNIT_EXPECT_EQ(test, *(u32 *)page_address(world.pages[0]),
			mmap_proto_word(0));
	mmap_proto_end(test);
}

/*
 * A private mapping has the memory's first frame as its offset, by which a page
 * that was copied is told from one that was not.
 */
static void remap_private(struct kunit *test)
{
	mmap_proto_alloc_pages(test, 1);
	world.request = remap_whole;
	KUNIT_ASSERT_EQ(test, map(2, RW, MAP_PRIVATE), BASE);
	KUNIT_EXPECT_EQ(test, mmap_proto_vma(BASE)->vm_pgoff, first_pfn());
	expect_pfns(test, 0, first_pfn(), 2, world.seen.page_prot);
	KUNIT_EXPECT_FALSE(test, pte_write(mmap_proto_entry(BASE)));
	KUNIT_EXPECT_EQ(test, write_word(1, 60), 0);
	KUNIT_EXPECT_EQ(test, read_word(test, 1), 60);
	KUNIT_EXPECT_EQ(test, *(u32 *)page_address(world.pages[1]),
			mmap_proto_word(1));
	KUNIT_EXPECT_NE(test, pte_pfn(mmap_proto_entry(BASE + PAGES(1))),
			first_pfn() + 1);
	expect_pfns(test, 0, first_pfn(), 1, world.seen.page_prot);
	KUNIT_EXPECT_EQ(test, get_mm_counter(world.mm, MM_ANONPAGES), 1);
	mmap_proto_end(test);
}

/* mapped() is told the offset of the file, private mapping or not. */
static void remap_private_offset(struct kunit *test)
{
	mmap_proto_alloc_pages(test, 0);
	world.request = remap_whole;
	world.vm_ops = &mmap_proto_mapped_ops;
	KUNIT_ASSERT_EQ(test, vm_mmap(world.file, BASE, PAGES(1), RW,
				      MAP_PRIVATE | MAP_FIXED, PAGES(9)),
			BASE);
	KUNIT_EXPECT_EQ(test, world.mapped.pgoff, 9);
	KUNIT_EXPECT_EQ(test, mmap_proto_vma(BASE)->vm_pgoff, first_pfn());
	mmap_proto_end(test);
}

static int remap_first(struct vma_proto *proto)
{
	return vma_proto_remap_pfn_range(proto, proto->start, first_pfn(),
					 PAGE_SIZE, proto->page_prot);
}

/* Not so when a part of it is of physical memory. */
static void remap_private_part(struct kunit *test)
{
	mmap_proto_alloc_pages(test, 0);
	world.request = remap_first;
	KUNIT_EXPECT_EQ(test, (long)map(2, RW, MAP_PRIVATE), -EINVAL);
	KUNIT_EXPECT_EQ(test, world.mm->map_count, 0);
	/* One that can never be written is not copied. */
	world.clear = VM_MAYWRITE;
	KUNIT_EXPECT_EQ(test, map(2, PROT_READ, MAP_PRIVATE), BASE);
	KUNIT_EXPECT_EQ(test, mmap_proto_vma(BASE)->vm_pgoff, 0);
	expect_pfns(test, 0, first_pfn(), 1, world.seen.page_prot);
	mmap_proto_end(test);
}

static int remap_then_drop_write(struct vma_proto *proto)
{
	int error = remap_whole(proto);

	proto->flags &= ~(VM_WRITE | VM_MAYWRITE);
	return error;
}

/* Entries follow when the hook drops access after the request. */
static void remap_follows_flags(struct kunit *test)
{
	mmap_proto_alloc_pages(test, 1);
	world.request = remap_then_drop_write;
	KUNIT_ASSERT_EQ(test, map(2, RW, MAP_SHARED), BASE);
	expect_pfns(test, 0, first_pfn(), 2, vm_get_page_prot(flags()));
	KUNIT_EXPECT_FALSE(test, pte_write(mmap_proto_entry(BASE)));
	KUNIT_EXPECT_EQ(test, write_word(0, 1), -EFAULT);
	KUNIT_EXPECT_EQ(test, read_word(test, 1), mmap_proto_word(1));
	mmap_proto_end(test);
}

/* mprotect() changes what entries permit, and nothing else about them. */
static void remap_mprotect(struct kunit *test)
{
	mmap_proto_alloc_pages(test, 1);
	world.request = remap_whole;
	KUNIT_ASSERT_EQ(test, map(2, RW, MAP_SHARED), BASE);
	KUNIT_ASSERT_EQ(test, mmap_proto_syscall(test, __NR_mprotect, BASE,
						 PAGES(1), PROT_READ, 0, 0),
			0);
	expect_pfns(test, 0, first_pfn(), 1, vm_get_page_prot(flags()));
	expect_pfns(test, 1, first_pfn() + 1, 1, world.seen.page_prot);
	KUNIT_EXPECT_EQ(test, write_word(0, 1), -EFAULT);
	KUNIT_EXPECT_EQ(test, write_word(1, 1), 0);
	KUNIT_ASSERT_EQ(test, mmap_proto_syscall(test, __NR_mprotect, BASE,
						 PAGES(1), RW, 0, 0), 0);
	KUNIT_EXPECT_EQ(test, write_word(0, 1), 0);
	mmap_proto_end(test);
}

/* mremap() takes the entries along. */
static void remap_mremap(struct kunit *test)
{
	mmap_proto_alloc_pages(test, 1);
	world.request = remap_whole;
	world.vm_ops = &mmap_proto_mapped_ops;
	KUNIT_ASSERT_EQ(test, vm_mmap(world.file, BASE + PAGES(8), PAGES(2), RW,
				      MAP_SHARED | MAP_FIXED, 0),
			BASE + PAGES(8));
	KUNIT_ASSERT_EQ(test, mmap_proto_syscall(test, __NR_mremap,
						 BASE + PAGES(8), PAGES(2),
						 PAGES(2), MREMAP_MAYMOVE |
						 MREMAP_FIXED, BASE), BASE);
	expect_pfns(test, 0, first_pfn(), 2, world.seen.page_prot);
	expect_nothing(test, 8, 2);
	KUNIT_EXPECT_EQ(test, mmap_proto_syscall(test, __NR_mremap, BASE,
						 PAGES(2), PAGES(3),
						 MREMAP_MAYMOVE, 0), -EFAULT);
	KUNIT_EXPECT_EQ(test, world.mapped.calls, 1);
	mmap_proto_end(test);
}

static pgprot_t cached_as(pgprot_t prot)
{
	return world.private_data ? pgprot_writecombine(prot) :
				    pgprot_noncached(prot);
}

static int io_remap_cached(struct vma_proto *proto)
{
	proto->page_prot = cached_as(proto->page_prot);
	return vma_proto_io_remap_pfn_range(proto, proto->start, IO_PFN,
					    proto->end - proto->start,
					    proto->page_prot);
}

static int iomap_then_cached(struct vma_proto *proto)
{
	/* It begins within one page and ends within the next, which has IO. */
	int error = vma_proto_iomap_memory(proto, PFN_PHYS(IO_PFN - 1) + 16,
					   PAGE_SIZE);

	proto->page_prot = cached_as(proto->page_prot);
	return error;
}

/* The memory at IO_PFN, as the kernel sees it. */
static u32 io_word(struct kunit *test)
{
	void __iomem *io;
	u32 word;

	if (!IS_ENABLED(CONFIG_X86) || IS_ENABLED(CONFIG_UML))
		kunit_skip(test, "there is no I/O memory that is known");
	io = ioremap(PFN_PHYS(IO_PFN), PAGE_SIZE);
	KUNIT_ASSERT_NOT_NULL(test, (void __force *)io);
	word = readl(io + IO_OFFSET);
	iounmap(io);
	return word;
}

static void expect_io(struct kunit *test, u32 expected)
{
	u32 word = 0;

	KUNIT_EXPECT_EQ(test, 0, get_user(word, (u32 __user *)
					  (BASE + IO_OFFSET)));
	KUNIT_EXPECT_EQ(test, word, expected);
	expect_pfns(test, 0, IO_PFN, 1, cached_as(world.seen.page_prot));
}

/* I/O memory has the cache mode that the hook asked for. */
static void io_remap(struct kunit *test)
{
	u32 word = io_word(test);
	int mode;

	KUNIT_EXPECT_NE(test, word, 0);
	KUNIT_EXPECT_NE(test, word, ~0U);
	world.request = io_remap_cached;
	for (mode = 0; mode < 2; mode++) {
		world.private_data = mode ? test : NULL;
		KUNIT_ASSERT_EQ(test, map(1, RW, MAP_SHARED), BASE);
		expect_io(test, word);
		/* All mappings of a page at one time have the same mode. */
		KUNIT_EXPECT_EQ(test, vm_munmap(BASE, PAGES(1)), 0);
	}
	mmap_proto_end(test);
}

/* So has what is mapped by its physical address, from the offset on. */
static void iomap_memory(struct kunit *test)
{
	u32 word = io_word(test);
	int mode;

	world.request = iomap_then_cached;
	for (mode = 0; mode < 2; mode++) {
		world.private_data = mode ? test : NULL;
		KUNIT_ASSERT_EQ(test, vm_mmap(world.file, BASE, PAGES(1),
					      PROT_READ, MAP_SHARED | MAP_FIXED,
					      PAGES(1)), BASE);
		expect_io(test, word);
		KUNIT_EXPECT_EQ(test, write_word(0, 1), -EFAULT);
		KUNIT_EXPECT_EQ(test, vm_munmap(BASE, PAGES(1)), 0);
	}
	/* Not beyond its end. */
	KUNIT_EXPECT_EQ(test, (long)vm_mmap(world.file, BASE, PAGES(2),
					    PROT_READ, MAP_SHARED | MAP_FIXED,
					    PAGES(1)), -EINVAL);
	mmap_proto_end(test);
}

static int io_remap_then_drop_write(struct vma_proto *proto)
{
	int error = io_remap_cached(proto);

	proto->flags &= ~(VM_WRITE | VM_MAYWRITE);
	return error;
}

/* The cache mode stays when the hook drops access after the request. */
static void io_remap_follows_flags(struct kunit *test)
{
	io_word(test);
	world.request = io_remap_then_drop_write;
	KUNIT_ASSERT_EQ(test, map(1, RW, MAP_SHARED), BASE);
	expect_pfns(test, 0, IO_PFN, 1, cached_as(vm_get_page_prot(flags())));
	KUNIT_EXPECT_EQ(test, write_word(0, 1), -EFAULT);
	mmap_proto_end(test);
}

/* A mapping that fails does not keep the cache mode of its memory. */
static void io_remap_fails(struct kunit *test)
{
	u32 word = io_word(test);

	world.request = io_remap_cached;
	world.vm_ops = &mmap_proto_mapped_ops;
	world.mapped_error = -EBADSLT;
	KUNIT_EXPECT_EQ(test, (long)map(1, RW, MAP_SHARED), -EBADSLT);
	KUNIT_EXPECT_EQ(test, world.mapped.failed, 1);
	world.mapped_error = 0;
	world.private_data = test;
	KUNIT_ASSERT_EQ(test, map(1, RW, MAP_SHARED), BASE);
	expect_io(test, word);
	mmap_proto_end(test);
}

/* mprotect() keeps the cache mode, too. */
static void io_remap_mprotect(struct kunit *test)
{
	u32 word = io_word(test);

	world.request = io_remap_cached;
	KUNIT_ASSERT_EQ(test, map(1, RW, MAP_SHARED), BASE);
	KUNIT_ASSERT_EQ(test, mmap_proto_syscall(test, __NR_mprotect, BASE,
						 PAGES(1), PROT_READ, 0, 0),
			0);
	expect_pfns(test, 0, IO_PFN, 1, cached_as(vm_get_page_prot(flags())));
	KUNIT_ASSERT_EQ(test, mmap_proto_syscall(test, __NR_mprotect, BASE,
						 PAGES(1), RW, 0, 0), 0);
	expect_io(test, word);
	mmap_proto_end(test);
}

/* Insert the pages 1, 0, 2 and 3 at 0, 1, 3 and 4. */
static int insert_singly(struct vma_proto *proto)
{
	static const int order[] = { 1, 0, -1, 2, 3 };
	int i;

	for (i = 0; i < ARRAY_SIZE(order); i++) {
		int error;

		if (order[i] < 0)
			continue;
		error = vma_proto_insert_page(proto, proto->start + PAGES(i),
					      world.pages[order[i]]);
		if (error)
			return error;
	}

	return 0;
}

/* Pages that are inserted are counted, and given back by munmap(). */
static void insert_page(struct kunit *test)
{
	int i;

	mmap_proto_alloc_pages(test, 2);
	world.request = insert_singly;
	KUNIT_ASSERT_EQ(test, map(5, RW, MAP_SHARED), BASE);
	KUNIT_EXPECT_TRUE(test, flags() & VM_MIXEDMAP);
	KUNIT_EXPECT_EQ(test, flags() & (VM_PFNMAP | VM_IO), 0);
	expect_pages(test, 0, 1, 1, world.seen.page_prot);
	expect_pages(test, 1, 0, 1, world.seen.page_prot);
	expect_nothing(test, 2, 1);
	expect_pages(test, 3, 2, 2, world.seen.page_prot);
	KUNIT_EXPECT_EQ(test, get_mm_counter(world.mm, MM_FILEPAGES), 4);
	KUNIT_EXPECT_EQ(test, write_word(4, 77), 0);
	KUNIT_EXPECT_EQ(test, *(u32 *)page_address(world.pages[3]), 77);
	/* Of a part, and of the rest. */
	KUNIT_EXPECT_EQ(test, vm_munmap(BASE, PAGES(1)), 0);
	KUNIT_EXPECT_EQ(test, page_ref_count(world.pages[1]), 1);
	KUNIT_EXPECT_EQ(test, page_ref_count(world.pages[0]), 2);
	KUNIT_EXPECT_EQ(test, vm_munmap(BASE, PAGES(5)), 0);
	KUNIT_EXPECT_EQ(test, get_mm_counter(world.mm, MM_FILEPAGES), 0);
	for (i = 0; i < 4; i++)
		KUNIT_EXPECT_EQ(test, page_ref_count(world.pages[i]), 1);
	mmap_proto_end(test);
}

/* Pages that are inserted can be pinned, and outlive the mapping then. */
static void insert_page_pinned(struct kunit *test)
{
	struct page *page = NULL;

	mmap_proto_alloc_pages(test, 2);
	world.request = insert_singly;
	KUNIT_ASSERT_EQ(test, map(5, RW, MAP_SHARED), BASE);
	KUNIT_ASSERT_EQ(test, get_user_pages_unlocked(BASE, 1, &page,
						      FOLL_WRITE), 1);
	KUNIT_EXPECT_PTR_EQ(test, page, world.pages[1]);
	KUNIT_EXPECT_EQ(test, vm_munmap(BASE, PAGES(5)), 0);
	KUNIT_EXPECT_EQ(test, page_ref_count(page), 2);
	put_page(page);
	mmap_proto_end(test);
}

/* A private mapping copies what is written. */
static void insert_page_private(struct kunit *test)
{
	mmap_proto_alloc_pages(test, 2);
	world.request = insert_singly;
	KUNIT_ASSERT_EQ(test, map(5, RW, MAP_PRIVATE), BASE);
	expect_pages(test, 3, 2, 2, world.seen.page_prot);
	KUNIT_EXPECT_EQ(test, write_word(3, 77), 0);
	KUNIT_EXPECT_EQ(test, read_word(test, 3), 77);
	KUNIT_EXPECT_EQ(test, *(u32 *)page_address(world.pages[2]),
			mmap_proto_word(2));
	KUNIT_EXPECT_EQ(test, page_ref_count(world.pages[2]), 1);
	KUNIT_EXPECT_EQ(test, page_ref_count(world.pages[3]), 2);
	KUNIT_EXPECT_EQ(test, get_mm_counter(world.mm, MM_ANONPAGES), 1);
	mmap_proto_end(test);
}

/* Pages follow the flags and the protection that the hook leaves. */
static int insert_then_drop_write(struct vma_proto *proto)
{
	int error = insert_singly(proto);

	proto->flags &= ~(VM_WRITE | VM_MAYWRITE);
	return error;
}

static void insert_page_follows_flags(struct kunit *test)
{
	mmap_proto_alloc_pages(test, 2);
	world.request = insert_then_drop_write;
	KUNIT_ASSERT_EQ(test, map(5, RW, MAP_SHARED), BASE);
	expect_pages(test, 3, 2, 2, vm_get_page_prot(flags()));
	KUNIT_EXPECT_FALSE(test, pte_write(mmap_proto_entry(BASE)));
	KUNIT_EXPECT_EQ(test, write_word(0, 1), -EFAULT);
	mmap_proto_end(test);
}

static int insert_array(struct vma_proto *proto)
{
	return vma_proto_insert_pages(proto, proto->start + PAGES(1),
				      world.pages + 1, 2);
}

static void insert_pages(struct kunit *test)
{
	mmap_proto_alloc_pages(test, 2);
	world.request = insert_array;
	KUNIT_ASSERT_EQ(test, map(5, PROT_READ, MAP_SHARED), BASE);
	KUNIT_EXPECT_TRUE(test, flags() & VM_MIXEDMAP);
	expect_nothing(test, 0, 1);
	expect_pages(test, 1, 1, 2, world.seen.page_prot);
	expect_nothing(test, 3, 2);
	KUNIT_EXPECT_EQ(test, write_word(1, 1), -EFAULT);
	KUNIT_EXPECT_EQ(test, page_ref_count(world.pages[0]), 1);
	mmap_proto_end(test);
}

static int map_array(struct vma_proto *proto)
{
	return vma_proto_map_pages(proto, world.pages, world.nr_pages);
}

static int map_array_zero(struct vma_proto *proto)
{
	return vma_proto_map_pages_zero(proto, world.pages, world.nr_pages);
}

/* The offset says which pages of an array are mapped. */
static void map_pages(struct kunit *test)
{
	mmap_proto_alloc_pages(test, 2);
	world.request = map_array;
	KUNIT_ASSERT_EQ(test, vm_mmap(world.file, BASE, PAGES(2), RW,
				      MAP_SHARED | MAP_FIXED, PAGES(2)), BASE);
	expect_pages(test, 0, 2, 2, world.seen.page_prot);
	KUNIT_EXPECT_EQ(test, vm_munmap(BASE, PAGES(2)), 0);
	KUNIT_EXPECT_EQ(test, (long)vm_mmap(world.file, BASE, PAGES(3), RW,
					    MAP_SHARED | MAP_FIXED, PAGES(2)),
			-ENXIO);
	KUNIT_EXPECT_EQ(test, (long)vm_mmap(world.file, BASE, PAGES(1), RW,
					    MAP_SHARED | MAP_FIXED, PAGES(4)),
			-ENXIO);
	mmap_proto_end(test);
}

/* Or is not looked at. */
static void map_pages_zero(struct kunit *test)
{
	mmap_proto_alloc_pages(test, 2);
	world.request = map_array_zero;
	KUNIT_ASSERT_EQ(test, vm_mmap(world.file, BASE, PAGES(2), RW,
				      MAP_SHARED | MAP_FIXED, PAGES(3)), BASE);
	expect_pages(test, 0, 0, 2, world.seen.page_prot);
	KUNIT_EXPECT_EQ(test, vm_munmap(BASE, PAGES(2)), 0);
	KUNIT_EXPECT_EQ(test, (long)map(5, RW, MAP_SHARED), -ENXIO);
	mmap_proto_end(test);
}

#define AREA_PAGES 3

static void free_area(void *area)
{
	vfree(area);
}

/* A vmalloc area for user space, the pages of which have each their word. */
static u32 *alloc_area(struct kunit *test)
{
	u32 *area = vmalloc_user(PAGES(AREA_PAGES));
	int i;

	KUNIT_ASSERT_NOT_NULL(test, area);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, free_area,
							   area));
	for (i = 0; i < AREA_PAGES; i++)
		area[PAGES(i) / sizeof(*area)] = 800 + i;
	world.private_data = area;
	return area;
}

static void expect_area(struct kunit *test, int page, int first, int nr)
{
	int i;

	for (i = 0; i < nr; i++) {
		void *addr = world.private_data + PAGES(first + i);
		struct page *area_page = vmalloc_to_page(addr);

		expect_entries(test, page + i, page_to_pfn(area_page), 1,
			       world.seen.page_prot, false);
		KUNIT_EXPECT_EQ(test, page_ref_count(area_page), 2);
		KUNIT_EXPECT_EQ(test, read_word(test, page + i),
				800 + first + i);
	}
}

static void expect_area_unmapped(struct kunit *test)
{
	int i;

	for (i = 0; i < AREA_PAGES; i++) {
		void *addr = world.private_data + PAGES(i);

		KUNIT_EXPECT_EQ(test, page_ref_count(vmalloc_to_page(addr)), 1);
	}
}

static int remap_area(struct vma_proto *proto)
{
	return vma_proto_remap_vmalloc_range(proto, proto->private_data,
					     proto->pgoff);
}

static void remap_vmalloc(struct kunit *test)
{
	const vm_flags_t set = VM_MIXEDMAP | VM_DONTEXPAND | VM_DONTDUMP;
	u32 *area = alloc_area(test);

	world.request = remap_area;
	KUNIT_ASSERT_EQ(test, map(AREA_PAGES, RW, MAP_SHARED), BASE);
	KUNIT_EXPECT_EQ(test, flags() & set, set);
	expect_area(test, 0, 0, AREA_PAGES);
	KUNIT_EXPECT_EQ(test, write_word(2, 5), 0);
	KUNIT_EXPECT_EQ(test, area[PAGES(2) / sizeof(*area)], 5);
	area[PAGES(2) / sizeof(*area)] = 802;
	KUNIT_EXPECT_EQ(test, vm_munmap(BASE, PAGES(AREA_PAGES)), 0);
	expect_area_unmapped(test);

	/* From the offset on, and not beyond its end. */
	KUNIT_ASSERT_EQ(test, vm_mmap(world.file, BASE, PAGES(2), RW,
				      MAP_SHARED | MAP_FIXED, PAGES(1)), BASE);
	expect_area(test, 0, 1, 2);
	KUNIT_EXPECT_EQ(test, (long)vm_mmap(world.file, BASE, PAGES(3), RW,
					    MAP_SHARED | MAP_FIXED, PAGES(1)),
			-EINVAL);
	expect_area(test, 0, 1, 2);
	mmap_proto_end(test);
	expect_area_unmapped(test);
}

static int remap_area_partly(struct vma_proto *proto)
{
	return vma_proto_remap_vmalloc_range_partial(proto, proto->start +
						     PAGES(1),
						     proto->private_data, 1,
						     PAGE_SIZE + 1);
}

static void remap_vmalloc_partial(struct kunit *test)
{
	alloc_area(test);
	world.request = remap_area_partly;
	KUNIT_ASSERT_EQ(test, map(4, PROT_READ, MAP_SHARED), BASE);
	expect_nothing(test, 0, 1);
	expect_area(test, 1, 1, 2);
	expect_nothing(test, 3, 1);
	KUNIT_EXPECT_EQ(test, write_word(1, 1), -EFAULT);
	mmap_proto_end(test);
	expect_area_unmapped(test);
}

/* Memory that user space may not have, it does not get. */
static void remap_vmalloc_of_the_kernel(struct kunit *test)
{
	void *area = vmalloc(PAGE_SIZE);

	KUNIT_ASSERT_NOT_NULL(test, area);
	world.private_data = area;
	world.request = remap_area;
	KUNIT_EXPECT_EQ(test, (long)map(1, RW, MAP_SHARED), -EINVAL);
	mmap_proto_end(test);
	vfree(area);
}

static struct {
	struct device *dev;
	u32 *cpu_addr;
	dma_addr_t addr;
} dma;

#define DMA_PAGES 3

static int dma_mmap(struct vma_proto *proto)
{
	return vma_proto_dma_mmap_attrs(proto, dma.dev, dma.cpu_addr, dma.addr,
					PAGES(DMA_PAGES), 0);
}

static void free_dma(void *unused)
{
	dma_free_coherent(dma.dev, PAGES(DMA_PAGES), dma.cpu_addr, dma.addr);
}

static void alloc_dma(struct kunit *test)
{
	int i;

	dma.dev = kunit_device_register(test, "dma");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dma.dev);
	dma.cpu_addr = dma_alloc_coherent(dma.dev, PAGES(DMA_PAGES), &dma.addr,
					  GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, dma.cpu_addr);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, free_dma,
							   NULL));
	for (i = 0; i < DMA_PAGES; i++)
		dma.cpu_addr[PAGES(i) / sizeof(u32)] = 900 + i;
}

/* Memory of a device is mapped from the offset on. */
static void dma_memory(struct kunit *test)
{
	const unsigned long pfn_of_second = 1;
	unsigned long pfn;
	int i;

	alloc_dma(test);
	pfn = page_to_pfn(virt_to_page(dma.cpu_addr));
	world.request = dma_mmap;
	KUNIT_ASSERT_EQ(test, map(DMA_PAGES, RW, MAP_SHARED), BASE);
	for (i = 0; i < DMA_PAGES; i++)
		KUNIT_EXPECT_EQ(test, read_word(test, i), 900 + i);
	expect_pfns(test, 0, pfn, DMA_PAGES, world.seen.page_prot);
	KUNIT_EXPECT_EQ(test, write_word(1, 4), 0);
	KUNIT_EXPECT_EQ(test, dma.cpu_addr[PAGES(1) / sizeof(u32)], 4);
	KUNIT_ASSERT_EQ(test, vm_mmap(world.file, BASE, PAGES(2), PROT_READ,
				      MAP_SHARED | MAP_FIXED, PAGES(1)), BASE);
	expect_pfns(test, 0, pfn + pfn_of_second, 2, world.seen.page_prot);
	KUNIT_EXPECT_EQ(test, read_word(test, 1), 902);
	KUNIT_EXPECT_EQ(test, write_word(0, 1), -EFAULT);
	KUNIT_EXPECT_EQ(test, (long)vm_mmap(world.file, BASE, PAGES(3), RW,
					    MAP_SHARED | MAP_FIXED, PAGES(1)),
			-ENXIO);
	KUNIT_EXPECT_EQ(test, read_word(test, 1), 902);
	mmap_proto_end(test);
}

/* A private mapping of it copies what is written. */
static void dma_memory_private(struct kunit *test)
{
	alloc_dma(test);
	world.request = dma_mmap;
	KUNIT_ASSERT_EQ(test, map(DMA_PAGES, RW, MAP_PRIVATE), BASE);
	KUNIT_EXPECT_EQ(test, mmap_proto_vma(BASE)->vm_pgoff,
			page_to_pfn(virt_to_page(dma.cpu_addr)));
	KUNIT_EXPECT_EQ(test, write_word(1, 4), 0);
	KUNIT_EXPECT_EQ(test, read_word(test, 1), 4);
	KUNIT_EXPECT_EQ(test, dma.cpu_addr[PAGES(1) / sizeof(u32)], 901);
	KUNIT_EXPECT_EQ(test, read_word(test, 2), 902);
	mmap_proto_end(test);
}

/* Pages, an array of them and a vmalloc area, side by side. */
static int insert_all(struct vma_proto *proto)
{
	int error;

	error = vma_proto_insert_page(proto, proto->start, world.pages[3]);
	if (error)
		return error;
	error = vma_proto_insert_pages(proto, proto->start + PAGES(1),
				       world.pages, 3);
	if (error)
		return error;

	return vma_proto_remap_vmalloc_range_partial(proto, proto->start +
						     PAGES(4),
						     proto->private_data, 0,
						     PAGES(AREA_PAGES));
}

static void several(struct kunit *test)
{
	mmap_proto_alloc_pages(test, 2);
	alloc_area(test);
	world.request = insert_all;
	world.vm_ops = &mmap_proto_mapped_ops;
	world.mapped.page = world.pages[2];
	KUNIT_ASSERT_EQ(test, map(7, RW, MAP_SHARED), BASE);
	/* mapped() comes after the actions. */
	KUNIT_EXPECT_EQ(test, world.mapped.refs, 2);
	expect_pages(test, 0, 3, 1, world.seen.page_prot);
	expect_pages(test, 1, 0, 3, world.seen.page_prot);
	expect_area(test, 4, 0, AREA_PAGES);
	mmap_proto_end(test);
	expect_area_unmapped(test);
}

static void expect_nothing_left(struct kunit *test, unsigned long tables)
{
	int i;

	for (i = 0; i < world.nr_pages; i++) {
		KUNIT_EXPECT_EQ(test, page_ref_count(world.pages[i]), 1);
		KUNIT_EXPECT_FALSE(test, page_mapped(world.pages[i]));
	}
	KUNIT_EXPECT_EQ(test, get_mm_rss(world.mm), 0);
	KUNIT_EXPECT_EQ(test, mm_pgtables_bytes(world.mm), tables);
	KUNIT_EXPECT_EQ(test, file_count(world.file), 1);
}

/* When mapped() fails after the actions, these are undone. */
static void mapped_fails(struct kunit *test)
{
	const unsigned long tables = mm_pgtables_bytes(world.mm);

	mmap_proto_alloc_pages(test, 2);
	alloc_area(test);
	world.request = insert_all;
	world.vm_ops = &mmap_proto_mapped_ops;
	world.mapped_error = -EBADSLT;
	world.mapped.page = world.pages[2];
	world.holds = 1;
	KUNIT_EXPECT_EQ(test, (long)map(7, RW, MAP_SHARED), -EBADSLT);
	KUNIT_EXPECT_EQ(test, world.mapped.failed, 1);
	KUNIT_EXPECT_EQ(test, world.mapped.refs, 2);
	expect_nothing_left(test, tables);
	expect_area_unmapped(test);
	mmap_proto_end(test);
}

/* The page after the first ones belongs to the slab allocator. */
static int insert_slab_last(struct vma_proto *proto)
{
	int error;

	error = vma_proto_insert_pages(proto, proto->start, world.pages, 4);
	if (error)
		return error;

	return vma_proto_insert_page(proto, proto->start + PAGES(5),
				     virt_to_page(proto->private_data));
}

/*
 * When an action fails, those before it are undone, what MAP_FIXED was to
 * replace is gone, and nobody calls mapped() or close().
 */
static void later_action_fails(struct kunit *test)
{
	unsigned long tables;

	mmap_proto_alloc_pages(test, 2);
	world.private_data = kunit_kzalloc(test, 64, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, world.private_data);
	tables = mm_pgtables_bytes(world.mm);
	KUNIT_ASSERT_EQ(test, vm_mmap(NULL, BASE, PAGES(2), RW,
				      MAP_PRIVATE | MAP_FIXED, 0), BASE);
	KUNIT_ASSERT_EQ(test, write_word(1, 1), 0);
	world.request = insert_slab_last;
	world.vm_ops = &mmap_proto_mapped_ops;
	world.holds = 2;
	KUNIT_EXPECT_EQ(test, (long)map(6, RW, MAP_SHARED), -EINVAL);
	KUNIT_EXPECT_EQ(test, world.seen.calls, 1);
	KUNIT_EXPECT_EQ(test, world.mapped.calls + world.mapped.failed, 0);
	KUNIT_EXPECT_NULL(test, mmap_proto_vma(BASE));
	KUNIT_EXPECT_EQ(test, world.mm->map_count, 0);
	expect_nothing_left(test, tables);
	mmap_proto_end(test);
	KUNIT_EXPECT_EQ(test, world.closed, 0);
}

static int remap_twice(struct vma_proto *proto)
{
	int error = remap_first(proto);

	return error ?: remap_first(proto);
}

static int remap_and_insert(struct vma_proto *proto)
{
	int error = remap_first(proto);

	return error ?: vma_proto_insert_page(proto, proto->start + PAGES(1),
					      world.pages[1]);
}

static int insert_twice(struct vma_proto *proto)
{
	int error = insert_array(proto);

	return error ?: vma_proto_insert_page(proto, proto->start + PAGES(2),
					      world.pages[0]);
}

static int remap_beyond(struct vma_proto *proto)
{
	return vma_proto_remap_pfn_range(proto, proto->start + PAGES(1),
					 first_pfn(), proto->end - proto->start,
					 proto->page_prot);
}

static int insert_beyond(struct vma_proto *proto)
{
	return vma_proto_insert_page(proto, proto->end, world.pages[0]);
}

static int dma_and_remap(struct vma_proto *proto)
{
	int error = dma_mmap(proto);

	return error ?: remap_first(proto);
}

static const struct refusal {
	const char *name;
	int (*request)(struct vma_proto *proto);
	int error;
	/* 0 for MAP_SHARED. */
	unsigned long flags;
} refusals[] = {
	{ "remap overlaps", remap_twice, -EINVAL },
	{ "remap part privately", remap_first, -EINVAL, MAP_PRIVATE },
	{ "remap and insert", remap_and_insert, -EINVAL },
	{ "insert overlaps", insert_twice, -EBUSY },
	{ "remap beyond", remap_beyond, -EINVAL },
	{ "insert beyond", insert_beyond, -EFAULT },
	{ "dma not alone", dma_and_remap, -EINVAL },
};

static void refusal_name(const struct refusal *refusal, char *name)
{
	strscpy(name, refusal->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(refusal, refusals, refusal_name);

/* A request that cannot be met fails before anything is changed. */
static void refused(struct kunit *test)
{
	const struct refusal *refusal = test->param_value;

	mmap_proto_alloc_pages(test, 2);
	alloc_dma(test);
	KUNIT_ASSERT_EQ(test, vm_mmap(NULL, BASE, PAGES(1), RW,
				      MAP_PRIVATE | MAP_FIXED, 0), BASE);
	KUNIT_ASSERT_EQ(test, write_word(0, 7), 0);
	world.request = refusal->request;
	KUNIT_EXPECT_EQ(test, (long)map(DMA_PAGES, RW,
					refusal->flags ?: MAP_SHARED),
			refusal->error);
	KUNIT_EXPECT_EQ(test, read_word(test, 0), 7);
	KUNIT_EXPECT_EQ(test, world.mm->map_count, 1);
	mmap_proto_end(test);
}

/* Two mappings side by side with actions stay two. */
static void no_merge(struct kunit *test)
{
	mmap_proto_alloc_pages(test, 2);
	world.request = map_array;
	KUNIT_ASSERT_EQ(test, map(1, RW, MAP_SHARED), BASE);
	KUNIT_ASSERT_EQ(test, vm_mmap(world.file, BASE + PAGES(1), PAGES(1), RW,
				      MAP_SHARED | MAP_FIXED, PAGES(1)),
			BASE + PAGES(1));
	KUNIT_EXPECT_EQ(test, world.mm->map_count, 2);
	expect_pages(test, 0, 0, 2, world.seen.page_prot);
	mmap_proto_end(test);
}

static struct kunit_case action_cases[] = {
	KUNIT_CASE(remap),
	KUNIT_CASE(remap_not_pinned),
	KUNIT_CASE(remap_parts),
	KUNIT_CASE(remap_read_only),
	KUNIT_CASE(remap_private),
	KUNIT_CASE(remap_private_offset),
	KUNIT_CASE(remap_private_part),
	KUNIT_CASE(remap_follows_flags),
	KUNIT_CASE(remap_mprotect),
	KUNIT_CASE(remap_mremap),
	KUNIT_CASE(io_remap),
	KUNIT_CASE(iomap_memory),
	KUNIT_CASE(io_remap_follows_flags),
	KUNIT_CASE(io_remap_fails),
	KUNIT_CASE(io_remap_mprotect),
	KUNIT_CASE(insert_page),
	KUNIT_CASE(insert_page_pinned),
	KUNIT_CASE(insert_page_private),
	KUNIT_CASE(insert_page_follows_flags),
	KUNIT_CASE(insert_pages),
	KUNIT_CASE(map_pages),
	KUNIT_CASE(map_pages_zero),
	KUNIT_CASE(remap_vmalloc),
	KUNIT_CASE(remap_vmalloc_partial),
	KUNIT_CASE(remap_vmalloc_of_the_kernel),
	KUNIT_CASE(dma_memory),
	KUNIT_CASE(dma_memory_private),
	KUNIT_CASE(several),
	KUNIT_CASE(mapped_fails),
	KUNIT_CASE(later_action_fails),
	KUNIT_CASE_PARAM(refused, refusal_gen_params),
	KUNIT_CASE(no_merge),
	{ }
};

static struct kunit_suite action_suite = {
	.name = "mmap_proto_action",
	.init = mmap_proto_begin,
	.exit = mmap_proto_check_end,
	.test_cases = action_cases,
};

kunit_test_suite(action_suite);
