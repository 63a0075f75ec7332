// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a mmap_proto() hook has the core do: each action, alone and with others.
 */

#include "mmap_world.h"

/* The entry for that page. */
static unsigned long pfn_at(unsigned long page)
{
	int i = find_entry(PAGES(page));

	ASSERT(i >= 0);
	return page_table.entries[i].pfn;
}

static pgprotval_t prot_at(unsigned long page)
{
	int i = find_entry(PAGES(page));

	ASSERT(i >= 0);
	return page_table.entries[i].prot;
}

/* One request of the hook, told by what a test sets here. */
static struct {
	int error;
	unsigned long addr;
	unsigned long size;
	unsigned long pfn;
	struct page **pages;
} request;

static int remap(struct vma_proto *proto)
{
	request.error = vma_proto_remap_pfn_range(proto, request.addr,
						  request.pfn, request.size,
						  proto->page_prot);
	return request.error;
}

static int io_remap(struct vma_proto *proto)
{
	request.error = vma_proto_io_remap_pfn_range(proto, request.addr,
						     request.pfn, request.size,
						     proto->page_prot);
	return request.error;
}

#define PFNMAP_FLAGS	(VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP)

/* A range of physical memory, whole and in part, as private memory and I/O. */
static void test_remap(void)
{
	hook.more = remap;
	hook.prot = 1UL << 56;
	request.addr = PAGES(2);
	request.size = PAGES(3) - 5;
	request.pfn = 500;
	ASSERT_EQ(map_file(&file, 2, 3, SHARED, 7), PAGES(2));
	ASSERT_EQ(vma_at(2)->vm_flags, SHARED | PFNMAP_FLAGS);
	ASSERT_EQ(vma_at(2)->vm_pgoff, 7);
	ASSERT_EQ(page_table.nr_entries, 3);
	ASSERT_EQ(pfn_at(2), 500);
	ASSERT_EQ(pfn_at(4), 502);
	ASSERT_EQ(prot_at(4), SHARED | 1UL << 56);

	request.addr = PAGES(11);
	request.size = 1;
	ASSERT_EQ(map_file(&file, 10, 3, SHARED, 7), PAGES(10));
	ASSERT_EQ(page_table.nr_entries, 4);
	ASSERT_EQ(pfn_at(11), 500);

	/* A private one has the frame number for its offset. */
	request.addr = PAGES(20);
	request.size = PAGES(2);
	ASSERT_EQ(map_file(&file, 20, 2, PRIVATE, 7), PAGES(20));
	ASSERT_EQ(vma_at(20)->vm_pgoff, 500);

	/* A hook may give it to a shared one, however short the file is. */
	region_test.max_pgoff = 100;
	hook.add_pgoff = 493;
	request.addr = PAGES(25);
	ASSERT_EQ(map_file(&file, 25, 2, SHARED, 7), PAGES(25));
	ASSERT_EQ(vma_at(25)->vm_pgoff, 500);
	region_test.max_pgoff = 0;
	hook.add_pgoff = 0;

	hook.more = io_remap;
	request.addr = PAGES(30);
	ASSERT_EQ(map_file(&file, 30, 2, SHARED, 7), PAGES(30));
	ASSERT_EQ(pfn_at(31), 501 | TEST_PFN_IO);
	ASSERT(unmap(30, 2));
	ASSERT_EQ(find_entry(PAGES(31)), -1);
}

/* What cannot be is refused when it is asked for, with the helper's errno. */
static void test_remap_refused(void)
{
	static const struct {
		unsigned long addr;
		unsigned long size;
		unsigned long pfn;
	} requests[] = {
		{ PAGES(4) + 1, PAGES(1), 1 },	/* not aligned */
		{ PAGES(4), 0, 1 },		/* empty */
		{ PAGES(4), -1UL, 1 },		/* rounds up to nothing */
		{ PAGES(3), PAGES(1), 1 },	/* before */
		{ PAGES(4), PAGES(4), 1 },	/* beyond */
		{ PAGES(7), PAGES(1), 1 },	/* behind */
		{ PAGES(6), PAGES(1) + 1, 1 },	/* rounds up beyond */
		{ PAGES(4), PAGES(3), -2UL },	/* wraps around */
	};
	struct snapshot before;
	size_t i;

	hook.more = remap;
	take_snapshot(&before);
	for (i = 0; i < ARRAY_SIZE(requests); i++) {
		request.addr = requests[i].addr;
		request.size = requests[i].size;
		request.pfn = requests[i].pfn;
		ASSERT_EQ(map(4, 3, SHARED), -EINVAL);
		ASSERT_EQ(request.error, -EINVAL);
	}
	/* A part of a private mapping. */
	request.addr = PAGES(4);
	request.size = PAGES(2);
	request.pfn = 1;
	request.error = 0;
	ASSERT_EQ(map(4, 3, PRIVATE), -EINVAL);
	ASSERT_EQ(request.error, -EINVAL);
	request.addr = PAGES(5);
	request.error = 0;
	ASSERT_EQ(map(4, 3, PRIVATE), -EINVAL);
	ASSERT_EQ(request.error, -EINVAL);
	assert_unchanged_since(&before);
	ASSERT_EQ(region_test.warnings, 0);
}

static struct {
	phys_addr_t start;
	unsigned long len;
} io;

static int iomap(struct vma_proto *proto)
{
	int error = vma_proto_iomap_memory(proto, io.start, io.len);

	/* Which cache mode is found out later, by some. */
	proto->page_prot = __pgprot(pgprot_val(proto->page_prot) | 3UL << 56);
	return error;
}

/* I/O memory by address and length, from the offset on. */
static void test_iomap(void)
{
	static const struct {
		phys_addr_t start;
		unsigned long len;
		pgoff_t pgoff;
		long result;
	} requests[] = {
		{ PAGES(900), PAGES(3), 0, 0 },
		{ PAGES(900) + 16, PAGES(4), 2, 0 },	/* five pages in all */
		{ PAGES(900), PAGES(5) - 16, 2, 0 },
		{ PAGES(900), PAGES(3), 1, -EINVAL },
		{ PAGES(900), PAGES(2), 0, -EINVAL },
		{ PAGES(900), PAGES(2), 3, -EINVAL },
		{ PAGES(900), 0, 0, -EINVAL },
		{ -PAGES(1), PAGES(4), 0, -EINVAL },
		{ 16, -16UL, 0, -EINVAL },
	};
	size_t i;

	hook.more = iomap;
	for (i = 0; i < ARRAY_SIZE(requests); i++) {
		io.start = requests[i].start;
		io.len = requests[i].len;
		ASSERT_EQ(map_file(&file, 4, 3, SHARED, requests[i].pgoff),
			  requests[i].result ?: PAGES(4));
		if (requests[i].result)
			continue;
		ASSERT_EQ(vma_at(4)->vm_flags, SHARED | PFNMAP_FLAGS);
		ASSERT_EQ(pfn_at(4), (900 + requests[i].pgoff) | TEST_PFN_IO);
		ASSERT_EQ(pfn_at(6), (902 + requests[i].pgoff) | TEST_PFN_IO);
		ASSERT_EQ(prot_at(6), SHARED | 3UL << 56);
	}
}

static struct page *page_array[8];

static void fill_page_array(void)
{
	int i;

	for (i = 0; i < 8; i++)
		page_array[i] = &test_pages[(i * 5) % NR_TEST_PAGES];
}

static int insert_array(struct vma_proto *proto)
{
	int error = vma_proto_insert_pages(proto, request.addr, page_array,
					   request.size);

	/* Known at once: what follows in the hook may depend on it. */
	ASSERT(error || proto->flags & VM_MIXEDMAP);
	return error;
}

static int map_array(struct vma_proto *proto)
{
	return vma_proto_map_pages(proto, page_array, 8);
}

static int map_array_zero(struct vma_proto *proto)
{
	return vma_proto_map_pages_zero(proto, page_array, 8);
}

/* Pages of the kernel's from an array. */
static void test_pages_array(void)
{
	fill_page_array();
	hook.more = map_array;
	ASSERT_EQ(map_file(&file, 4, 3, SHARED, 5), PAGES(4));
	ASSERT_EQ(vma_at(4)->vm_flags, SHARED | VM_MIXEDMAP);
	ASSERT_EQ(pfn_at(4), page_to_pfn(page_array[5]));
	ASSERT_EQ(pfn_at(6), page_to_pfn(page_array[7]));
	ASSERT_EQ(page_array[7]->refs, 1);
	ASSERT_EQ(map_file(&file, 10, 3, SHARED, 6), -ENXIO);
	ASSERT_EQ(map_file(&file, 10, 3, SHARED, 8), -ENXIO);
	ASSERT_EQ(map_file(&file, 10, 3, SHARED, 9), -ENXIO);

	hook.more = map_array_zero;
	ASSERT_EQ(map_file(&file, 10, 3, SHARED, 6), PAGES(10));
	ASSERT_EQ(pfn_at(10), page_to_pfn(page_array[0]));
	ASSERT_EQ(map_file(&file, 20, 9, SHARED, 0), -ENXIO);

	hook.more = insert_array;
	request.addr = PAGES(31);
	request.size = 2;
	ASSERT_EQ(map_file(&file, 30, 3, SHARED, 0), PAGES(30));
	ASSERT_EQ(find_entry(PAGES(30)), -1);
	ASSERT_EQ(pfn_at(32), page_to_pfn(page_array[1]));
	request.size = 3;
	ASSERT_EQ(map_file(&file, 40, 3, SHARED, 0), -EFAULT);
	request.addr = PAGES(41);
	ASSERT_EQ(map_file(&file, 40, 3, SHARED, 0), -EFAULT);
	request.size = 1UL << 60;
	ASSERT_EQ(map_file(&file, 40, 3, SHARED, 0), -EFAULT);
	request.size = 0;
	ASSERT_EQ(map_file(&file, 40, 3, SHARED, 0), -EINVAL);
	request.addr++;
	request.size = 1;
	ASSERT_EQ(map_file(&file, 40, 3, SHARED, 0), -EINVAL);
}

/* A header page, four pages in a row, and one more, a page at a time. */
static int insert_singly(struct vma_proto *proto)
{
	static const int pages[] = { 20, 3, 4, 5, 6, 1 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(pages); i++) {
		int error = vma_proto_insert_page(proto,
						  proto->start + PAGES(i),
						  &test_pages[pages[i]]);

		if (error)
			return error;
		ASSERT(proto->flags & VM_MIXEDMAP);
	}

	return 0;
}

/* Two that follow one another in memory, but not in the mapping. */
static int insert_apart(struct vma_proto *proto)
{
	return vma_proto_insert_page(proto, proto->start, &test_pages[3]) ?:
	       vma_proto_insert_page(proto, proto->start + PAGES(2),
				     &test_pages[4]);
}

/* Two in a row, and the second once more. */
static int insert_twice(struct vma_proto *proto)
{
	unsigned long second = proto->start + PAGE_SIZE;
	int error;

	error = vma_proto_insert_page(proto, proto->start, &test_pages[3]);
	if (!error)
		error = vma_proto_insert_page(proto, second, &test_pages[4]);
	ASSERT_EQ(error, 0);
	request.error = vma_proto_insert_page(proto, second, &test_pages[9]);
	return request.error;
}

/* Single pages; those that follow one another need no memory each. */
static void test_pages_single(void)
{
	struct snapshot before;
	int i;

	hook.more = insert_singly;
	ASSERT_EQ(map(2, 6, SHARED), PAGES(2));
	ASSERT_EQ(page_table.nr_entries, 6);
	ASSERT_EQ(pfn_at(2), FIRST_PFN + 20);
	ASSERT_EQ(pfn_at(3), FIRST_PFN + 3);
	ASSERT_EQ(pfn_at(6), FIRST_PFN + 6);
	ASSERT_EQ(pfn_at(7), FIRST_PFN + 1);

	/* Two requests beyond the first: two allocations, each can fail. */
	take_snapshot(&before);
	for (i = 1; i <= 2; i++) {
		region_test.fail_kmalloc = i;
		ASSERT_EQ(map(10, 6, SHARED), -ENOMEM);
		assert_unchanged_since(&before);
	}
	region_test.fail_kmalloc = 3;
	ASSERT_EQ(map(10, 6, SHARED), PAGES(10));
	ASSERT_EQ(region_test.fail_kmalloc, 1);
	region_test.fail_kmalloc = 0;

	/* One too many. */
	ASSERT_EQ(map(20, 5, SHARED), -EFAULT);

	hook.more = insert_twice;
	request.error = 0;
	ASSERT_EQ(map(30, 3, SHARED), -EBUSY);
	ASSERT_EQ(request.error, -EBUSY);

	hook.more = insert_apart;
	ASSERT_EQ(map(30, 3, SHARED), PAGES(30));
	ASSERT_EQ(pfn_at(30), FIRST_PFN + 3);
	ASSERT_EQ(find_entry(PAGES(31)), -1);
	ASSERT_EQ(pfn_at(32), FIRST_PFN + 4);
}

static int remap_vmalloc(struct vma_proto *proto)
{
	const vm_flags_t flags = VM_MIXEDMAP | VM_DONTEXPAND | VM_DONTDUMP;
	int error = vma_proto_remap_vmalloc_range(proto, page_table.area.addr,
						  proto->pgoff);

	ASSERT(error || (proto->flags & flags) == flags);
	return error;
}

static int remap_other_vmalloc(struct vma_proto *proto)
{
	return vma_proto_remap_vmalloc_range(proto,
					     page_table.area.addr + PAGE_SIZE,
					     0);
}

static int remap_vmalloc_askew(struct vma_proto *proto)
{
	return vma_proto_remap_vmalloc_range_partial(proto, proto->start + 8,
						     page_table.area.addr, 0,
						     PAGES(1));
}

/* A vmalloc area, from the offset on. */
static void test_vmalloc(void)
{
	page_table.area = (struct vm_struct) {
		.addr = (void *)PAGES(77),
		.pages = 8,
		.flags = VM_USERMAP,
	};
	hook.more = remap_vmalloc;
	ASSERT_EQ(map_file(&file, 4, 3, SHARED, 5), PAGES(4));
	ASSERT_EQ(vma_at(4)->vm_flags,
		  SHARED | VM_MIXEDMAP | VM_DONTEXPAND | VM_DONTDUMP);
	ASSERT_EQ(pfn_at(6), FIRST_PFN + 7);
	ASSERT_EQ(map_file(&file, 10, 3, SHARED, 6), -EINVAL);
	ASSERT_EQ(map_file(&file, 10, 3, SHARED, 9), -EINVAL);
	ASSERT_EQ(map_file(&file, 10, 3, SHARED, -1UL >> 4), -EINVAL);

	page_table.area.flags = 0;
	ASSERT_EQ(map_file(&file, 10, 3, SHARED, 0), -EINVAL);
	page_table.area.flags = VM_DMA_COHERENT;
	ASSERT_EQ(map_file(&file, 10, 3, SHARED, 0), PAGES(10));
	hook.more = remap_other_vmalloc;
	ASSERT_EQ(map_file(&file, 20, 3, SHARED, 0), -EINVAL);
	hook.more = remap_vmalloc_askew;
	ASSERT_EQ(map_file(&file, 20, 3, SHARED, 0), -EINVAL);
	page_table.area.addr++;
	hook.more = remap_vmalloc;
	ASSERT_EQ(map_file(&file, 20, 3, SHARED, 0), -EINVAL);
}

static struct device device;

static int dma(struct vma_proto *proto)
{
	return vma_proto_dma_mmap_attrs(proto, &device, NULL, PAGES(600),
					PAGES(5) - 100, 0);
}

/* Memory of the DMA API: only when it is mapped is known how. */
static void test_dma(void)
{
	hook.more = dma;
	device.map_flags = VM_PFNMAP;
	ASSERT_EQ(map_file(&file, 4, 3, SHARED, 2), PAGES(4));
	ASSERT_EQ(vma_at(4)->vm_flags, SHARED | PFNMAP_FLAGS);
	ASSERT_EQ(pfn_at(4), 602);
	ASSERT_EQ(pfn_at(6), 604);
	/* The flags change, and still a merge is tried no second time. */
	device.map_flags = VM_MIXEDMAP;
	ASSERT_EQ(map_file(&file, 7, 1, SHARED, 4), PAGES(7));
	ASSERT_EQ(vma_at(7)->vm_flags, SHARED | VM_MIXEDMAP);
	ASSERT_EQ(mm.map_count, 2);

	ASSERT_EQ(map_file(&file, 10, 3, SHARED, 3), -ENXIO);
	ASSERT_EQ(map_file(&file, 10, 1, SHARED, 5), -ENXIO);
	ASSERT_EQ(map_file(&file, 10, 1, SHARED, 6), -ENXIO);
	/* The request itself is refused: the hook learns of it. */
	hook.set = VM_PFNMAP;
	ASSERT_EQ(map_file(&file, 10, 1, SHARED, 0), -EINVAL);
	ASSERT_EQ(region_test.warnings, 0);
}

static int dma_pages(struct vma_proto *proto)
{
	int error = vma_proto_dma_mmap_pages(proto, &device, PAGES(5) - 100,
					     &test_pages[0]);

	proto->page_prot = __pgprot(pgprot_val(proto->page_prot) |
				    TEST_PROT_DRIVER);
	return error;
}

/* Pages of the DMA API: as the protection says in the end. */
static void test_dma_pages(void)
{
	hook.more = dma_pages;
	ASSERT_EQ(map_file(&file, 4, 3, SHARED, 2), PAGES(4));
	ASSERT_EQ(vma_at(4)->vm_flags, SHARED | PFNMAP_FLAGS);
	ASSERT_EQ(pfn_at(4), FIRST_PFN + 2);
	ASSERT_EQ(pfn_at(6), FIRST_PFN + 4);
	ASSERT(prot_at(4) & TEST_PROT_DRIVER);

	ASSERT_EQ(map_file(&file, 10, 3, SHARED, 3), -ENXIO);
	ASSERT_EQ(map_file(&file, 10, 1, SHARED, 5), -ENXIO);
	/* As for any remap. */
	hook.set = VM_MIXEDMAP;
	ASSERT_EQ(map_file(&file, 10, 1, SHARED, 0), -EINVAL);
	ASSERT_EQ(region_test.warnings, 0);
}

/* Neither is merged when its neighbour has what DMA left. */
static void test_dma_no_merge(void)
{
	hook.more = dma;
	device.map_flags = 0;
	ASSERT_EQ(map_file(&file, 4, 2, SHARED, 0), PAGES(4));
	vm_flags_clear(vma_at(4), VM_SPECIAL);
	ASSERT_EQ(map_file(&file, 6, 2, SHARED, 2), PAGES(6));
	ASSERT_EQ(mm.map_count, 2);
	ASSERT_EQ(region_test.vma_allocs, 2);
}

/* A header page and then a buffer, in either order, as one mapping. */
static int several_order;

static int several(struct vma_proto *proto)
{
	unsigned long header = proto->start;
	unsigned long buffer = proto->start + PAGES(1);
	int error;

	if (several_order == 0) {
		error = vma_proto_remap_pfn_range(proto, header, 700, PAGES(1),
						  proto->page_prot);
		return error ?: vma_proto_io_remap_pfn_range(proto, buffer, 800,
							     PAGES(2),
							     proto->page_prot);
	}

	error = vma_proto_io_remap_pfn_range(proto, buffer, 800, PAGES(2),
					     proto->page_prot);
	return error ?: vma_proto_remap_pfn_range(proto, header, 700, PAGES(1),
						  proto->page_prot);
}

static void test_several(void)
{
	struct snapshot before;
	int i;

	hook.more = several;
	for (several_order = 0; several_order < 2; several_order++) {
		ASSERT_EQ(map(4, 3, SHARED), PAGES(4));
		ASSERT_EQ(page_table.nr_entries, 3);
		ASSERT_EQ(pfn_at(4), 700);
		ASSERT_EQ(pfn_at(5), 800 | TEST_PFN_IO);
		ASSERT_EQ(pfn_at(6), 801 | TEST_PFN_IO);
		ASSERT(unmap(4, 3));

		/* Each page of them in turn cannot be mapped. */
		take_snapshot(&before);
		for (i = 1; i <= 3; i++) {
			page_table.fail = i;
			hook.vm_ops = &mapped_ops;
			ASSERT_EQ(map(4, 3, SHARED), -ENOMEM);
			assert_unchanged_since(&before);
		}
		ASSERT_EQ(mapped.calls, 0);
		hook.vm_ops = &some_ops;
	}
}

/* Parts out of order, and then one of them again. */
static int out_of_order(struct vma_proto *proto)
{
	static const int pages[] = { 2, 0, 2 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(pages); i++) {
		request.error = vma_proto_remap_pfn_range(proto, proto->start +
							  PAGES(pages[i]), 700,
							  PAGES(1),
							  proto->page_prot);
		if (request.error)
			return request.error;
	}

	return 0;
}

static void test_overlap_out_of_order(void)
{
	struct snapshot before;

	take_snapshot(&before);
	hook.more = out_of_order;
	request.error = 0;
	ASSERT_EQ(map(4, 3, SHARED), -EINVAL);
	ASSERT_EQ(request.error, -EINVAL);
	assert_unchanged_since(&before);
	ASSERT_EQ(region_test.warnings, 0);
}

/* A request, and then flags that it cannot live with. */
static vm_flags_t clear_after, set_after;
static int (*action_before)(struct vma_proto *proto);

static int act_and_change(struct vma_proto *proto)
{
	int error = action_before(proto);

	proto->flags &= ~clear_after;
	proto->flags |= set_after;
	return error;
}

/* The flags of an action stay, or there is a bug in the hook. */
static void test_flags_of_actions(void)
{
	static const struct {
		int (*action)(struct vma_proto *proto);
		vm_flags_t clear;
		vm_flags_t set;
	} bugs[] = {
		{ remap, VM_PFNMAP, 0 },
		{ remap, VM_IO, 0 },
		{ remap, VM_DONTEXPAND, 0 },
		{ remap, VM_PFNMAP, VM_MIXEDMAP },
		{ remap, 0, VM_MIXEDMAP },
		{ insert_apart, VM_MIXEDMAP, 0 },
		{ insert_apart, VM_MIXEDMAP, VM_PFNMAP },
		{ dma, 0, VM_PFNMAP },
		{ dma, 0, VM_MIXEDMAP },
	};
	struct snapshot before;
	size_t i;

	take_snapshot(&before);
	hook.more = act_and_change;
	request.addr = PAGES(4);
	request.size = PAGES(3);
	request.pfn = 1;
	for (i = 0; i < ARRAY_SIZE(bugs); i++) {
		action_before = bugs[i].action;
		clear_after = bugs[i].clear;
		set_after = bugs[i].set;
		ASSERT_EQ(map_file(&file, 4, 3, SHARED, 0), -EINVAL);
		assert_unchanged_since(&before);
		ASSERT_EQ(region_test.warnings, i + 1);
	}
}

/* Two requests that do not go together; the second is refused. */
static int second_error;
static int (*second)(struct vma_proto *proto);

static int two(struct vma_proto *proto)
{
	int error = remap(proto);

	if (error)
		return error;
	second_error = second(proto);
	return second_error;
}

static int insert_then_two(struct vma_proto *proto)
{
	int error = vma_proto_insert_page(proto, proto->start, &test_pages[0]);

	if (error)
		return error;
	second_error = second(proto);
	return second_error;
}

static int dma_then_two(struct vma_proto *proto)
{
	int error = dma(proto);

	if (error)
		return error;
	second_error = second(proto);
	return second_error;
}

static int insert_at_end(struct vma_proto *proto)
{
	return vma_proto_insert_page(proto, proto->end - PAGE_SIZE,
				     &test_pages[1]);
}

static int remap_last(struct vma_proto *proto)
{
	return vma_proto_remap_pfn_range(proto, proto->end - PAGE_SIZE, 1,
					 PAGES(1), proto->page_prot);
}

static int insert_at_start(struct vma_proto *proto)
{
	return vma_proto_insert_page(proto, proto->start, &test_pages[1]);
}

static void test_do_not_mix(void)
{
	static const struct {
		int (*first)(struct vma_proto *proto);
		int (*second)(struct vma_proto *proto);
		int error;
	} requests[] = {
		{ two, remap, -EINVAL },		/* the same range */
		{ two, insert_at_end, -EINVAL },
		{ two, dma, -EINVAL },
		{ two, anonymous, 0 },
		{ insert_then_two, insert_at_start, -EBUSY },
		{ insert_then_two, remap_last, -EINVAL },
		{ insert_then_two, dma, -EINVAL },
		{ dma_then_two, dma, -EINVAL },	/* has all of it */
		{ dma_then_two, insert_at_end, -EBUSY },
		{ dma_then_two, remap, -EINVAL },
	};
	struct snapshot before;
	size_t i;

	take_snapshot(&before);
	request.addr = PAGES(4);
	request.size = PAGES(2);
	request.pfn = 1;
	for (i = 0; i < ARRAY_SIZE(requests); i++) {
		vm_flags_t flags = requests[i].error ? SHARED : PRIVATE;

		request.size = requests[i].error ? PAGES(2) : PAGES(3);
		hook.vm_ops = NULL;
		hook.more = requests[i].first;
		second = requests[i].second;
		second_error = 1;
		ASSERT(map_file(&file, 4, 3, flags, 0) < 0);
		ASSERT_EQ(second_error, requests[i].error);
		assert_unchanged_since(&before);
	}
	/* Memory cannot be both anonymous and a device's: a bug of the hook. */
	ASSERT_EQ(region_test.warnings, 1);

	/* Nor can a mapping be of both kinds by its flags. */
	hook.more = NULL;
	hook.vm_ops = &some_ops;
	hook.set = VM_PFNMAP | VM_MIXEDMAP;
	ASSERT_EQ(map(4, 3, SHARED), -EINVAL);
	ASSERT_EQ(region_test.warnings, 2);
	assert_unchanged_since(&before);
}

static int remap_then_read_only(struct vma_proto *proto)
{
	int error = remap(proto);

	proto->flags &= ~(VM_WRITE | VM_MAYWRITE);
	return error;
}

static int iomap_then_read_only(struct vma_proto *proto)
{
	int error = iomap(proto);

	proto->flags &= ~(VM_WRITE | VM_MAYWRITE);
	return error;
}

/* A hook that takes writing away does so for what it has mapped as well. */
static void test_remap_read_only(void)
{
	const vm_flags_t read_only = SHARED & ~(VM_WRITE | VM_MAYWRITE);

	hook.more = remap_then_read_only;
	hook.prot = 1UL << 56;
	request.addr = PAGES(4);
	request.size = PAGES(2);
	request.pfn = 500;
	ASSERT_EQ(map(4, 2, SHARED), PAGES(4));
	ASSERT_EQ(vma_at(4)->vm_flags, read_only | PFNMAP_FLAGS);
	ASSERT_EQ(prot_at(4) & (SHARED | TEST_PROT_DRIVER),
		  read_only | 1UL << 56);

	hook.more = iomap_then_read_only;
	io.start = PAGES(900);
	io.len = PAGES(2);
	ASSERT_EQ(map_file(&file, 8, 2, SHARED, 0), PAGES(8));
	ASSERT_EQ(prot_at(8) & (SHARED | TEST_PROT_DRIVER),
		  read_only | 3UL << 56);
}

/* Actions come before mapped(), and what holds their memory stays till then. */
static int remap_and_hold(struct vma_proto *proto)
{
	return remap(proto) ?: hold_three(proto);
}

static void test_actions_before_mapped(void)
{
	hook.more = remap_and_hold;
	hook.vm_ops = &mapped_ops;
	request.addr = PAGES(4);
	request.size = PAGES(2);
	request.pfn = 500;
	releases = 0;
	ASSERT_EQ(map(4, 2, PRIVATE), PAGES(4));
	ASSERT_EQ(mapped.entries, 2);
	/* The hook's offset, not the one that the action gave the VMA. */
	ASSERT_EQ(mapped.pgoff, 4);
	ASSERT_EQ(vma_at(4)->vm_pgoff, 500);
	ASSERT_EQ(releases, 3);

	mapped.error = -EIO;
	request.addr = PAGES(8);
	ASSERT_EQ(map(8, 2, SHARED), -EIO);
	ASSERT_EQ(page_table.nr_entries, 2);
	ASSERT_EQ(releases, 6);
	/* Nor is any other operation called of what has failed. */
	ASSERT_EQ(special_calls, 0);
	ASSERT(unmap(4, 2));
	ASSERT_EQ(special_calls, 2);
}

static const struct mmap_test tests[] = {
	{ "remap a pfn range", test_remap },
	{ "remap that cannot be", test_remap_refused },
	{ "map I/O memory", test_iomap },
	{ "map an array of pages", test_pages_array },
	{ "map single pages", test_pages_single },
	{ "map a vmalloc area", test_vmalloc },
	{ "map DMA memory", test_dma },
	{ "map pages of the DMA API", test_dma_pages },
	{ "no merge of DMA memory", test_dma_no_merge },
	{ "several actions", test_several },
	{ "actions that do not go together", test_do_not_mix },
	{ "actions that overlap, out of order", test_overlap_out_of_order },
	{ "flags that actions rely on", test_flags_of_actions },
	{ "remap and take writing away", test_remap_read_only },
	{ "actions, mapped() and holds in order", test_actions_before_mapped },
};

int main(void)
{
	return run_tests(tests, ARRAY_SIZE(tests));
}
