// SPDX-License-Identifier: GPL-2.0-only
/*
 * A file with a mmap_proto() hook that another file maps in its own hook, in a
 * booted kernel. The outer file is the one that is opened and given to mmap().
 */

#include <linux/cred.h>
#include <linux/uaccess.h>

#include "mmap_proto_kunit.h"
#include "internal.h"

#define BASE 0x10000000UL

static int outer_data, inner_data;

static struct {
	struct file *file;
	/* What its mmap() leaves in the VMA before the inner file is mapped. */
	const struct vm_operations_struct *vm_ops;
	/* What call_mmap() returned, and what it left. */
	int error;
	vm_flags_t flags;
	pgoff_t pgoff;
	struct file *vm_file;
	const struct vm_operations_struct *after;
	void *private_data;
	/* Who asks for the inner file, and who its mmap() was called as. */
	const struct cred *asks;
	const struct cred *maps;
} outer;

static int outer_mmap(struct file *file, struct vm_area_struct *vma)
{
	vma->vm_ops = outer.vm_ops;
	vma->vm_private_data = &outer_data;
	outer.error = call_mmap(world.file, vma);
	outer.flags = vma->vm_flags;
	outer.pgoff = vma->vm_pgoff;
	outer.vm_file = vma->vm_file;
	outer.after = vma->vm_ops;
	outer.private_data = vma->vm_private_data;

	return outer.error;
}

static const struct file_operations mmap_fops = { .mmap = outer_mmap };

static int outer_mmap_proto(struct vma_proto *proto)
{
	return vma_proto_mmap_file(proto, world.file);
}

static int ask_as_another(struct vma_proto *proto)
{
	const struct cred *before = override_creds(outer.asks);
	int error = vma_proto_mmap_file(proto, world.file);

	revert_creds(before);

	return error;
}

static const struct file_operations ask_as_another_fops = {
	.mmap_proto = ask_as_another,
};

static const struct file_operations proto_fops = {
	.mmap_proto = outer_mmap_proto,
};

static int inner_mmap(struct file *file, struct vm_area_struct *vma)
{
	outer.vm_file = file;
	outer.maps = current_cred();
	vma->vm_ops = &mmap_proto_ops;
	vma->vm_private_data = &inner_data;
	if (world.error)
		return world.error;

	return vm_insert_page(vma, vma->vm_start, world.pages[0]);
}

static const struct file_operations inner_mmap_fops = { .mmap = inner_mmap };

static void open_outer(struct kunit *test, const struct file_operations *fops)
{
	memset(&outer, 0, sizeof(outer));
	outer.file = mmap_proto_open(test, fops, O_RDWR);
}

static unsigned long map(unsigned long nr_pages, unsigned long prot,
			 unsigned long flags, unsigned long pgoff)
{
	return vm_mmap(outer.file, BASE, PAGES(nr_pages), prot,
		       flags | MAP_FIXED, PAGES(pgoff));
}

static void expect_end(struct kunit *test)
{
	mmap_proto_end(test);
	mmap_proto_expect_unused(test, outer.file);
}

/* The inner file's hook is given the VMA as a prototype, which it becomes. */
static void described(struct kunit *test)
{
	struct vm_area_struct *vma;

	open_outer(test, &mmap_fops);
	world.vm_ops = &mmap_proto_mapped_ops;
	world.private_data = &inner_data;
	world.set = VM_DONTDUMP;
	world.clear = VM_MAYEXEC;
	world.add_pgoff = 50;
	world.holds = 2;
	KUNIT_ASSERT_EQ(test, map(3, RW, MAP_SHARED, 4), BASE);
	KUNIT_EXPECT_EQ(test, world.seen.start, BASE);
	KUNIT_EXPECT_EQ(test, world.seen.end, BASE + PAGES(3));
	KUNIT_EXPECT_EQ(test, world.seen.pgoff, 4);
	KUNIT_EXPECT_PTR_EQ(test, world.seen.file, world.file);
	KUNIT_EXPECT_PTR_EQ(test, world.seen.mm, world.mm);

	vma = mmap_proto_vma(BASE);
	KUNIT_ASSERT_NOT_NULL(test, vma);
	KUNIT_EXPECT_EQ(test, vma->vm_flags & ~VM_SOFTDIRTY,
			(world.seen.flags | VM_DONTDUMP) & ~VM_MAYEXEC);
	KUNIT_EXPECT_EQ(test, vma->vm_pgoff, 54);
	KUNIT_EXPECT_PTR_EQ(test, vma->vm_ops, &mmap_proto_mapped_ops);
	KUNIT_EXPECT_PTR_EQ(test, vma->vm_private_data, (void *)&inner_data);
	KUNIT_EXPECT_PTR_EQ(test, vma->vm_file, outer.file);
	KUNIT_EXPECT_EQ(test, file_count(world.file), 1);
	KUNIT_EXPECT_EQ(test, file_count(outer.file), 2);

	KUNIT_EXPECT_EQ(test, world.mapped.calls, 1);
	KUNIT_EXPECT_EQ(test, world.mapped.start, BASE);
	KUNIT_EXPECT_EQ(test, world.mapped.end, BASE + PAGES(3));
	KUNIT_EXPECT_EQ(test, world.mapped.pgoff, 54);
	KUNIT_EXPECT_PTR_EQ(test, world.mapped.file, world.file);
	KUNIT_EXPECT_EQ(test, world.released.calls, 2);
	KUNIT_EXPECT_EQ(test, world.released.mapped, 1);
	expect_end(test);
	KUNIT_EXPECT_EQ(test, world.closed, 1);
}

/* What the inner file's hook does not set, stays. */
static void left_alone(struct kunit *test)
{
	struct vm_area_struct *vma;

	open_outer(test, &mmap_fops);
	outer.vm_ops = &mmap_proto_ops;
	KUNIT_ASSERT_EQ(test, map(1, RW, MAP_SHARED, 0), BASE);
	vma = mmap_proto_vma(BASE);
	KUNIT_EXPECT_PTR_EQ(test, vma->vm_ops, &mmap_proto_ops);
	KUNIT_EXPECT_PTR_EQ(test, vma->vm_private_data, (void *)&outer_data);
	expect_end(test);
	KUNIT_EXPECT_EQ(test, world.closed, 1);
}

static int insert_first_two(struct vma_proto *proto)
{
	return vma_proto_insert_pages(proto, proto->start, world.pages, 2);
}

/* Actions are carried out on the VMA. */
static void actions(struct kunit *test)
{
	u32 word = 0;

	open_outer(test, &mmap_fops);
	mmap_proto_alloc_pages(test, 1);
	world.request = insert_first_two;
	world.vm_ops = &mmap_proto_mapped_ops;
	world.mapped.page = world.pages[1];
	KUNIT_ASSERT_EQ(test, map(2, RW, MAP_SHARED, 0), BASE);
	KUNIT_EXPECT_EQ(test, world.mapped.refs, 2);
	KUNIT_EXPECT_EQ(test, pte_pfn(mmap_proto_entry(BASE + PAGES(1))),
			page_to_pfn(world.pages[1]));
	KUNIT_EXPECT_EQ(test, 0, get_user(word, (u32 __user *)
					  (BASE + PAGES(1))));
	KUNIT_EXPECT_EQ(test, word, mmap_proto_word(1));
	KUNIT_EXPECT_TRUE(test, mmap_proto_vma(BASE)->vm_flags & VM_MIXEDMAP);
	expect_end(test);
}

static int remap_both(struct vma_proto *proto)
{
	return vma_proto_remap_pfn_range(proto, proto->start,
					 page_to_pfn(world.pages[0]), PAGES(2),
					 proto->page_prot);
}

/* A private mapping of physical memory has its frame as the offset here too. */
static void remap_private(struct kunit *test)
{
	open_outer(test, &mmap_fops);
	mmap_proto_alloc_pages(test, 1);
	world.request = remap_both;
	KUNIT_ASSERT_EQ(test, map(2, RW, MAP_PRIVATE, 7), BASE);
	KUNIT_EXPECT_EQ(test, mmap_proto_vma(BASE)->vm_pgoff,
			page_to_pfn(world.pages[0]));
	KUNIT_EXPECT_EQ(test, 0, put_user(3, (u32 __user *)BASE));
	KUNIT_EXPECT_EQ(test, *(u32 *)page_address(world.pages[0]),
			mmap_proto_word(0));
	expect_end(test);
}

/* After an error the VMA is what it was, and nothing is mapped in it. */
static void expect_undone(struct kunit *test, int error)
{
	const unsigned long tables = mm_pgtables_bytes(world.mm);
	int i;

	outer.vm_ops = &mmap_proto_ops;
	KUNIT_EXPECT_EQ(test, (long)map(2, RW, MAP_PRIVATE, 4), error);
	KUNIT_EXPECT_EQ(test, outer.error, error);
	KUNIT_EXPECT_EQ(test, outer.flags & ~VM_ACCOUNT,
			world.seen.flags & ~VM_ACCOUNT);
	KUNIT_EXPECT_EQ(test, outer.pgoff, 4);
	KUNIT_EXPECT_PTR_EQ(test, outer.vm_file, outer.file);
	KUNIT_EXPECT_PTR_EQ(test, outer.after, &mmap_proto_ops);
	KUNIT_EXPECT_PTR_EQ(test, outer.private_data, (void *)&outer_data);
	KUNIT_EXPECT_EQ(test, file_count(outer.file), 1);
	KUNIT_EXPECT_EQ(test, mm_pgtables_bytes(world.mm), tables);
	KUNIT_EXPECT_EQ(test, get_mm_rss(world.mm), 0);
	for (i = 0; i < world.nr_pages; i++)
		KUNIT_EXPECT_EQ(test, page_ref_count(world.pages[i]), 1);
	KUNIT_EXPECT_NULL(test, mmap_proto_vma(BASE));
}

static void hook_error(struct kunit *test)
{
	open_outer(test, &mmap_fops);
	mmap_proto_alloc_pages(test, 1);
	world.request = insert_first_two;
	world.set = VM_DONTDUMP;
	world.add_pgoff = 10;
	world.private_data = &inner_data;
	world.vm_ops = &mmap_proto_mapped_ops;
	world.error = -EBADSLT;
	world.holds = 1;
	expect_undone(test, -EBADSLT);
	KUNIT_EXPECT_EQ(test, world.mapped.calls + world.mapped.failed, 0);
	expect_end(test);
}

static void mapped_error(struct kunit *test)
{
	open_outer(test, &mmap_fops);
	mmap_proto_alloc_pages(test, 1);
	world.swap = mmap_proto_open(test, &mmap_proto_fops, O_RDWR);
	world.request = insert_first_two;
	world.set = VM_DONTDUMP;
	world.add_pgoff = 10;
	world.private_data = &inner_data;
	world.vm_ops = &mmap_proto_mapped_ops;
	world.mapped_error = -EBADSLT;
	world.holds = 1;
	world.mapped.page = world.pages[0];
	expect_undone(test, -EBADSLT);
	KUNIT_EXPECT_EQ(test, world.mapped.failed, 1);
	KUNIT_EXPECT_EQ(test, world.mapped.refs, 2);
	expect_end(test);
	KUNIT_EXPECT_EQ(test, world.closed, 0);
}

/* The same with memory that nobody counts references to. */
static void mapped_error_remap(struct kunit *test)
{
	open_outer(test, &mmap_fops);
	mmap_proto_alloc_pages(test, 1);
	world.request = remap_both;
	world.vm_ops = &mmap_proto_mapped_ops;
	world.mapped_error = -EBADSLT;
	expect_undone(test, -EBADSLT);
	expect_end(test);
}

static int insert_then_slab(struct vma_proto *proto)
{
	int error = vma_proto_insert_page(proto, proto->start, world.pages[0]);

	return error ?: vma_proto_insert_page(proto, proto->start + PAGES(1),
					      virt_to_page(world.mm));
}

static void action_error(struct kunit *test)
{
	open_outer(test, &mmap_fops);
	mmap_proto_alloc_pages(test, 1);
	world.request = insert_then_slab;
	world.vm_ops = &mmap_proto_mapped_ops;
	expect_undone(test, -EINVAL);
	KUNIT_EXPECT_EQ(test, world.mapped.calls + world.mapped.failed, 0);
	expect_end(test);
}

/* The mapping is of the file that the inner hook chose. */
static void swapped_file(struct kunit *test)
{
	open_outer(test, &mmap_fops);
	world.swap = mmap_proto_open(test, &mmap_proto_fops, O_RDWR);
	world.vm_ops = &mmap_proto_mapped_ops;
	KUNIT_ASSERT_EQ(test, map(1, RW, MAP_SHARED, 0), BASE);
	KUNIT_EXPECT_PTR_EQ(test, mmap_proto_vma(BASE)->vm_file, world.swap);
	KUNIT_EXPECT_PTR_EQ(test, world.mapped.file, world.swap);
	KUNIT_EXPECT_EQ(test, file_count(world.swap), 2);
	KUNIT_EXPECT_EQ(test, file_count(outer.file), 1);
	expect_end(test);
}

/*
 * A mapping that mapped() was called for is not merged away, though the hook
 * has changed its flags to those of its neighbour.
 */
static void no_merge(struct kunit *test)
{
	open_outer(test, &mmap_fops);
	world.set = VM_DONTDUMP;
	world.vm_ops = &mmap_proto_mapped_ops;
	world.private_data = &inner_data;
	KUNIT_ASSERT_EQ(test, map(1, RW, MAP_SHARED, 0), BASE);
	KUNIT_ASSERT_EQ(test, vm_mmap(outer.file, BASE + PAGES(1), PAGES(1), RW,
				      MAP_SHARED | MAP_FIXED, PAGES(1)),
			BASE + PAGES(1));
	KUNIT_EXPECT_EQ(test, world.mapped.calls, 2);
	KUNIT_EXPECT_EQ(test, world.mm->map_count, 2);
	expect_end(test);
	KUNIT_EXPECT_EQ(test, world.closed, 2);
}

/* A hook has another hook describe the mapping; the file stays its own. */
static void hook_in_hook(struct kunit *test)
{
	struct vm_area_struct *vma;

	open_outer(test, &proto_fops);
	mmap_proto_alloc_pages(test, 1);
	world.request = insert_first_two;
	world.vm_ops = &mmap_proto_mapped_ops;
	world.private_data = &inner_data;
	KUNIT_ASSERT_EQ(test, map(2, RW, MAP_SHARED, 3), BASE);
	KUNIT_EXPECT_PTR_EQ(test, world.seen.file, world.file);
	KUNIT_EXPECT_EQ(test, world.mapped.calls, 1);
	KUNIT_EXPECT_EQ(test, page_ref_count(world.pages[1]), 2);
	vma = mmap_proto_vma(BASE);
	KUNIT_EXPECT_PTR_EQ(test, vma->vm_file, outer.file);
	KUNIT_EXPECT_PTR_EQ(test, vma->vm_private_data, (void *)&inner_data);
	expect_end(test);
	KUNIT_EXPECT_EQ(test, world.closed, 1);
}

/* A hook has a mmap() hook do what it does to a VMA. */
static void mmap_in_hook(struct kunit *test)
{
	struct vm_area_struct *vma;
	u32 word = 0;

	open_outer(test, &proto_fops);
	mmap_proto_alloc_pages(test, 1);
	world.file->f_op = &inner_mmap_fops;
	KUNIT_ASSERT_EQ(test, map(2, RW, MAP_SHARED, 3), BASE);
	KUNIT_EXPECT_PTR_EQ(test, outer.vm_file, world.file);
	vma = mmap_proto_vma(BASE);
	KUNIT_EXPECT_PTR_EQ(test, vma->vm_file, outer.file);
	KUNIT_EXPECT_PTR_EQ(test, vma->vm_ops, &mmap_proto_ops);
	KUNIT_EXPECT_PTR_EQ(test, vma->vm_private_data, (void *)&inner_data);
	KUNIT_EXPECT_EQ(test, page_ref_count(world.pages[0]), 2);
	KUNIT_EXPECT_EQ(test, 0, get_user(word, (u32 __user *)BASE));
	KUNIT_EXPECT_EQ(test, word, mmap_proto_word(0));
	expect_end(test);
	KUNIT_EXPECT_EQ(test, world.closed, 1);
}

/* One that fails is as if it had never been called. */
static void mmap_in_hook_fails(struct kunit *test)
{
	open_outer(test, &proto_fops);
	mmap_proto_alloc_pages(test, 1);
	world.file->f_op = &inner_mmap_fops;
	world.error = -EBADSLT;
	KUNIT_EXPECT_EQ(test, (long)map(2, RW, MAP_SHARED, 3), -EBADSLT);
	KUNIT_EXPECT_NULL(test, mmap_proto_vma(BASE));
	KUNIT_EXPECT_EQ(test, file_count(outer.file), 1);
	expect_end(test);
	KUNIT_EXPECT_EQ(test, world.closed, 0);
}

/* It is called as the one that the hook was when it asked for it. */
static void mmap_in_hook_as(struct kunit *test)
{
	const struct cred *self = current_cred();
	struct cred *cred = prepare_creds();

	KUNIT_ASSERT_NOT_NULL(test, cred);
	open_outer(test, &ask_as_another_fops);
	outer.asks = cred;
	mmap_proto_alloc_pages(test, 1);
	world.file->f_op = &inner_mmap_fops;
	KUNIT_EXPECT_EQ(test, map(2, RW, MAP_SHARED, 3), BASE);
	KUNIT_EXPECT_PTR_EQ(test, outer.maps, (const struct cred *)cred);
	KUNIT_EXPECT_PTR_EQ(test, current_cred(), self);
	expect_end(test);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&cred->usage), 1);
	put_cred(cred);
}

static struct kunit_case nested_cases[] = {
	KUNIT_CASE(described),
	KUNIT_CASE(left_alone),
	KUNIT_CASE(actions),
	KUNIT_CASE(remap_private),
	KUNIT_CASE(hook_error),
	KUNIT_CASE(mapped_error),
	KUNIT_CASE(mapped_error_remap),
	KUNIT_CASE(action_error),
	KUNIT_CASE(swapped_file),
	KUNIT_CASE(no_merge),
	KUNIT_CASE(hook_in_hook),
	KUNIT_CASE(mmap_in_hook),
	KUNIT_CASE(mmap_in_hook_fails),
	KUNIT_CASE(mmap_in_hook_as),
	{ }
};

static struct kunit_suite nested_suite = {
	.name = "mmap_proto_nested",
	.init = mmap_proto_begin,
	.exit = mmap_proto_check_end,
	.test_cases = nested_cases,
};

kunit_test_suite(nested_suite);
