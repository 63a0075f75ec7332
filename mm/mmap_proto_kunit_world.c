// SPDX-License-Identifier: GPL-2.0-only
/*
 * The world of one test case of mmap_proto(): see mmap_proto_kunit.h.
 *
 * A case runs in a kernel thread of its own, and has an address space and
 * resource limits of its own there.
 */

#include <kunit/resource.h>
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/kthread.h>
#include <linux/pagewalk.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/syscalls.h>
#include <asm/syscall.h>

#include "mmap_proto_kunit.h"

struct mmap_proto_world world;

KUNIT_DEFINE_ACTION_WRAPPER(fput_action, fput, struct file *);

static void release(void *object)
{
	if (world.released.calls < NR_HOLDS)
		world.released.order[world.released.calls] = (long)object;
	world.released.calls++;
	world.released.mapped = world.mapped.calls;
}

static int test_mmap_proto(struct vma_proto *proto)
{
	long i;

	world.seen.calls++;
	world.seen.mm = proto->mm;
	world.seen.start = proto->start;
	world.seen.end = proto->end;
	world.seen.pgoff = proto->pgoff;
	world.seen.file = proto->file;
	world.seen.flags = proto->flags;
	world.seen.page_prot = proto->page_prot;
	world.seen.wrote_only = !proto->vm_ops && !proto->private_data;

	if (world.swap)
		vma_proto_set_file(proto, world.swap);
	proto->flags |= world.set;
	proto->flags &= ~world.clear;
	proto->pgoff += world.add_pgoff;
	proto->vm_ops = world.vm_ops;
	if (world.private_data)
		proto->private_data = world.private_data;
	for (i = 0; i < world.holds; i++) {
		int error = vma_proto_hold(proto, (void *)i, release);

		if (error)
			return error;
		world.held++;
	}
	if (world.request) {
		int error = world.request(proto);

		if (error)
			return error;
	}

	return world.error;
}

const struct file_operations mmap_proto_fops = {
	.mmap_proto = test_mmap_proto,
};

static int test_mapped(unsigned long start, unsigned long end, pgoff_t pgoff,
		       struct file *file, void **private_data)
{
	world.mapped.start = start;
	world.mapped.end = end;
	world.mapped.pgoff = pgoff;
	world.mapped.file = file;
	world.mapped.private_data = *private_data;
	world.mapped.closed = world.closed;
	if (world.mapped.page)
		world.mapped.refs = page_ref_count(world.mapped.page);
	if (world.mapped_error) {
		world.mapped.failed++;
		return world.mapped_error;
	}
	world.mapped.calls++;
	if (world.new_private)
		*private_data = world.new_private;

	return 0;
}

static void test_open(struct vm_area_struct *vma)
{
	world.opened++;
}

static void test_close(struct vm_area_struct *vma)
{
	world.closed++;
	world.closed_private = vma->vm_private_data;
}

const struct vm_operations_struct mmap_proto_ops = {
	.open = test_open,
	.close = test_close,
};

const struct vm_operations_struct mmap_proto_mapped_ops = {
	.open = test_open,
	.close = test_close,
	.mapped = test_mapped,
};

/**
 * mmap_proto_begin() - give the case its world
 * @test: the case
 *
 * The init() of a suite.
 *
 * Context: the thread of the case.
 * Return: 0 or an errno.
 */
int mmap_proto_begin(struct kunit *test)
{
	memset(&world, 0, sizeof(world));

	world.mm = mm_alloc();
	if (!world.mm)
		return -ENOMEM;
	world.mm->task_size = TASK_SIZE;
#ifdef CONFIG_MMU
	arch_pick_mmap_layout(world.mm, &current->signal->rlim[RLIMIT_STACK]);
#endif
	kthread_use_mm(world.mm);
	world.file = mmap_proto_open(test, &mmap_proto_fops, O_RDWR);

	return 0;
}

/**
 * mmap_proto_expect_unused() - expect that a file is not mapped
 * @test: the case, which has the only reference
 * @file: the file
 */
void mmap_proto_expect_unused(struct kunit *test, struct file *file)
{
	KUNIT_EXPECT_EQ(test, file_count(file), 1);
	KUNIT_EXPECT_FALSE(test, mapping_mapped(file->f_mapping));
	KUNIT_EXPECT_EQ(test, atomic_read(&file->f_mapping->i_mmap_writable),
			0);
}

/**
 * mmap_proto_end() - take the address space away, and look what is left over
 * @test: the case
 *
 * Every case ends with this: no reference to a file or a page is left, and what
 * mapped() and open() have taken is given back by close().
 *
 * Context: the thread of the case.
 */
void mmap_proto_end(struct kunit *test)
{
	int i;

	kthread_unuse_mm(world.mm);
	mmput(world.mm);

	KUNIT_EXPECT_EQ(test, world.released.calls, world.held);
	if (world.vm_ops == &mmap_proto_mapped_ops)
		KUNIT_EXPECT_EQ(test, world.closed,
				world.mapped.calls + world.opened);
	mmap_proto_expect_unused(test, world.file);
	if (world.swap)
		mmap_proto_expect_unused(test, world.swap);
	for (i = 0; i < world.nr_pages; i++) {
		KUNIT_EXPECT_EQ(test, page_ref_count(world.pages[i]), 1);
		KUNIT_EXPECT_FALSE(test, page_mapped(world.pages[i]));
	}
	world.ended = true;
}

/**
 * mmap_proto_check_end() - fail a case that did not look at what is left over
 * @test: the case
 *
 * The exit() of a suite.
 */
void mmap_proto_check_end(struct kunit *test)
{
	if (test->status != KUNIT_SKIPPED)
		KUNIT_EXPECT_TRUE(test, world.ended);
}

/**
 * mmap_proto_open() - make a file with an inode of its own
 * @test: the case, with whose end the reference is dropped
 * @fops: its operations
 * @flags: O_RDONLY or O_RDWR
 *
 * Return: the file.
 */
struct file *mmap_proto_open(struct kunit *test,
			     const struct file_operations *fops, int flags)
{
	struct file *file = anon_inode_create_getfile("[mmap_proto]", fops,
						      NULL, flags, NULL);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, file);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, fput_action,
							   file));
	return file;
}

static void free_pages_action(void *context)
{
	int i;

	for (i = 0; i < world.nr_pages; i++)
		put_page(world.pages[i]);
}

/**
 * mmap_proto_word() - what a page of the test begins with
 * @page: index of the page
 *
 * Return: the first word.
 */
u32 mmap_proto_word(int page)
{
	return 0x6d6d6170 + page;
}

/**
 * mmap_proto_alloc_pages() - allocate pages that follow one another in memory
 * @test: the case, with whose end they are freed
 * @order: logarithm of their number; each has a reference count of its own
 *
 * Return: the pages, which begin with mmap_proto_word(); also in world.pages.
 */
struct page **mmap_proto_alloc_pages(struct kunit *test, int order)
{
	const int nr = 1 << order;
	struct page **pages, *first;
	int i;

	KUNIT_ASSERT_NULL(test, world.pages);
	pages = kunit_kcalloc(test, nr, sizeof(*pages), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, pages);
	first = alloc_pages(GFP_KERNEL | __GFP_ZERO, order);
	KUNIT_ASSERT_NOT_NULL(test, first);
	split_page(first, order);
	for (i = 0; i < nr; i++) {
		pages[i] = nth_page(first, i);
		*(u32 *)page_address(pages[i]) = mmap_proto_word(i);
	}
	world.pages = pages;
	world.nr_pages = nr;
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test,
							   free_pages_action,
							   NULL));
	return pages;
}

/**
 * mmap_proto_map() - map the file of the case from its first page on
 * @nr_pages: how much of it
 * @prot: PROT_*
 * @flags: MAP_*
 *
 * Return: what mmap() returns.
 */
unsigned long mmap_proto_map(unsigned long nr_pages, unsigned long prot,
			     unsigned long flags)
{
	return vm_mmap(world.file, 0, PAGES(nr_pages), prot, flags, 0);
}

#ifdef CONFIG_MMU
static int look_up_all(unsigned long start, unsigned long end,
		       struct mm_walk *walk)
{
	return 0;
}

static int note_entry(pte_t *pte, unsigned long addr, unsigned long next,
		      struct mm_walk *walk)
{
	*(pte_t *)walk->private = ptep_get(pte);
	return 0;
}

static const struct mm_walk_ops entry_ops = {
	.test_walk = look_up_all,
	.pte_entry = note_entry,
	.walk_lock = PGWALK_RDLOCK,
};

/**
 * mmap_proto_entry() - look into the page table
 * @addr: address of a page
 *
 * Return: the entry, which is pte_none() if there is none or no table for it.
 */
pte_t mmap_proto_entry(unsigned long addr)
{
	pte_t entry = __pte(0);

	mmap_read_lock(world.mm);
	walk_page_range(world.mm, addr, addr + PAGE_SIZE, &entry_ops, &entry);
	mmap_read_unlock(world.mm);

	return entry;
}

/**
 * mmap_proto_vma() - find a VMA
 * @addr: an address
 *
 * Return: the VMA that has @addr, which stays until the case changes it, or
 * %NULL.
 */
struct vm_area_struct *mmap_proto_vma(unsigned long addr)
{
	struct vm_area_struct *vma;

	mmap_read_lock(world.mm);
	vma = vma_lookup(world.mm, addr);
	mmap_read_unlock(world.mm);

	return vma;
}

/**
 * mmap_proto_syscall() - make a system call
 * @test: the case, which is skipped where this is not known how to do
 * @nr: __NR_*
 * @a: its first argument
 * @b: its second one
 * @c: its third one
 * @d: its fourth one
 * @e: its fifth one
 *
 * Return: what it returns.
 */
long mmap_proto_syscall(struct kunit *test, unsigned int nr, unsigned long a,
			unsigned long b, unsigned long c, unsigned long d,
			unsigned long e)
{
#if defined(CONFIG_X86_64) && !defined(CONFIG_UML)
	const struct pt_regs regs = {
		.di = a, .si = b, .dx = c, .r10 = d, .r8 = e,
	};

	return x64_sys_call(&regs, nr);
#else
	kunit_skip(test, "system calls are not made here");
#endif
}
#endif /* CONFIG_MMU */
