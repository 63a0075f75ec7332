// SPDX-License-Identifier: GPL-2.0-only
/*
 * mmap_proto() in a booted kernel without MMU: a mapping is memory where it is,
 * which the hook describes, or a private copy of the file.
 */

#include <linux/uio.h>

#include "mmap_proto_kunit.h"
#include "internal.h"

static int one_data;

static struct {
	unsigned int capabilities;
	/* Where the memory of the file is, or an errno. */
	unsigned long addr;
	int reads;
} nommu;

static unsigned int test_capabilities(struct file *file)
{
	return nommu.capabilities;
}

static unsigned long test_get_unmapped_area(struct file *file,
					    unsigned long addr,
					    unsigned long len,
					    unsigned long pgoff,
					    unsigned long flags)
{
	return nommu.addr;
}

/* The file has the number of the byte in each byte. */
static ssize_t test_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	size_t done = 0;

	nommu.reads++;
	while (iov_iter_count(to)) {
		u8 byte = iocb->ki_pos;

		if (copy_to_iter(&byte, 1, to) != 1)
			break;
		iocb->ki_pos++;
		done++;
	}

	return done;
}

static int nommu_mmap_proto(struct vma_proto *proto)
{
	return mmap_proto_fops.mmap_proto(proto);
}

static const struct file_operations nommu_fops = {
	.mmap_proto = nommu_mmap_proto,
	.mmap_capabilities = test_capabilities,
	.get_unmapped_area = test_get_unmapped_area,
	.read_iter = test_read_iter,
};

static const struct file_operations no_hook_fops = {
	.mmap_capabilities = test_capabilities,
	.get_unmapped_area = test_get_unmapped_area,
	.read_iter = test_read_iter,
};

static int nommu_begin(struct kunit *test)
{
	int error = mmap_proto_begin(test);

	if (error)
		return error;
	world.file = mmap_proto_open(test, &nommu_fops, O_RDWR);
	mmap_proto_alloc_pages(test, 2);
	nommu.addr = (unsigned long)page_address(world.pages[0]);
	nommu.capabilities = NOMMU_MAP_DIRECT | NOMMU_MAP_COPY |
			     NOMMU_MAP_READ | NOMMU_MAP_WRITE | NOMMU_MAP_EXEC;
	nommu.reads = 0;

	return 0;
}

static struct vm_area_struct *vma_at(unsigned long addr)
{
	struct vm_area_struct *vma;

	mmap_read_lock(world.mm);
	vma = vma_lookup(world.mm, addr);
	mmap_read_unlock(world.mm);

	return vma;
}

static void expect_nothing(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, world.mm->map_count, 0);
	KUNIT_EXPECT_NULL(test, vma_at(nommu.addr));
	KUNIT_EXPECT_EQ(test, file_count(world.file), 1);
}

/* A shared mapping is the memory itself, and is what the hook says. */
static void shared(struct kunit *test)
{
	struct vm_area_struct *vma;

	world.vm_ops = &mmap_proto_mapped_ops;
	world.private_data = &one_data;
	world.set = VM_DONTDUMP;
	world.holds = 2;
	KUNIT_ASSERT_EQ(test, mmap_proto_map(2, RW, MAP_SHARED), nommu.addr);
	KUNIT_EXPECT_EQ(test, world.seen.calls, 1);
	KUNIT_EXPECT_PTR_EQ(test, world.seen.mm, world.mm);
	KUNIT_EXPECT_EQ(test, world.seen.start, nommu.addr);
	KUNIT_EXPECT_EQ(test, world.seen.end, nommu.addr + PAGES(2));
	KUNIT_EXPECT_PTR_EQ(test, world.seen.file, world.file);
	KUNIT_EXPECT_TRUE(test, world.seen.flags & VM_SHARED);

	vma = vma_at(nommu.addr);
	KUNIT_ASSERT_NOT_NULL(test, vma);
	KUNIT_EXPECT_EQ(test, vma->vm_flags, world.seen.flags | VM_DONTDUMP);
	KUNIT_EXPECT_PTR_EQ(test, vma->vm_ops, &mmap_proto_mapped_ops);
	KUNIT_EXPECT_PTR_EQ(test, vma->vm_private_data, (void *)&one_data);
	KUNIT_EXPECT_EQ(test, world.mapped.calls, 1);
	KUNIT_EXPECT_EQ(test, world.mapped.start, nommu.addr);
	KUNIT_EXPECT_EQ(test, world.mapped.end, nommu.addr + PAGES(2));
	KUNIT_EXPECT_PTR_EQ(test, world.mapped.file, world.file);
	KUNIT_EXPECT_EQ(test, world.released.mapped, 1);
	/* The VMA and the region. */
	KUNIT_EXPECT_EQ(test, file_count(world.file), 3);

	KUNIT_EXPECT_EQ(test, vm_munmap(nommu.addr, PAGES(2)), 0);
	KUNIT_EXPECT_EQ(test, world.closed, 1);
	expect_nothing(test);
	mmap_proto_end(test);
}

/* Two mappings of the same part have one region, and are described each. */
static void shared_twice(struct kunit *test)
{
	world.vm_ops = &mmap_proto_mapped_ops;
	KUNIT_ASSERT_EQ(test, mmap_proto_map(2, RW, MAP_SHARED), nommu.addr);
	KUNIT_ASSERT_EQ(test, vm_mmap(world.file, 0, PAGES(1), RW, MAP_SHARED,
				      PAGES(1)), nommu.addr + PAGES(1));
	KUNIT_EXPECT_EQ(test, world.seen.calls, 2);
	KUNIT_EXPECT_EQ(test, world.seen.start, nommu.addr + PAGES(1));
	KUNIT_EXPECT_EQ(test, world.seen.pgoff, 1);
	KUNIT_EXPECT_EQ(test, world.mapped.calls, 2);
	mmap_proto_end(test);
	KUNIT_EXPECT_EQ(test, world.closed, 2);
}

/* A private mapping that may share the memory does. */
static void private_direct(struct kunit *test)
{
	struct vm_area_struct *vma;

	world.vm_ops = &mmap_proto_mapped_ops;
	world.private_data = &one_data;
	KUNIT_ASSERT_EQ(test, mmap_proto_map(2, PROT_READ, MAP_PRIVATE),
			nommu.addr);
	vma = vma_at(nommu.addr);
	KUNIT_ASSERT_NOT_NULL(test, vma);
	KUNIT_EXPECT_FALSE(test, vma->vm_flags & VM_MAPPED_COPY);
	KUNIT_EXPECT_PTR_EQ(test, vma->vm_private_data, (void *)&one_data);
	KUNIT_EXPECT_EQ(test, world.mapped.calls, 1);
	KUNIT_EXPECT_EQ(test, nommu.reads, 0);
	mmap_proto_end(test);
	KUNIT_EXPECT_EQ(test, world.closed, 1);
}

static void expect_copy(struct kunit *test, unsigned long addr)
{
	struct vm_area_struct *vma = vma_at(addr);
	const u8 *copy = (u8 *)addr;
	int i;

	KUNIT_ASSERT_NOT_NULL(test, vma);
	KUNIT_EXPECT_NE(test, addr, nommu.addr);
	KUNIT_EXPECT_TRUE(test, vma->vm_flags & VM_MAPPED_COPY);
	for (i = 0; i < PAGES(2); i++) {
		if (copy[i] != (u8)i)
			break;
	}
	KUNIT_EXPECT_EQ(test, i, PAGES(2));
	KUNIT_EXPECT_GT(test, nommu.reads, 0);
}

/* -ENOSYS of the hook makes it a private copy, which the hook has no part in. */
static void private_copy(struct kunit *test)
{
	struct vm_area_struct *vma;
	unsigned long addr;

	world.vm_ops = &mmap_proto_mapped_ops;
	world.private_data = &one_data;
	world.set = VM_DONTDUMP;
	world.holds = 1;
	world.error = -ENOSYS;
	addr = mmap_proto_map(2, PROT_READ, MAP_PRIVATE);
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(addr));
	KUNIT_EXPECT_EQ(test, world.seen.calls, 1);
	expect_copy(test, addr);
	vma = vma_at(addr);
	KUNIT_EXPECT_NULL(test, vma->vm_ops);
	KUNIT_EXPECT_FALSE(test, vma->vm_flags & VM_DONTDUMP);
	KUNIT_EXPECT_EQ(test, world.mapped.calls + world.mapped.failed, 0);
	KUNIT_EXPECT_EQ(test, world.released.calls, 1);
	KUNIT_EXPECT_EQ(test, vm_munmap(addr, PAGES(2)), 0);
	KUNIT_EXPECT_EQ(test, file_count(world.file), 1);
	world.vm_ops = NULL;
	mmap_proto_end(test);
	KUNIT_EXPECT_EQ(test, world.closed, 0);
}

/* A mapping that will be written is a copy from the start: nobody is asked. */
static void private_writable(struct kunit *test)
{
	unsigned long addr = mmap_proto_map(2, RW, MAP_PRIVATE);

	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(addr));
	KUNIT_EXPECT_EQ(test, world.seen.calls, 0);
	expect_copy(test, addr);
	mmap_proto_end(test);
}

/* What is shared cannot be a copy. */
static void shared_is_no_copy(struct kunit *test)
{
	world.vm_ops = &mmap_proto_mapped_ops;
	world.error = -ENOSYS;
	KUNIT_EXPECT_EQ(test, (long)mmap_proto_map(2, RW, MAP_SHARED), -ENODEV);
	KUNIT_EXPECT_EQ(test, world.seen.calls, 1);
	KUNIT_EXPECT_EQ(test, nommu.reads, 0);
	expect_nothing(test);
	mmap_proto_end(test);
	KUNIT_EXPECT_EQ(test, world.closed, 0);
}

/* An error of the hook is that of mmap(), and nothing is left of it. */
static void hook_error(struct kunit *test)
{
	world.vm_ops = &mmap_proto_mapped_ops;
	world.holds = 2;
	world.error = -EBADSLT;
	KUNIT_EXPECT_EQ(test, (long)mmap_proto_map(2, RW, MAP_SHARED),
			-EBADSLT);
	KUNIT_EXPECT_EQ(test, (long)mmap_proto_map(2, PROT_READ, MAP_PRIVATE),
			-EBADSLT);
	KUNIT_EXPECT_EQ(test, world.seen.calls, 2);
	KUNIT_EXPECT_EQ(test, world.mapped.calls + world.mapped.failed, 0);
	KUNIT_EXPECT_EQ(test, nommu.reads, 0);
	expect_nothing(test);
	mmap_proto_end(test);
	KUNIT_EXPECT_EQ(test, world.closed, 0);
}

/* So is one of mapped(), for which there is no close(). */
static void mapped_error(struct kunit *test)
{
	world.vm_ops = &mmap_proto_mapped_ops;
	world.holds = 1;
	world.mapped_error = -EBADSLT;
	KUNIT_EXPECT_EQ(test, (long)mmap_proto_map(2, RW, MAP_SHARED),
			-EBADSLT);
	KUNIT_EXPECT_EQ(test, (long)mmap_proto_map(2, PROT_READ, MAP_PRIVATE),
			-EBADSLT);
	KUNIT_EXPECT_EQ(test, world.mapped.failed, 2);
	expect_nothing(test);
	mmap_proto_end(test);
	KUNIT_EXPECT_EQ(test, world.closed, 0);
}

/* A file that has no hook cannot be mapped. */
static void no_hook(struct kunit *test)
{
	world.file->f_op = &no_hook_fops;
	KUNIT_EXPECT_EQ(test, (long)mmap_proto_map(2, RW, MAP_SHARED), -ENODEV);
	KUNIT_EXPECT_EQ(test, world.seen.calls, 0);
	mmap_proto_end(test);
}

/* The mapping is of the file that the hook chose. */
static void swapped_file(struct kunit *test)
{
	world.swap = mmap_proto_open(test, &nommu_fops, O_RDWR);
	world.vm_ops = &mmap_proto_mapped_ops;
	KUNIT_ASSERT_EQ(test, mmap_proto_map(2, RW, MAP_SHARED), nommu.addr);
	KUNIT_EXPECT_PTR_EQ(test, vma_at(nommu.addr)->vm_file, world.swap);
	KUNIT_EXPECT_PTR_EQ(test, world.mapped.file, world.swap);
	KUNIT_EXPECT_EQ(test, vm_munmap(nommu.addr, PAGES(2)), 0);
	KUNIT_EXPECT_EQ(test, file_count(world.swap), 1);
	world.mapped_error = -EBADSLT;
	KUNIT_EXPECT_EQ(test, (long)mmap_proto_map(2, RW, MAP_SHARED),
			-EBADSLT);
	KUNIT_EXPECT_EQ(test, file_count(world.swap), 1);
	expect_nothing(test);
	mmap_proto_end(test);
}

static int remap_there(struct vma_proto *proto)
{
	return vma_proto_remap_pfn_range(proto, proto->start,
					 proto->start >> PAGE_SHIFT,
					 proto->end - proto->start,
					 proto->page_prot);
}

static int remap_elsewhere(struct vma_proto *proto)
{
	return vma_proto_remap_pfn_range(proto, proto->start,
					 (proto->start >> PAGE_SHIFT) + 1,
					 proto->end - proto->start,
					 proto->page_prot);
}

static int iomap_there(struct vma_proto *proto)
{
	return vma_proto_iomap_memory(proto, proto->start,
				      proto->end - proto->start);
}

static int insert(struct vma_proto *proto)
{
	return vma_proto_insert_page(proto, proto->start, world.pages[0]);
}

static int insert_array(struct vma_proto *proto)
{
	return vma_proto_insert_pages(proto, proto->start, world.pages, 2);
}

static int map_array(struct vma_proto *proto)
{
	return vma_proto_map_pages(proto, world.pages, 2);
}

static int vmalloc_there(struct vma_proto *proto)
{
	return vma_proto_remap_vmalloc_range(proto, (void *)nommu.addr, 0);
}

static int vmalloc_elsewhere(struct vma_proto *proto)
{
	return vma_proto_remap_vmalloc_range(proto, (void *)nommu.addr, 1);
}

static int vmalloc_part(struct vma_proto *proto)
{
	return vma_proto_remap_vmalloc_range_partial(proto, proto->start,
						     (void *)nommu.addr, 0,
						     PAGE_SIZE);
}

static const struct request {
	const char *name;
	int (*request)(struct vma_proto *proto);
	int error;
} requests[] = {
	{ "remap_pfn_range", remap_there, 0 },
	{ "remap_pfn_range elsewhere", remap_elsewhere, -EINVAL },
	{ "iomap_memory", iomap_there, 0 },
	{ "insert_page", insert, -EINVAL },
	{ "insert_pages", insert_array, -EINVAL },
	{ "map_pages", map_array, -EINVAL },
	{ "remap_vmalloc_range", vmalloc_there, 0 },
	{ "remap_vmalloc_range elsewhere", vmalloc_elsewhere, -EINVAL },
	{ "remap_vmalloc_range_partial", vmalloc_part, -EINVAL },
};

static void request_name(const struct request *request, char *name)
{
	strscpy(name, request->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(request, requests, request_name);

/* Memory is mapped where it is, or not at all. */
static void actions(struct kunit *test)
{
	const struct request *request = test->param_value;

	world.request = request->request;
	world.vm_ops = &mmap_proto_mapped_ops;
	if (request->error) {
		KUNIT_EXPECT_EQ(test, (long)mmap_proto_map(2, RW, MAP_SHARED),
				request->error);
		KUNIT_EXPECT_EQ(test, world.seen.calls, 1);
		expect_nothing(test);
	} else {
		KUNIT_EXPECT_EQ(test, mmap_proto_map(2, RW, MAP_SHARED),
				nommu.addr);
		KUNIT_EXPECT_EQ(test, world.mapped.calls, 1);
		KUNIT_EXPECT_NOT_NULL(test, vma_at(nommu.addr));
	}
	mmap_proto_end(test);
}

static struct kunit_case nommu_cases[] = {
	KUNIT_CASE(shared),
	KUNIT_CASE(shared_twice),
	KUNIT_CASE(private_direct),
	KUNIT_CASE(private_copy),
	KUNIT_CASE(private_writable),
	KUNIT_CASE(shared_is_no_copy),
	KUNIT_CASE(hook_error),
	KUNIT_CASE(mapped_error),
	KUNIT_CASE(no_hook),
	KUNIT_CASE(swapped_file),
	KUNIT_CASE_PARAM(actions, request_gen_params),
	{ }
};

static struct kunit_suite nommu_suite = {
	.name = "mmap_proto_nommu",
	.init = nommu_begin,
	.exit = mmap_proto_check_end,
	.test_cases = nommu_cases,
};

kunit_test_suite(nommu_suite);
