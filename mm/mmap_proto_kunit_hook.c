// SPDX-License-Identifier: GPL-2.0-only
/*
 * mmap_proto() in a booted kernel: what becomes of a mapping that a hook has
 * described, from mmap() to the end of its address space.
 */

#include <linux/cred.h>
#include <linux/memfd.h>
#include <linux/sched/coredump.h>
#include <linux/sched/signal.h>
#include <linux/shmem_fs.h>
#include <linux/uaccess.h>
#include <uapi/linux/fcntl.h>
#include <uapi/linux/memfd.h>

#include "mmap_proto_kunit.h"
#include "internal.h"

/* An address that nothing is mapped near. */
#define BASE 0x10000000UL

static int one_data, other_data;

static const struct vm_operations_struct other_ops = { };

/* Map @nr_pages of the file of the case from @pgoff on, at a page of BASE. */
static unsigned long map_at(unsigned long page, unsigned long nr_pages,
			    unsigned long prot, unsigned long flags,
			    unsigned long pgoff)
{
	return vm_mmap(world.file, BASE + PAGES(page), PAGES(nr_pages), prot,
		       flags | MAP_FIXED, PAGES(pgoff));
}

/* Expect one VMA for [@page, @page + @nr_pages). */
static void expect_vma(struct kunit *test, unsigned long page,
		       unsigned long nr_pages, unsigned long pgoff)
{
	struct vm_area_struct *vma = mmap_proto_vma(BASE + PAGES(page));

	KUNIT_ASSERT_NOT_NULL(test, vma);
	KUNIT_EXPECT_EQ(test, vma->vm_start, BASE + PAGES(page));
	KUNIT_EXPECT_EQ(test, vma->vm_end, BASE + PAGES(page + nr_pages));
	KUNIT_EXPECT_EQ(test, vma->vm_pgoff, pgoff);
}

static u32 read_word(struct kunit *test, unsigned long addr)
{
	u32 word = 0;

	KUNIT_EXPECT_EQ(test, 0, get_user(word, (u32 __user *)addr));
	return word;
}

static int write_word(unsigned long addr, u32 word)
{
	return put_user(word, (u32 __user *)addr);
}

/* The hook is given what do_mmap() has made of the arguments. */
static void hook_arguments(struct kunit *test)
{
	unsigned long addr = map_at(4, 3, RW, MAP_SHARED, 5);
	const vm_flags_t flags = VM_READ | VM_WRITE | VM_MAYREAD | VM_MAYWRITE |
				 VM_MAYEXEC | VM_SHARED | VM_MAYSHARE;

	KUNIT_ASSERT_EQ(test, addr, BASE + PAGES(4));
	KUNIT_EXPECT_EQ(test, world.seen.calls, 1);
	KUNIT_EXPECT_PTR_EQ(test, world.seen.mm, world.mm);
	KUNIT_EXPECT_EQ(test, world.seen.start, addr);
	KUNIT_EXPECT_EQ(test, world.seen.end, addr + PAGES(3));
	KUNIT_EXPECT_EQ(test, world.seen.pgoff, 5);
	KUNIT_EXPECT_PTR_EQ(test, world.seen.file, world.file);
	KUNIT_EXPECT_EQ(test, world.seen.flags, flags);
	KUNIT_EXPECT_EQ(test, pgprot_val(world.seen.page_prot),
			pgprot_val(vm_get_page_prot(flags)));
	KUNIT_EXPECT_TRUE(test, world.seen.wrote_only);
	mmap_proto_end(test);
}

/* The VMA is what the hook says. */
static void vma_is_as_described(struct kunit *test)
{
	const vm_flags_t set = VM_DONTCOPY | VM_DONTEXPAND | VM_DONTDUMP;
	struct vm_area_struct *vma;

	world.set = set;
	world.clear = VM_MAYEXEC;
	world.add_pgoff = 100;
	world.vm_ops = &mmap_proto_ops;
	world.private_data = &one_data;
	KUNIT_ASSERT_EQ(test, map_at(0, 2, RW, MAP_SHARED, 5), BASE);
	expect_vma(test, 0, 2, 105);
	vma = mmap_proto_vma(BASE);
	KUNIT_EXPECT_EQ(test, vma->vm_flags & ~VM_SOFTDIRTY,
			(world.seen.flags | set) & ~VM_MAYEXEC);
	KUNIT_EXPECT_PTR_EQ(test, vma->vm_ops, &mmap_proto_ops);
	KUNIT_EXPECT_PTR_EQ(test, vma->vm_private_data, &one_data);
	KUNIT_EXPECT_PTR_EQ(test, vma->vm_file, world.file);
	KUNIT_EXPECT_EQ(test, file_count(world.file), 2);
	/* A new mapping is not opened. */
	KUNIT_EXPECT_EQ(test, world.opened, 0);
	KUNIT_EXPECT_EQ(test, vm_munmap(BASE, PAGES(2)), 0);
	KUNIT_EXPECT_EQ(test, world.closed, 1);
	KUNIT_EXPECT_EQ(test, file_count(world.file), 1);
	mmap_proto_end(test);
}

/* A hook that leaves vm_ops alone gets a mapping that nothing is behind. */
static void no_operations(struct kunit *test)
{
	struct vm_area_struct *vma;
	u32 __maybe_unused word;

	KUNIT_ASSERT_EQ(test, map_at(0, 1, RW, MAP_PRIVATE, 0), BASE);
	vma = mmap_proto_vma(BASE);
	KUNIT_ASSERT_NOT_NULL(test, vma);
	KUNIT_EXPECT_FALSE(test, vma_is_anonymous(vma));
	KUNIT_EXPECT_EQ(test, get_user(word, (u32 __user *)BASE), -EFAULT);
	KUNIT_EXPECT_EQ(test, write_word(BASE, 1), -EFAULT);
	mmap_proto_end(test);
}

/* What an address space is charged for, and who holds the file. */
struct charges {
	int map_count;
	unsigned long total_vm;
	unsigned long locked_vm;
	unsigned long data_vm;
	unsigned long committed;
	long references;
};

static struct charges charges(void)
{
	return (struct charges) {
		.map_count = world.mm->map_count,
		.total_vm = world.mm->total_vm,
		.locked_vm = world.mm->locked_vm,
		.data_vm = world.mm->data_vm,
		.committed = vm_memory_committed(),
		.references = file_count(world.file),
	};
}

static void expect_charges(struct kunit *test, struct charges before)
{
	struct charges now = charges();

	KUNIT_EXPECT_EQ(test, now.map_count, before.map_count);
	KUNIT_EXPECT_EQ(test, now.total_vm, before.total_vm);
	KUNIT_EXPECT_EQ(test, now.locked_vm, before.locked_vm);
	KUNIT_EXPECT_EQ(test, now.data_vm, before.data_vm);
	KUNIT_EXPECT_EQ(test, now.committed, before.committed);
	KUNIT_EXPECT_EQ(test, now.references, before.references);
}

/* Map 4 pages of private memory that later mappings replace in part. */
static void map_victim(struct kunit *test)
{
	unsigned long addr = vm_mmap(NULL, BASE, PAGES(4), RW,
				     MAP_PRIVATE | MAP_FIXED, 0);
	int i;

	KUNIT_ASSERT_EQ(test, addr, BASE);
	for (i = 0; i < 4; i++)
		KUNIT_ASSERT_EQ(test, write_word(BASE + PAGES(i), 70 + i), 0);
}

/* The victim is as map_victim() has made it. */
static void expect_victim(struct kunit *test)
{
	int i;

	expect_vma(test, 0, 4, BASE >> PAGE_SHIFT);
	for (i = 0; i < 4; i++)
		KUNIT_EXPECT_EQ(test, read_word(test, BASE + PAGES(i)), 70 + i);
}

/* Replace the middle of the victim, which must fail and change nothing. */
static void expect_refused(struct kunit *test, unsigned long prot,
			   unsigned long flags, long error)
{
	struct charges before;

	map_victim(test);
	before = charges();
	KUNIT_EXPECT_EQ(test, (long)map_at(1, 2, prot, flags, 0), error);
	expect_charges(test, before);
	expect_victim(test);
	KUNIT_EXPECT_EQ(test, world.closed, 0);
	KUNIT_EXPECT_EQ(test, world.mapped.calls, 0);
	KUNIT_EXPECT_EQ(test, world.mapped.failed, 0);
}

/* A hook that fails has changed nothing. */
static void hook_error(struct kunit *test)
{
	world.error = -EBADSLT;
	world.holds = 2;
	world.vm_ops = &mmap_proto_mapped_ops;
	expect_refused(test, RW, MAP_SHARED, -EBADSLT);
	KUNIT_EXPECT_EQ(test, world.seen.calls, 1);
	mmap_proto_end(test);
}

/* A file without a hook is no file to map. */
static void no_hook(struct kunit *test)
{
	static const struct file_operations no_fops = { };
	struct file *file = mmap_proto_open(test, &no_fops, O_RDWR);

	KUNIT_EXPECT_EQ(test, (long)vm_mmap(file, 0, PAGE_SIZE, RW, MAP_SHARED,
					    0), -ENODEV);
	KUNIT_EXPECT_EQ(test, file_count(file), 1);
	mmap_proto_end(test);
}

/* mapped() is told of the mapping, once, and close() gets what it left. */
static void mapped_arguments(struct kunit *test)
{
	world.vm_ops = &mmap_proto_mapped_ops;
	world.private_data = &one_data;
	world.new_private = &other_data;
	world.add_pgoff = 100;
	KUNIT_ASSERT_EQ(test, map_at(1, 2, RW, MAP_SHARED, 7),
			BASE + PAGES(1));
	KUNIT_EXPECT_EQ(test, world.mapped.calls, 1);
	KUNIT_EXPECT_EQ(test, world.mapped.start, BASE + PAGES(1));
	KUNIT_EXPECT_EQ(test, world.mapped.end, BASE + PAGES(3));
	KUNIT_EXPECT_EQ(test, world.mapped.pgoff, 107);
	KUNIT_EXPECT_PTR_EQ(test, world.mapped.file, world.file);
	KUNIT_EXPECT_PTR_EQ(test, world.mapped.private_data,
			    (void *)&one_data);
	KUNIT_EXPECT_PTR_EQ(test,
			    mmap_proto_vma(BASE + PAGES(1))->vm_private_data,
			    (void *)&other_data);
	KUNIT_EXPECT_EQ(test, world.closed, 0);
	KUNIT_EXPECT_EQ(test, vm_munmap(BASE, PAGES(4)), 0);
	KUNIT_EXPECT_EQ(test, world.closed, 1);
	KUNIT_EXPECT_PTR_EQ(test, world.closed_private, (void *)&other_data);
	KUNIT_EXPECT_EQ(test, world.mapped.calls, 1);
	mmap_proto_end(test);
}

/* A mapping for which mapped() fails never was, and is not closed. */
static void mapped_error(struct kunit *test)
{
	const struct charges before = charges();

	world.vm_ops = &mmap_proto_mapped_ops;
	world.mapped_error = -EBADSLT;
	world.holds = 1;
	KUNIT_EXPECT_EQ(test, (long)map_at(0, 2, RW, MAP_PRIVATE, 0), -EBADSLT);
	KUNIT_EXPECT_EQ(test, world.mapped.failed, 1);
	KUNIT_EXPECT_NULL(test, mmap_proto_vma(BASE));
	expect_charges(test, before);
	mmap_proto_end(test);
	KUNIT_EXPECT_EQ(test, world.closed, 0);
}

/*
 * When mapped() fails, what MAP_FIXED was to replace is gone, as when mmap()
 * fails, and what is left is charged.
 *
 *	VVVV -> V..V
 */
static void mapped_error_leaves_a_gap(struct kunit *test)
{
	struct charges before, now;

	before = charges();
	map_victim(test);
	world.vm_ops = &mmap_proto_mapped_ops;
	world.mapped_error = -EBADSLT;
	KUNIT_EXPECT_EQ(test, (long)map_at(1, 2, RW, MAP_PRIVATE, 0), -EBADSLT);
	expect_vma(test, 0, 1, BASE >> PAGE_SHIFT);
	KUNIT_EXPECT_NULL(test, mmap_proto_vma(BASE + PAGES(1)));
	KUNIT_EXPECT_NULL(test, mmap_proto_vma(BASE + PAGES(2)));
	expect_vma(test, 3, 1, (BASE >> PAGE_SHIFT) + 3);
	KUNIT_EXPECT_EQ(test, read_word(test, BASE), 70);
	KUNIT_EXPECT_EQ(test, read_word(test, BASE + PAGES(3)), 73);
	now = charges();
	KUNIT_EXPECT_EQ(test, now.total_vm, before.total_vm + 2);
	KUNIT_EXPECT_EQ(test, now.committed, before.committed + 2);
	KUNIT_EXPECT_EQ(test, now.references, before.references);
	KUNIT_EXPECT_EQ(test, vm_munmap(BASE, PAGES(4)), 0);
	expect_charges(test, before);
	mmap_proto_end(test);
	KUNIT_EXPECT_EQ(test, world.closed, 0);
}

/* A mapping that is replaced by one of the same file is closed before. */
static void replaced_by_its_like(struct kunit *test)
{
	world.vm_ops = &mmap_proto_mapped_ops;
	KUNIT_ASSERT_EQ(test, map_at(0, 2, RW, MAP_SHARED, 0), BASE);
	KUNIT_ASSERT_EQ(test, map_at(0, 2, RW, MAP_SHARED, 0), BASE);
	KUNIT_EXPECT_EQ(test, world.mapped.calls, 2);
	KUNIT_EXPECT_EQ(test, world.mapped.closed, 1);
	KUNIT_EXPECT_EQ(test, world.closed, 1);
	KUNIT_EXPECT_EQ(test, file_count(world.file), 2);
	mmap_proto_end(test);
}

/*
 * Each part of a mapping that is split is opened and closed.
 *
 *	AAAA -> A..B
 */
static void split(struct kunit *test)
{
	world.vm_ops = &mmap_proto_mapped_ops;
	KUNIT_ASSERT_EQ(test, map_at(0, 4, RW, MAP_SHARED, 10), BASE);
	KUNIT_EXPECT_EQ(test, vm_munmap(BASE + PAGES(1), PAGES(2)), 0);
	expect_vma(test, 0, 1, 10);
	expect_vma(test, 3, 1, 13);
	KUNIT_EXPECT_EQ(test, world.mapped.calls, 1);
	KUNIT_EXPECT_EQ(test, world.mapped.calls + world.opened - world.closed,
			2);
	KUNIT_EXPECT_EQ(test, file_count(world.file), 3);
	mmap_proto_end(test);
	KUNIT_EXPECT_GT(test, world.opened, 0);
}

/* What is held is released after mapped(), in reverse order. */
static void holds(struct kunit *test)
{
	int i;

	world.vm_ops = &mmap_proto_mapped_ops;
	world.holds = NR_HOLDS;
	KUNIT_ASSERT_EQ(test, map_at(0, 1, RW, MAP_SHARED, 0), BASE);
	KUNIT_EXPECT_EQ(test, world.released.calls, NR_HOLDS);
	KUNIT_EXPECT_EQ(test, world.released.mapped, 1);
	for (i = 0; i < NR_HOLDS; i++)
		KUNIT_EXPECT_EQ(test, world.released.order[i],
				NR_HOLDS - 1 - i);
	mmap_proto_end(test);
}

/* What is held is released when the mapping becomes part of another. */
static void hold_released_on_merge(struct kunit *test)
{
	world.vm_ops = &other_ops;
	world.holds = 1;
	KUNIT_ASSERT_EQ(test, map_at(0, 1, RW, MAP_SHARED, 0), BASE);
	KUNIT_ASSERT_EQ(test, map_at(1, 1, RW, MAP_SHARED, 1), BASE + PAGES(1));
	expect_vma(test, 0, 2, 0);
	KUNIT_EXPECT_EQ(test, world.released.calls, 2);
	mmap_proto_end(test);
}

/*
 * Mappings that are described alike are one.
 *
 *	A.A -> AAA, and the hook ran for each of them
 */
static void merge(struct kunit *test)
{
	world.vm_ops = &other_ops;
	world.private_data = &one_data;
	world.set = VM_DONTDUMP;
	KUNIT_ASSERT_EQ(test, map_at(0, 1, RW, MAP_SHARED, 0), BASE);
	KUNIT_ASSERT_EQ(test, map_at(2, 1, RW, MAP_SHARED, 2), BASE + PAGES(2));
	KUNIT_EXPECT_EQ(test, world.mm->map_count, 2);
	KUNIT_ASSERT_EQ(test, map_at(1, 1, RW, MAP_SHARED, 1), BASE + PAGES(1));
	KUNIT_EXPECT_EQ(test, world.mm->map_count, 1);
	expect_vma(test, 0, 3, 0);
	KUNIT_EXPECT_EQ(test, world.seen.calls, 3);
	KUNIT_EXPECT_EQ(test, file_count(world.file), 2);
	KUNIT_EXPECT_EQ(test, vm_munmap(BASE, PAGES(3)), 0);
	KUNIT_EXPECT_EQ(test, file_count(world.file), 1);
	mmap_proto_end(test);
}

static int make_noncached(struct vma_proto *proto)
{
	proto->page_prot = pgprot_noncached(proto->page_prot);
	return 0;
}

static void set_other_ops(void)
{
	world.vm_ops = NULL;
}

static void set_other_data(void)
{
	world.private_data = &other_data;
}

static void set_other_prot(void)
{
	world.request = make_noncached;
}

static void set_other_flags(void)
{
	world.set = VM_DONTDUMP;
}

static const struct difference {
	const char *name;
	void (*set)(void);
} differences[] = {
	{ "vm_ops", set_other_ops },
	{ "private_data", set_other_data },
	{ "page_prot", set_other_prot },
	{ "flags", set_other_flags },
};

static void difference_name(const struct difference *difference, char *name)
{
	strscpy(name, difference->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(difference, differences, difference_name);

/* Mappings that are described differently stay two. */
static void no_merge(struct kunit *test)
{
	const struct difference *difference = test->param_value;

	world.vm_ops = &other_ops;
	world.private_data = &one_data;
	KUNIT_ASSERT_EQ(test, map_at(0, 1, RW, MAP_SHARED, 0), BASE);
	difference->set();
	KUNIT_ASSERT_EQ(test, map_at(1, 1, RW, MAP_SHARED, 1), BASE + PAGES(1));
	KUNIT_EXPECT_EQ(test, world.mm->map_count, 2);
	expect_vma(test, 0, 1, 0);
	expect_vma(test, 1, 1, 1);
	KUNIT_EXPECT_EQ(test, vm_munmap(BASE, PAGES(1)), 0);
	KUNIT_EXPECT_EQ(test, file_count(world.file), 2);
	mmap_proto_end(test);
}

/* One that mapped() is to be called for is a VMA of its own. */
static void no_merge_with_mapped(struct kunit *test)
{
	world.vm_ops = &mmap_proto_mapped_ops;
	KUNIT_ASSERT_EQ(test, map_at(0, 1, RW, MAP_SHARED, 0), BASE);
	KUNIT_ASSERT_EQ(test, map_at(1, 1, RW, MAP_SHARED, 1), BASE + PAGES(1));
	KUNIT_EXPECT_EQ(test, world.mapped.calls, 2);
	KUNIT_EXPECT_EQ(test, world.mapped.start, BASE + PAGES(1));
	expect_vma(test, 0, 1, 0);
	expect_vma(test, 1, 1, 1);
	mmap_proto_end(test);
	KUNIT_EXPECT_EQ(test, world.closed, 2);
}

static long change_access(struct kunit *test, unsigned long page,
			  unsigned long nr_pages, unsigned long prot)
{
	return mmap_proto_syscall(test, __NR_mprotect, BASE + PAGES(page),
				  PAGES(nr_pages), prot, 0, 0);
}

/*
 * mprotect() splits, and merges what is alike again.
 *
 *	AAA -> ArA -> AAA
 */
static void mprotect_merges(struct kunit *test)
{
	world.vm_ops = &other_ops;
	KUNIT_ASSERT_EQ(test, map_at(0, 3, RW, MAP_SHARED, 0), BASE);
	KUNIT_ASSERT_EQ(test, change_access(test, 1, 1, PROT_READ), 0);
	KUNIT_EXPECT_EQ(test, world.mm->map_count, 3);
	KUNIT_EXPECT_EQ(test, file_count(world.file), 4);
	KUNIT_ASSERT_EQ(test, change_access(test, 1, 1, RW), 0);
	KUNIT_EXPECT_EQ(test, world.mm->map_count, 1);
	KUNIT_EXPECT_EQ(test, file_count(world.file), 2);
	expect_vma(test, 0, 3, 0);
	KUNIT_EXPECT_EQ(test, world.seen.calls, 1);
	mmap_proto_end(test);
}

/*
 * mprotect() does not merge what it makes alike in flags alone.
 *
 *	AB, B read-only -> AB
 */
static void mprotect_does_not_merge(struct kunit *test)
{
	const struct difference *difference = test->param_value;

	world.vm_ops = &other_ops;
	world.private_data = &one_data;
	KUNIT_ASSERT_EQ(test, map_at(0, 1, RW, MAP_SHARED, 0), BASE);
	difference->set();
	KUNIT_ASSERT_EQ(test, map_at(1, 1, PROT_READ, MAP_SHARED, 1),
			BASE + PAGES(1));
	KUNIT_ASSERT_EQ(test, change_access(test, 1, 1, RW), 0);
	KUNIT_EXPECT_EQ(test, world.mm->map_count, 2);
	KUNIT_ASSERT_EQ(test, change_access(test, 0, 2, PROT_READ), 0);
	KUNIT_EXPECT_EQ(test, world.mm->map_count, 2);
	mmap_proto_end(test);
}

/* Access that the hook takes away cannot be had by mprotect(). */
static void mprotect_refused(struct kunit *test)
{
	world.clear = VM_MAYWRITE;
	KUNIT_ASSERT_EQ(test, map_at(0, 1, PROT_READ, MAP_SHARED, 0), BASE);
	KUNIT_EXPECT_EQ(test, change_access(test, 0, 1, RW), -EACCES);
	KUNIT_EXPECT_EQ(test, change_access(test, 0, 1, PROT_NONE), 0);
	KUNIT_EXPECT_EQ(test, change_access(test, 0, 1, PROT_READ), 0);
	/* Nor does it count as a writable mapping of the file. */
	mmap_proto_end(test);
}

static long move(struct kunit *test, unsigned long from, unsigned long pages,
		 unsigned long new_pages, unsigned long flags, unsigned long to)
{
	return mmap_proto_syscall(test, __NR_mremap, BASE + PAGES(from),
				  PAGES(pages), PAGES(new_pages), flags,
				  BASE + PAGES(to));
}

/* mremap() grows a mapping in place, and the hook is not asked. */
static void mremap_grows(struct kunit *test)
{
	world.vm_ops = &mmap_proto_mapped_ops;
	KUNIT_ASSERT_EQ(test, map_at(0, 1, RW, MAP_SHARED, 0), BASE);
	KUNIT_EXPECT_EQ(test, move(test, 0, 1, 3, 0, 0), BASE);
	expect_vma(test, 0, 3, 0);
	KUNIT_EXPECT_EQ(test, world.seen.calls, 1);
	KUNIT_EXPECT_EQ(test, world.mapped.calls, 1);
	mmap_proto_end(test);
}

/* A mapping with VM_DONTEXPAND stays as long as it is. */
static void mremap_does_not_grow(struct kunit *test)
{
	world.set = VM_DONTEXPAND;
	KUNIT_ASSERT_EQ(test, map_at(0, 1, RW, MAP_SHARED, 0), BASE);
	KUNIT_EXPECT_EQ(test, move(test, 0, 1, 2, 0, 0), -EFAULT);
	KUNIT_EXPECT_EQ(test, move(test, 0, 1, 2, MREMAP_MAYMOVE, 0), -EFAULT);
	expect_vma(test, 0, 1, 0);
	mmap_proto_end(test);
}

/* The VMA that mremap() makes is opened, and the old one closed. */
static void mremap_moves(struct kunit *test)
{
	struct vm_area_struct *vma;

	world.vm_ops = &mmap_proto_mapped_ops;
	world.private_data = &one_data;
	KUNIT_ASSERT_EQ(test, map_at(0, 2, RW, MAP_SHARED, 9), BASE);
	KUNIT_EXPECT_EQ(test, move(test, 0, 2, 2,
				   MREMAP_MAYMOVE | MREMAP_FIXED, 8),
			BASE + PAGES(8));
	expect_vma(test, 8, 2, 9);
	vma = mmap_proto_vma(BASE + PAGES(8));
	KUNIT_EXPECT_PTR_EQ(test, vma->vm_ops, &mmap_proto_mapped_ops);
	KUNIT_EXPECT_PTR_EQ(test, vma->vm_private_data, (void *)&one_data);
	KUNIT_EXPECT_NULL(test, mmap_proto_vma(BASE));
	KUNIT_EXPECT_EQ(test, world.opened, 1);
	KUNIT_EXPECT_EQ(test, world.closed, 1);
	KUNIT_EXPECT_EQ(test, world.mapped.calls, 1);
	KUNIT_EXPECT_EQ(test, file_count(world.file), 2);
	mmap_proto_end(test);
}

/*
 * mremap() merges what it moves beside its like, and nothing else.
 *
 *	A.A -> AA, A.B -> AB
 */
static void mremap_merges(struct kunit *test)
{
	world.vm_ops = &other_ops;
	world.private_data = &one_data;
	KUNIT_ASSERT_EQ(test, map_at(0, 1, RW, MAP_SHARED, 0), BASE);
	KUNIT_ASSERT_EQ(test, map_at(4, 1, RW, MAP_SHARED, 1), BASE + PAGES(4));
	KUNIT_EXPECT_EQ(test, move(test, 4, 1, 1,
				   MREMAP_MAYMOVE | MREMAP_FIXED, 1),
			BASE + PAGES(1));
	expect_vma(test, 0, 2, 0);

	world.private_data = &other_data;
	KUNIT_ASSERT_EQ(test, map_at(4, 1, RW, MAP_SHARED, 2), BASE + PAGES(4));
	KUNIT_EXPECT_EQ(test, move(test, 4, 1, 1,
				   MREMAP_MAYMOVE | MREMAP_FIXED, 2),
			BASE + PAGES(2));
	expect_vma(test, 0, 2, 0);
	expect_vma(test, 2, 1, 2);
	mmap_proto_end(test);
}

static vm_fault_t fault_with_page(struct vm_fault *vmf)
{
	if (vmf->pgoff != 105)
		return VM_FAULT_SIGBUS;
	get_page(world.pages[0]);
	vmf->page = world.pages[0];
	return 0;
}

static vm_fault_t allow_write(struct vm_fault *vmf)
{
	lock_page(vmf->page);
	return VM_FAULT_LOCKED;
}

static const struct vm_operations_struct fault_ops = {
	.fault = fault_with_page,
	.page_mkwrite = allow_write,
};

/* Faults are handled by the operations that the hook set, at its offset. */
static void faults(struct kunit *test)
{
	mmap_proto_alloc_pages(test, 0);
	world.vm_ops = &fault_ops;
	world.add_pgoff = 100;
	KUNIT_ASSERT_EQ(test, map_at(0, 2, RW, MAP_SHARED, 5), BASE);
	KUNIT_EXPECT_EQ(test, read_word(test, BASE), mmap_proto_word(0));
	KUNIT_EXPECT_EQ(test, page_ref_count(world.pages[0]), 2);
	KUNIT_EXPECT_EQ(test, write_word(BASE, 1234), 0);
	KUNIT_EXPECT_EQ(test, *(u32 *)page_address(world.pages[0]), 1234);
	KUNIT_EXPECT_EQ(test, write_word(BASE + PAGES(1), 1), -EFAULT);
	mmap_proto_end(test);
}

/*
 * A mapping whose writes are notified has lost the write bit of its protection.
 * It is as alike as before.
 */
static void write_notification_merges(struct kunit *test)
{
	struct vm_area_struct *vma;

	world.vm_ops = &fault_ops;
	KUNIT_ASSERT_EQ(test, map_at(0, 1, RW, MAP_SHARED, 0), BASE);
	vma = mmap_proto_vma(BASE);
	KUNIT_EXPECT_NE(test, pgprot_val(vma->vm_page_prot),
			pgprot_val(world.seen.page_prot));
	KUNIT_ASSERT_EQ(test, map_at(1, 1, RW, MAP_SHARED, 1), BASE + PAGES(1));
	expect_vma(test, 0, 2, 0);
	mmap_proto_end(test);
}

/* Be nobody, whom RLIMIT_MEMLOCK is for. */
static void drop_capabilities(struct kunit *test)
{
	struct cred *cred = prepare_creds();

	KUNIT_ASSERT_NOT_NULL(test, cred);
	cap_clear(cred->cap_effective);
	commit_creds(cred);
}

static void limit(int resource, unsigned long bytes)
{
	current->signal->rlim[resource].rlim_cur = bytes;
}

/* What a hook locks is charged as locked. */
static void locked(struct kunit *test)
{
	const struct charges before = charges();

	world.set = VM_LOCKED;
	world.vm_ops = &other_ops;
	KUNIT_ASSERT_EQ(test, map_at(0, 3, RW, MAP_SHARED, 0), BASE);
	KUNIT_EXPECT_EQ(test, world.mm->locked_vm, 3);
	KUNIT_EXPECT_TRUE(test, mmap_proto_vma(BASE)->vm_flags & VM_LOCKED);
	KUNIT_EXPECT_EQ(test, vm_munmap(BASE, PAGES(3)), 0);
	expect_charges(test, before);
	mmap_proto_end(test);
}

/* A hook does not lock more than the process may. */
static void locked_limit(struct kunit *test)
{
	drop_capabilities(test);
	limit(RLIMIT_MEMLOCK, PAGE_SIZE);
	world.set = VM_LOCKED;
	world.vm_ops = &mmap_proto_mapped_ops;
	expect_refused(test, RW, MAP_SHARED, -EAGAIN);
	KUNIT_EXPECT_EQ(test, world.seen.calls, 1);
	limit(RLIMIT_MEMLOCK, PAGES(2));
	KUNIT_EXPECT_EQ(test, map_at(1, 2, RW, MAP_SHARED, 0), BASE + PAGES(1));
	KUNIT_EXPECT_EQ(test, world.mm->locked_vm, 2);
	mmap_proto_end(test);
}

/* Physical memory is neither locked nor charged, whatever its flags say. */
static void locked_pfnmap(struct kunit *test)
{
	drop_capabilities(test);
	limit(RLIMIT_MEMLOCK, PAGE_SIZE);
	world.set = VM_LOCKED | VM_PFNMAP;
	KUNIT_EXPECT_EQ(test, map_at(0, 2, RW, MAP_SHARED, 0), BASE);
	KUNIT_EXPECT_EQ(test, world.mm->locked_vm, 0);
	KUNIT_EXPECT_EQ(test, mmap_proto_vma(BASE)->vm_flags & VM_LOCKED, 0);
	mmap_proto_end(test);
}

/* mlock() and munlock() of a mapping that a hook has described. */
static void mlock_works(struct kunit *test)
{
	mmap_proto_alloc_pages(test, 0);
	world.vm_ops = &fault_ops;
	world.add_pgoff = 105;
	KUNIT_ASSERT_EQ(test, map_at(0, 1, RW, MAP_SHARED, 0), BASE);
	KUNIT_EXPECT_EQ(test, mmap_proto_syscall(test, __NR_mlock, BASE,
						 PAGES(1), 0, 0, 0), 0);
	KUNIT_EXPECT_EQ(test, world.mm->locked_vm, 1);
	KUNIT_EXPECT_EQ(test, page_ref_count(world.pages[0]), 2);
	KUNIT_EXPECT_EQ(test, mmap_proto_syscall(test, __NR_munlock, BASE,
						 PAGES(1), 0, 0, 0), 0);
	KUNIT_EXPECT_EQ(test, world.mm->locked_vm, 0);
	mmap_proto_end(test);
}

/* The limit of the address space is looked at after the hook. */
static void address_space_limit(struct kunit *test)
{
	map_victim(test);
	limit(RLIMIT_AS, PAGES(5));
	KUNIT_ASSERT_EQ(test, vm_munmap(BASE, PAGES(4)), 0);
	world.vm_ops = &mmap_proto_mapped_ops;
	KUNIT_EXPECT_EQ(test, (long)map_at(0, 6, RW, MAP_SHARED, 0), -ENOMEM);
	KUNIT_EXPECT_EQ(test, world.seen.calls, 1);
	KUNIT_EXPECT_NULL(test, mmap_proto_vma(BASE));
	KUNIT_EXPECT_EQ(test, file_count(world.file), 1);
	KUNIT_EXPECT_EQ(test, map_at(0, 5, RW, MAP_SHARED, 0), BASE);
	mmap_proto_end(test);
}

/*
 * Replacing takes no more than what is added, and failing unmaps nothing, though
 * the VMA of which a part was to be replaced has been split.
 */
static void address_space_limit_fixed(struct kunit *test)
{
	int i;

	limit(RLIMIT_AS, PAGES(4));
	world.vm_ops = &mmap_proto_mapped_ops;
	map_victim(test);
	KUNIT_EXPECT_EQ(test, (long)map_at(3, 2, RW, MAP_SHARED, 0), -ENOMEM);
	for (i = 0; i < 4; i++)
		KUNIT_EXPECT_EQ(test, read_word(test, BASE + PAGES(i)), 70 + i);
	KUNIT_EXPECT_EQ(test, world.mm->total_vm, 4);
	KUNIT_EXPECT_EQ(test, file_count(world.file), 1);
	KUNIT_EXPECT_EQ(test, world.mapped.calls, 0);
	KUNIT_EXPECT_EQ(test, map_at(2, 2, RW, MAP_SHARED, 0), BASE + PAGES(2));
	expect_vma(test, 0, 2, BASE >> PAGE_SHIFT);
	mmap_proto_end(test);
}

/* Memory that is written privately is charged by the flags after the hook. */
static void committed(struct kunit *test)
{
	const unsigned long before = vm_memory_committed();
	struct vm_area_struct *vma;

	world.vm_ops = &other_ops;
	KUNIT_ASSERT_EQ(test, map_at(0, 3, RW, MAP_PRIVATE, 0), BASE);
	vma = mmap_proto_vma(BASE);
	KUNIT_EXPECT_TRUE(test, vma->vm_flags & VM_ACCOUNT);
	KUNIT_EXPECT_EQ(test, vm_memory_committed(), before + 3);

	world.set = VM_NORESERVE;
	KUNIT_ASSERT_EQ(test, map_at(0, 3, RW, MAP_PRIVATE, 0), BASE);
	vma = mmap_proto_vma(BASE);
	KUNIT_EXPECT_FALSE(test, vma->vm_flags & VM_ACCOUNT);
	KUNIT_EXPECT_EQ(test, vm_memory_committed(), before);
	mmap_proto_end(test);
	KUNIT_EXPECT_EQ(test, vm_memory_committed(), before);
}

/* MDWE sees what the hook makes executable. */
static void memory_deny_write_exec(struct kunit *test)
{
	set_bit(MMF_HAS_MDWE, &world.mm->flags);
	world.vm_ops = &mmap_proto_mapped_ops;
	world.set = VM_EXEC;
	expect_refused(test, RW, MAP_SHARED, -EACCES);
	KUNIT_EXPECT_EQ(test, world.seen.calls, 1);
	KUNIT_EXPECT_EQ(test, map_at(1, 2, PROT_READ, MAP_SHARED, 0),
			BASE + PAGES(1));
	mmap_proto_end(test);
}

/* A sealed mapping is not replaced, and the hook is not even asked. */
static void sealed_victim(struct kunit *test)
{
	map_victim(test);
	KUNIT_ASSERT_EQ(test, mmap_proto_syscall(test, __NR_mseal, BASE,
						 PAGES(4), 0, 0, 0), 0);
	KUNIT_EXPECT_EQ(test, (long)map_at(1, 2, RW, MAP_SHARED, 0), -EPERM);
	KUNIT_EXPECT_EQ(test, world.seen.calls, 0);
	expect_victim(test);
	mmap_proto_end(test);
}

/* The mapping is one of the file that the hook chose. */
static void swapped_file(struct kunit *test)
{
	world.swap = mmap_proto_open(test, &mmap_proto_fops, O_RDWR);
	world.vm_ops = &mmap_proto_mapped_ops;
	KUNIT_ASSERT_EQ(test, map_at(0, 2, RW, MAP_SHARED, 0), BASE);
	KUNIT_EXPECT_PTR_EQ(test, mmap_proto_vma(BASE)->vm_file, world.swap);
	KUNIT_EXPECT_PTR_EQ(test, world.mapped.file, world.swap);
	KUNIT_EXPECT_EQ(test, file_count(world.file), 1);
	KUNIT_EXPECT_EQ(test, file_count(world.swap), 2);
	KUNIT_EXPECT_TRUE(test, mapping_mapped(world.swap->f_mapping));
	KUNIT_EXPECT_FALSE(test, mapping_mapped(world.file->f_mapping));
	KUNIT_EXPECT_TRUE(test,
			  mapping_writably_mapped(world.swap->f_mapping));
	KUNIT_EXPECT_FALSE(test,
			   mapping_writably_mapped(world.file->f_mapping));
	mmap_proto_end(test);
}

/* The reference to a file that was chosen is dropped on each error... */
static void swapped_file_error(struct kunit *test)
{
	world.swap = mmap_proto_open(test, &mmap_proto_fops, O_RDWR);
	world.vm_ops = &mmap_proto_mapped_ops;
	world.error = -EBADSLT;
	KUNIT_EXPECT_EQ(test, (long)map_at(0, 2, RW, MAP_SHARED, 0), -EBADSLT);
	KUNIT_EXPECT_EQ(test, file_count(world.swap), 1);

	world.error = 0;
	limit(RLIMIT_AS, PAGES(1));
	KUNIT_EXPECT_EQ(test, (long)map_at(0, 2, RW, MAP_SHARED, 0), -ENOMEM);
	KUNIT_EXPECT_EQ(test, file_count(world.swap), 1);

	limit(RLIMIT_AS, RLIM_INFINITY);
	world.mapped_error = -EBADSLT;
	KUNIT_EXPECT_EQ(test, (long)map_at(0, 2, RW, MAP_SHARED, 0), -EBADSLT);
	KUNIT_EXPECT_EQ(test, world.mapped.failed, 1);
	KUNIT_EXPECT_EQ(test, file_count(world.swap), 1);
	KUNIT_EXPECT_EQ(test, file_count(world.file), 1);
	mmap_proto_end(test);
}

/* ... and when the mapping becomes part of another. */
static void swapped_file_merge(struct kunit *test)
{
	struct file *swap = mmap_proto_open(test, &mmap_proto_fops, O_RDWR);

	world.swap = swap;
	world.vm_ops = &other_ops;
	KUNIT_ASSERT_EQ(test, map_at(0, 1, RW, MAP_SHARED, 0), BASE);
	KUNIT_ASSERT_EQ(test, map_at(1, 1, RW, MAP_SHARED, 1), BASE + PAGES(1));
	expect_vma(test, 0, 2, 0);
	KUNIT_EXPECT_EQ(test, file_count(swap), 2);
	KUNIT_EXPECT_EQ(test, file_count(world.file), 1);
	/* The same of the file itself is another mapping. */
	world.swap = NULL;
	KUNIT_ASSERT_EQ(test, map_at(2, 1, RW, MAP_SHARED, 2), BASE + PAGES(2));
	expect_vma(test, 0, 2, 0);
	KUNIT_EXPECT_EQ(test, file_count(world.file), 2);
	world.swap = swap;
	mmap_proto_end(test);
}

#ifdef CONFIG_MEMFD_CREATE
/* A hook that chooses a memfd cannot get round its seals. */
static void sealed_file(struct kunit *test)
{
	struct file *memfd = shmem_file_setup("mmap_proto", PAGES(4), 0);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, memfd);
	world.swap = memfd;
	world.vm_ops = &other_ops;
	SHMEM_I(file_inode(memfd))->seals = F_SEAL_WRITE;
	expect_refused(test, RW, MAP_SHARED, -EPERM);
	KUNIT_EXPECT_EQ(test, file_count(memfd), 1);
	SHMEM_I(file_inode(memfd))->seals = F_SEAL_FUTURE_WRITE;
	KUNIT_EXPECT_EQ(test, (long)map_at(1, 2, RW, MAP_SHARED, 0), -EPERM);
	/* One that is read may be had, but not made writable afterwards. */
	KUNIT_EXPECT_EQ(test, map_at(1, 2, PROT_READ, MAP_SHARED, 0),
			BASE + PAGES(1));
	KUNIT_EXPECT_EQ(test, change_access(test, 1, 2, RW), -EACCES);
	KUNIT_EXPECT_EQ(test, map_at(1, 2, RW, MAP_PRIVATE, 0),
			BASE + PAGES(1));
	mmap_proto_end(test);
	world.swap = NULL;
	fput(memfd);
}
#endif

/*
 * A private mapping that the hook makes anonymous is zeroed memory of its own,
 * and has its file for show.
 */
static void anonymous(struct kunit *test)
{
	struct vm_area_struct *vma;

	world.request = vma_proto_set_anonymous;
	KUNIT_ASSERT_EQ(test, map_at(0, 2, RW, MAP_PRIVATE, 3), BASE);
	expect_vma(test, 0, 2, 3);
	vma = mmap_proto_vma(BASE);
	KUNIT_EXPECT_TRUE(test, vma_is_anonymous(vma));
	KUNIT_EXPECT_PTR_EQ(test, vma->vm_file, world.file);
	KUNIT_EXPECT_EQ(test, read_word(test, BASE), 0);
	KUNIT_EXPECT_EQ(test, write_word(BASE, 5), 0);
	KUNIT_EXPECT_EQ(test, read_word(test, BASE), 5);
	KUNIT_EXPECT_EQ(test, read_word(test, BASE + PAGES(1)), 0);
	KUNIT_EXPECT_EQ(test, get_mm_counter(world.mm, MM_ANONPAGES), 1);
	/* Its like becomes part of it. */
	KUNIT_ASSERT_EQ(test, map_at(2, 1, RW, MAP_PRIVATE, 5),
			BASE + PAGES(2));
	expect_vma(test, 0, 3, 3);
	KUNIT_EXPECT_EQ(test, file_count(world.file), 2);
	mmap_proto_end(test);
}

/* Only what is private can be anonymous. */
static void anonymous_shared(struct kunit *test)
{
	world.request = vma_proto_set_anonymous;
	expect_refused(test, RW, MAP_SHARED, -EINVAL);
	KUNIT_EXPECT_EQ(test, world.seen.calls, 1);
	mmap_proto_end(test);
}

static struct kunit_case hook_cases[] = {
	KUNIT_CASE(hook_arguments),
	KUNIT_CASE(vma_is_as_described),
	KUNIT_CASE(no_operations),
	KUNIT_CASE(hook_error),
	KUNIT_CASE(no_hook),
	KUNIT_CASE(mapped_arguments),
	KUNIT_CASE(mapped_error),
	KUNIT_CASE(mapped_error_leaves_a_gap),
	KUNIT_CASE(replaced_by_its_like),
	KUNIT_CASE(split),
	KUNIT_CASE(holds),
	KUNIT_CASE(hold_released_on_merge),
	KUNIT_CASE(merge),
	KUNIT_CASE_PARAM(no_merge, difference_gen_params),
	KUNIT_CASE(no_merge_with_mapped),
	KUNIT_CASE(mprotect_merges),
	KUNIT_CASE_PARAM(mprotect_does_not_merge, difference_gen_params),
	KUNIT_CASE(mprotect_refused),
	KUNIT_CASE(mremap_grows),
	KUNIT_CASE(mremap_does_not_grow),
	KUNIT_CASE(mremap_moves),
	KUNIT_CASE(mremap_merges),
	KUNIT_CASE(faults),
	KUNIT_CASE(write_notification_merges),
	KUNIT_CASE(locked),
	KUNIT_CASE(locked_limit),
	KUNIT_CASE(locked_pfnmap),
	KUNIT_CASE(mlock_works),
	KUNIT_CASE(address_space_limit),
	KUNIT_CASE(address_space_limit_fixed),
	KUNIT_CASE(committed),
	KUNIT_CASE(memory_deny_write_exec),
	KUNIT_CASE(sealed_victim),
	KUNIT_CASE(swapped_file),
	KUNIT_CASE(swapped_file_error),
	KUNIT_CASE(swapped_file_merge),
#ifdef CONFIG_MEMFD_CREATE
	KUNIT_CASE(sealed_file),
#endif
	KUNIT_CASE(anonymous),
	KUNIT_CASE(anonymous_shared),
	{ }
};

static struct kunit_suite hook_suite = {
	.name = "mmap_proto",
	.init = mmap_proto_begin,
	.exit = mmap_proto_check_end,
	.test_cases = hook_cases,
};

kunit_test_suite(hook_suite);
