// SPDX-License-Identifier: GPL-2.0-only
/*
 * mmap_region() with files that describe their mappings by mmap_proto().
 *
 * Addresses are written as pages: the pictures in the comments have one
 * character a page, letters for mappings, '.' for a gap.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* mseal() exists on 64 bit alone. */
#define CONFIG_64BIT 1

#include "maple-shared.h"
#include "vma_internal.h"

/* Include so header guard set. */
#include "../../../mm/vma.h"

static bool fail_prealloc;

#define vma_iter_prealloc(vmi, vma)					\
	(fail_prealloc ? -ENOMEM :					\
	 mas_preallocate(&(vmi)->mas, (vma), GFP_KERNEL))
#define vm_area_alloc(mm) test_vm_area_alloc(mm)
#define kmalloc(size, gfp) test_kmalloc(size, gfp)
#define kzalloc(size, gfp) test_kmalloc(size, gfp)
#define kfree(memory) test_kfree(memory)

/* The code under test. */
#include "../../../mm/vma.c"
#include "../../../mm/vma_proto.c"
#include "../../../mm/vma_proto_action.c"
#include "../../../mm/vma_proto_nested.c"

#undef vm_area_alloc
#undef kmalloc
#undef kzalloc
#undef kfree

const struct vm_operations_struct vma_dummy_vm_ops;

static struct task_struct test_task;

struct task_struct *get_current(void)
{
	return &test_task;
}

#define RW	(VM_READ | VM_WRITE | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC)
#define SHARED	(RW | VM_SHARED | VM_MAYSHARE)
#define PRIVATE	RW
#define PAGES(n) ((unsigned long)(n) << PAGE_SHIFT)

/*
 * The hook under test does what this says, and notes what it was given.
 */
static struct hook {
	/* What it does. */
	int error;
	vm_flags_t set;
	vm_flags_t clear;
	pgprotval_t prot;
	pgoff_t add_pgoff;
	struct file *file;
	const struct vm_operations_struct *vm_ops;
	void *private_data;
	/* And after that, what the test wants besides. */
	int (*more)(struct vma_proto *proto);
	/* What it saw. */
	unsigned long calls;
	unsigned long start;
	unsigned long end;
	pgoff_t pgoff;
	struct mm_struct *mm;
	struct file *seen_file;
	vm_flags_t flags;
	pgprotval_t page_prot;
	bool wrote_only;
} hook;

static int test_mmap_proto(struct vma_proto *proto)
{
	hook.calls++;
	hook.start = proto->start;
	hook.end = proto->end;
	hook.pgoff = proto->pgoff;
	hook.mm = proto->mm;
	hook.seen_file = proto->file;
	hook.flags = proto->flags;
	hook.page_prot = pgprot_val(proto->page_prot);
	hook.wrote_only = !proto->vm_ops && !proto->private_data;

	proto->flags |= hook.set;
	proto->flags &= ~hook.clear;
	proto->page_prot = __pgprot(pgprot_val(proto->page_prot) | hook.prot);
	proto->pgoff += hook.add_pgoff;
	if (hook.file)
		proto->file = hook.file;
	proto->vm_ops = hook.vm_ops;
	proto->private_data = hook.private_data;
	if (hook.more) {
		int error = hook.more(proto);

		if (error)
			return error;
	}

	return hook.error;
}

static unsigned long mmap_calls;

/* The old hook, doing what the new one does. */
static int test_mmap(struct file *file, struct vm_area_struct *vma)
{
	mmap_calls++;
	vm_flags_set(vma, hook.set);
	vma->vm_ops = hook.vm_ops ?: &vma_dummy_vm_ops;
	vma->vm_private_data = hook.private_data;

	return hook.error;
}

static unsigned long close_calls;
static int releases;

static void test_close(struct vm_area_struct *vma)
{
	close_calls++;
}

/* What mapped() was told, and what it does. */
static struct {
	unsigned long calls;
	unsigned long start;
	unsigned long end;
	pgoff_t pgoff;
	struct file *file;
	void *private_data;
	int entries;
	int error;
} mapped;

static int mapped_private;

static int test_mapped(unsigned long start, unsigned long end, pgoff_t pgoff,
		       struct file *file, void **private_data)
{
	mapped.calls++;
	mapped.start = start;
	mapped.end = end;
	mapped.pgoff = pgoff;
	mapped.file = file;
	mapped.private_data = *private_data;
	mapped.entries = page_table.nr_entries;
	*private_data = &mapped_private;

	return mapped.error;
}

static vm_fault_t test_page_mkwrite(struct vm_fault *vmf)
{
	return 0;
}

static const struct vm_operations_struct some_ops = { };
static const struct vm_operations_struct other_ops = { };
static const struct vm_operations_struct close_ops = { .close = test_close };
static const struct vm_operations_struct mapped_ops = {
	.mapped = test_mapped,
	.close = test_close,
};

static const struct vm_operations_struct mkwrite_ops = {
	.page_mkwrite = test_page_mkwrite,
};

static const struct file_operations proto_fops = {
	.mmap_proto = test_mmap_proto,
};

static const struct file_operations mmap_fops = { .mmap = test_mmap };

static const struct file_operations no_fops = { };

static const struct file_operations both_fops = {
	.mmap = test_mmap,
	.mmap_proto = test_mmap_proto,
};

/*
 * The world of one test: an address space and a file, of which the test itself
 * holds one reference.
 */
static struct mm_struct mm;
static struct address_space mapping;
static struct file file;

/* What a failing mmap() must leave as it was. */
struct snapshot {
	struct {
		struct vm_area_struct *vma;
		/* Not assignable, for its flags are constant: see memcpy(). */
		struct vm_area_struct copy;
	} vmas[8];
	int nr_vmas;
	struct mm_struct mm;
	long f_count;
	int writable;
	long charged;
	unsigned long close_calls;
	int nr_entries;
	long kmallocs;
};

static void take_snapshot(struct snapshot *snapshot)
{
	VMA_ITERATOR(vmi, &mm, 0);
	struct vm_area_struct *vma;

	memset(snapshot, 0, sizeof(*snapshot));
	for_each_vma(vmi, vma) {
		int i = snapshot->nr_vmas++;

		snapshot->vmas[i].vma = vma;
		memcpy(&snapshot->vmas[i].copy, vma, sizeof(*vma));
	}
	snapshot->mm = mm;
	snapshot->f_count = file.f_count;
	snapshot->writable = atomic_read(&mapping.i_mmap_writable);
	snapshot->charged = region_test.charged;
	snapshot->close_calls = close_calls;
	snapshot->nr_entries = page_table.nr_entries;
	snapshot->kmallocs = region_test.kmallocs;
}

/* Where a test goes on, or rather does not, when an assertion fails. */
static jmp_buf test_failed;

static void fail(const char *function, int line, const char *format, ...)
{
	va_list arguments;

	printf("# %s:%d: ", function, line);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	printf("\n");
	longjmp(test_failed, 1);
}

#define ASSERT(_expr)							\
	do {								\
		if (!(_expr))						\
			fail(__func__, __LINE__, "%s is false", #_expr); \
	} while (0)
#define ASSERT_EQ(_a, _b)						\
	do {								\
		long long __a = (long long)(_a), __b = (long long)(_b);	\
									\
		if (__a != __b)						\
			fail(__func__, __LINE__, "%s is 0x%llx, not 0x%llx (%s)", \
			     #_a, __a, __b, #_b);			\
	} while (0)

static bool vmas_equal(const struct vm_area_struct *a,
		       const struct vm_area_struct *b)
{
	return a->vm_start == b->vm_start && a->vm_end == b->vm_end &&
	       a->vm_pgoff == b->vm_pgoff && a->vm_flags == b->vm_flags &&
	       a->vm_file == b->vm_file && a->vm_ops == b->vm_ops &&
	       a->vm_private_data == b->vm_private_data &&
	       a->detached == b->detached &&
	       pgprot_val(a->vm_page_prot) == pgprot_val(b->vm_page_prot);
}

static void assert_unchanged_since(const struct snapshot *before)
{
	struct snapshot now;
	int i;

	take_snapshot(&now);
	ASSERT_EQ(now.nr_vmas, before->nr_vmas);
	for (i = 0; i < now.nr_vmas; i++) {
		ASSERT(now.vmas[i].vma == before->vmas[i].vma);
		ASSERT(vmas_equal(&now.vmas[i].copy, &before->vmas[i].copy));
	}
	ASSERT_EQ(now.mm.map_count, before->mm.map_count);
	ASSERT_EQ(now.mm.total_vm, before->mm.total_vm);
	ASSERT_EQ(now.mm.locked_vm, before->mm.locked_vm);
	ASSERT_EQ(now.mm.data_vm, before->mm.data_vm);
	ASSERT_EQ(now.f_count, before->f_count);
	ASSERT_EQ(now.writable, before->writable);
	ASSERT_EQ(now.charged, before->charged);
	ASSERT_EQ(now.close_calls, before->close_calls);
	ASSERT_EQ(now.nr_entries, before->nr_entries);
	ASSERT_EQ(now.kmallocs, before->kmallocs);
}

static void set_up(void)
{
	memset(&mm, 0, sizeof(mm));
	memset(&mapping, 0, sizeof(mapping));
	memset(&file, 0, sizeof(file));
	memset(&hook, 0, sizeof(hook));
	memset(&region_test, 0, sizeof(region_test));
	memset(&mapped, 0, sizeof(mapped));
	memset(&page_table, 0, sizeof(page_table));
	memset(&test_pages, 0, sizeof(test_pages));
	fail_prealloc = false;
	mmap_calls = 0;
	close_calls = 0;
	releases = 0;

	mt_init_flags(&mm.mm_mt, MT_FLAGS_ALLOC_RANGE | MT_FLAGS_LOCK_EXTERN);
	file.f_mapping = &mapping;
	file.f_op = &proto_fops;
	file.f_count = 1;
	hook.vm_ops = &some_ops;
	test_task.mm = &mm;
}

static bool unmap(unsigned long start, unsigned long nr_pages)
{
	VMA_ITERATOR(vmi, &mm, PAGES(start));
	LIST_HEAD(uf);

	return !do_vmi_munmap(&vmi, &mm, PAGES(start), PAGES(nr_pages), &uf,
			      false);
}

/* Whatever the test mapped, unmapping it returns every count to zero. */
static void tear_down(void)
{
	/* A seal, of the file or of a mapping, ends with the test. */
	VMA_ITERATOR(vmi, &mm, 0);
	struct vm_area_struct *vma;
	int i;

	for_each_vma(vmi, vma)
		vm_flags_clear(vma, VM_SEALED);
	ASSERT(unmap(0, 0x1000));
	ASSERT_EQ(mm.map_count, 0);
	ASSERT_EQ(mm.total_vm, 0);
	ASSERT_EQ(mm.data_vm, 0);
	ASSERT_EQ(file.f_count, 1);
	ASSERT_EQ(atomic_read(&mapping.i_mmap_writable), 0);
	ASSERT_EQ(region_test.charged, 0);
	ASSERT_EQ(region_test.kmallocs, 0);
	ASSERT_EQ(page_table.nr_entries, 0);
	for (i = 0; i < NR_TEST_PAGES; i++)
		ASSERT_EQ(test_pages[i].refs, 0);
	mtree_destroy(&mm.mm_mt);
}

static long map_file(struct file *which, unsigned long start,
		     unsigned long nr_pages, vm_flags_t flags, pgoff_t pgoff)
{
	LIST_HEAD(uf);

	return mmap_region(which, PAGES(start), PAGES(nr_pages), flags, pgoff,
			   &uf);
}

/* Map the file so that its offset equals the address: neighbours may merge. */
static long map(unsigned long start, unsigned long nr_pages, vm_flags_t flags)
{
	return map_file(&file, start, nr_pages, flags, start);
}

static struct vm_area_struct *vma_at(unsigned long page)
{
	return vma_lookup(&mm, PAGES(page));
}

static void assert_mapped(unsigned long start, unsigned long end)
{
	struct vm_area_struct *vma = vma_at(start);

	ASSERT(vma);
	ASSERT_EQ(vma->vm_start, PAGES(start));
	ASSERT_EQ(vma->vm_end, PAGES(end));
	ASSERT_EQ(vma->vm_pgoff, start);
}

/* A new mapping is what the hook described, on top of what was asked for. */
static void test_success(void)
{
	struct vm_area_struct *vma;
	int private;

	hook.set = VM_DONTDUMP;
	hook.prot = 1UL << 56;
	hook.private_data = &private;
	ASSERT_EQ(map_file(&file, 4, 3, SHARED, 77), PAGES(4));

	ASSERT_EQ(hook.calls, 1);
	vma = vma_at(4);
	ASSERT(vma);
	ASSERT_EQ(vma->vm_start, PAGES(4));
	ASSERT_EQ(vma->vm_end, PAGES(7));
	ASSERT_EQ(vma->vm_pgoff, 77);
	ASSERT_EQ(vma->vm_flags, SHARED | VM_DONTDUMP);
	ASSERT(vma->vm_file == &file);
	ASSERT(vma->vm_ops == &some_ops);
	ASSERT(vma->vm_private_data == &private);
	ASSERT_EQ(file.f_count, 2);
	ASSERT_EQ(atomic_read(&mapping.i_mmap_writable), 1);
	ASSERT_EQ(mm.total_vm, 3);
	ASSERT_EQ(region_test.warnings, 0);
	ASSERT_EQ(region_test.perf_events, 1);
}

/* All but the write-only fields are there before the hook runs. */
static void test_populated(void)
{
	ASSERT_EQ(map_file(&file, 4, 3, PRIVATE, 77), PAGES(4));

	ASSERT(hook.mm == &mm);
	ASSERT_EQ(hook.start, PAGES(4));
	ASSERT_EQ(hook.end, PAGES(7));
	ASSERT_EQ(hook.pgoff, 77);
	ASSERT(hook.seen_file == &file);
	ASSERT_EQ(hook.flags, PRIVATE);
	ASSERT_EQ(hook.page_prot, pgprot_val(vm_get_page_prot(PRIVATE)));
	ASSERT(hook.page_prot);
	ASSERT(hook.wrote_only);

	ASSERT_EQ(map(8, 1, SHARED), PAGES(8));
	ASSERT_EQ(hook.flags, SHARED);
	ASSERT_EQ(hook.page_prot, pgprot_val(vm_get_page_prot(SHARED)));
}

/* Is the pointer of that type, const and all? */
#define IS_A(_pointer, _type)						\
	__builtin_types_compatible_p(typeof(_pointer), _type)

/* What a hook must not write is constant: a hook that does will not compile. */
static void test_immutable(void)
{
	struct vma_proto proto = { };

	ASSERT(IS_A(&proto.mm, struct mm_struct *const *));
	ASSERT(IS_A(&proto.start, const unsigned long *));
	ASSERT(IS_A(&proto.end, const unsigned long *));
	/* And what it may write is not. */
	ASSERT(IS_A(&proto.pgoff, pgoff_t *));
	ASSERT(IS_A(&proto.flags, vm_flags_t *));
}

/* The error of a hook is the result, and nothing has changed. */
static void test_error(void)
{
	static const int errors[] = {
		-EPERM, -EIO, -EAGAIN, -ENOMEM, -EACCES, -ENODEV, -EINVAL,
	};
	struct snapshot before;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(errors); i++) {
		take_snapshot(&before);
		hook.error = errors[i];
		ASSERT_EQ(map(4, 3, PRIVATE), errors[i]);
		assert_unchanged_since(&before);
	}
	ASSERT_EQ(hook.calls, ARRAY_SIZE(errors));
	ASSERT_EQ(region_test.vma_allocs, 0);
}

/*
 * A hook that fails leaves what MAP_FIXED was to replace untouched: not split,
 * not closed, not uncharged.
 *
 *	..aabb.cc.  and the new mapping wants  ...xxxxx..
 */
static void test_error_keeps_victims(void)
{
	struct snapshot before;

	hook.vm_ops = &close_ops;
	ASSERT_EQ(map(2, 2, PRIVATE), PAGES(2));
	ASSERT_EQ(map(4, 2, SHARED), PAGES(4));
	ASSERT_EQ(map(7, 2, PRIVATE), PAGES(7));
	ASSERT_EQ(region_test.charged, 4);

	take_snapshot(&before);
	ASSERT_EQ(before.nr_vmas, 3);
	hook.error = -EBUSY;
	ASSERT_EQ(map(3, 5, PRIVATE), -EBUSY);
	assert_unchanged_since(&before);
}

/* One that succeeds replaces them. */
static void test_map_fixed(void)
{
	hook.vm_ops = &close_ops;
	ASSERT_EQ(map(2, 2, PRIVATE), PAGES(2));
	ASSERT_EQ(map(4, 2, SHARED), PAGES(4));
	ASSERT_EQ(map(7, 2, PRIVATE), PAGES(7));

	ASSERT_EQ(map_file(&file, 3, 5, PRIVATE, 1000), PAGES(3));
	ASSERT_EQ(mm.map_count, 3);
	assert_mapped(2, 3);
	ASSERT_EQ(vma_at(3)->vm_pgoff, 1000);
	ASSERT_EQ(vma_at(3)->vm_end, PAGES(8));
	assert_mapped(8, 9);
	ASSERT_EQ(region_test.charged, 7);
	ASSERT_EQ(file.f_count, 4);
	/* The one replaced whole, and the two parts cut off. */
	ASSERT_EQ(close_calls, 3);
}

/* Each flag that a hook may set arrives; each other one fails the mmap(). */
static void test_flags_set(void)
{
	struct snapshot before;
	unsigned long refused = 0;
	int bit;

	for (bit = 0; bit < 64; bit++) {
		vm_flags_t flag = 1UL << bit;

		if (PRIVATE & flag)
			continue;

		hook.set = flag;
		if (flag & VMA_PROTO_MAY_SET && flag != VM_WIPEONFORK) {
			ASSERT_EQ(map(4, 1, PRIVATE), PAGES(4));
			ASSERT_EQ(vma_at(4)->vm_flags & ~VM_ACCOUNT,
				  PRIVATE | flag);
			ASSERT(unmap(4, 1));
		} else {
			take_snapshot(&before);
			ASSERT_EQ(map(4, 1, PRIVATE), -EINVAL);
			assert_unchanged_since(&before);
			refused++;
		}
	}
	ASSERT_EQ(region_test.warnings, refused);
	/* 64 bits, less 5 that are set already, less 14 that are allowed. */
	ASSERT_EQ(refused, 45);

	hook.set = VM_WIPEONFORK | VM_DONTCOPY;
	ASSERT_EQ(map(4, 1, SHARED), PAGES(4));
	ASSERT_EQ(vma_at(4)->vm_flags, SHARED | VM_WIPEONFORK | VM_DONTCOPY);
}

/*
 * Neither VM_MAY* nor access is for the hook to give, but for reading and
 * executing where VM_MAY* is there.
 */
static void test_access_set(void)
{
	static const vm_flags_t flags[] = {
		VM_READ, VM_WRITE, VM_EXEC, VM_SHARED,
		VM_MAYREAD, VM_MAYWRITE, VM_MAYEXEC, VM_MAYSHARE,
	};
	const vm_flags_t all = RW | VM_EXEC | VM_SHARED | VM_MAYSHARE;
	struct snapshot before;
	size_t i;

	take_snapshot(&before);
	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		hook.set = flags[i];
		ASSERT_EQ(map(4, 1, 0), -EINVAL);
		if (flags[i] & (VM_READ | VM_EXEC)) {
			ASSERT_EQ(map(4, 1, all & ~flags[i]), PAGES(4));
			ASSERT_EQ(vma_at(4)->vm_flags, all);
			ASSERT(unmap(4, 1));
		} else {
			ASSERT_EQ(map(4, 1, all & ~flags[i]), -EINVAL);
		}
		assert_unchanged_since(&before);
	}
	ASSERT_EQ(region_test.warnings, 2 * ARRAY_SIZE(flags) - 2);
}

/* VM_MAY* can be taken away, but not from under access that is asked for. */
static void test_flags_clear(void)
{
	struct snapshot before;

	hook.clear = VM_MAYEXEC;
	ASSERT_EQ(map(4, 1, SHARED), PAGES(4));
	ASSERT_EQ(vma_at(4)->vm_flags, SHARED & ~VM_MAYEXEC);

	hook.clear = VM_MAYWRITE;
	ASSERT_EQ(map(6, 1, SHARED & ~VM_WRITE), PAGES(6));
	ASSERT_EQ(vma_at(6)->vm_flags, SHARED & ~(VM_WRITE | VM_MAYWRITE));
	ASSERT_EQ(region_test.warnings, 0);

	take_snapshot(&before);
	ASSERT_EQ(map(8, 1, SHARED), -EINVAL);
	hook.clear = VM_SHARED;
	ASSERT_EQ(map(8, 1, SHARED), -EINVAL);
	assert_unchanged_since(&before);
	ASSERT_EQ(region_test.warnings, 2);

	/* With the access it can. */
	hook.clear = VM_WRITE | VM_MAYWRITE;
	ASSERT_EQ(map(8, 1, SHARED), PAGES(8));
	ASSERT_EQ(vma_at(8)->vm_flags, SHARED & ~(VM_WRITE | VM_MAYWRITE));
	ASSERT_EQ(pgprot_val(vma_at(8)->vm_page_prot),
		  SHARED & ~(VM_WRITE | VM_MAYWRITE));
}

/* Of all flags, access and VM_MAY* are all that a hook can take away. */
static void test_flags_cleared(void)
{
	struct snapshot before;
	unsigned long refused = 0;
	int bit;

	for (bit = 0; bit < 64; bit++) {
		vm_flags_t flag = 1UL << bit;

		hook.clear = flag;
		if (flag & VMA_PROTO_MAY_CLEAR) {
			ASSERT_EQ(map(4, 1, flag), PAGES(4));
			ASSERT_EQ(vma_at(4)->vm_flags, 0);
			ASSERT(unmap(4, 1));
		} else {
			take_snapshot(&before);
			ASSERT_EQ(map(4, 1, flag), -EINVAL);
			assert_unchanged_since(&before);
			refused++;
		}
	}
	ASSERT_EQ(region_test.warnings, refused);
	/* 64 bits, less 6 that are allowed. */
	ASSERT_EQ(refused, 58);
}

/* Each VM_MAY* stays for as long as the access that it permits is asked for. */
static void test_flags_coherent(void)
{
	static const struct {
		vm_flags_t access;
		vm_flags_t may;
	} pairs[] = {
		{ VM_READ, VM_MAYREAD },
		{ VM_WRITE, VM_MAYWRITE },
		{ VM_EXEC, VM_MAYEXEC },
	};
	const vm_flags_t all = SHARED | VM_EXEC;
	struct snapshot before;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(pairs); i++) {
		vm_flags_t rest = all & ~pairs[i].access;

		hook.clear = pairs[i].may;
		take_snapshot(&before);
		ASSERT_EQ(map(4, 1, all), -EINVAL);
		assert_unchanged_since(&before);
		ASSERT_EQ(region_test.warnings, i + 1);

		ASSERT_EQ(map(4, 1, rest), PAGES(4));
		ASSERT_EQ(vma_at(4)->vm_flags, rest & ~pairs[i].may);
		ASSERT(unmap(4, 1));
	}

	/* What came without its VM_MAY* is not the fault of the hook. */
	hook.clear = 0;
	ASSERT_EQ(map(4, 1, VM_READ | VM_WRITE | VM_SHARED), PAGES(4));
	ASSERT_EQ(region_test.warnings, ARRAY_SIZE(pairs));
}

/* The protection that the hook chose is the mapping's. */
static void test_page_prot(void)
{
	hook.prot = 5UL << 56;
	ASSERT_EQ(map(4, 1, PRIVATE), PAGES(4));
	ASSERT_EQ(pgprot_val(vma_at(4)->vm_page_prot) & TEST_PROT_DRIVER,
		  5UL << 56);

	/* One that chooses none has what its flags imply. */
	hook.prot = 0;
	ASSERT_EQ(map(6, 1, VM_READ | VM_MAYREAD), PAGES(6));
	ASSERT_EQ(pgprot_val(vma_at(6)->vm_page_prot), VM_READ | VM_MAYREAD);
}

/*
 * What is described alike becomes one mapping, and the hook is asked each
 * time.
 *
 *	aa....  aabb..  aa..bb  aaccbb
 */
static void test_merge(void)
{
	int private;

	hook.set = VM_DONTDUMP;
	hook.prot = 1UL << 56;
	hook.private_data = &private;
	ASSERT_EQ(map(2, 2, SHARED), PAGES(2));
	/* With the one before. */
	ASSERT_EQ(map(4, 2, SHARED), PAGES(4));
	assert_mapped(2, 6);
	ASSERT_EQ(mm.map_count, 1);
	/* With the one behind. */
	ASSERT_EQ(map(10, 2, SHARED), PAGES(10));
	ASSERT_EQ(map(8, 2, SHARED), PAGES(8));
	assert_mapped(8, 12);
	ASSERT_EQ(mm.map_count, 2);
	/* With both. */
	ASSERT_EQ(map(6, 2, SHARED), PAGES(6));
	assert_mapped(2, 12);
	ASSERT_EQ(mm.map_count, 1);
	ASSERT_EQ(mm.total_vm, 10);

	ASSERT_EQ(hook.calls, 5);
	ASSERT_EQ(file.f_count, 2);
	ASSERT_EQ(atomic_read(&mapping.i_mmap_writable), 1);
	ASSERT_EQ(vma_at(2)->vm_flags, SHARED | VM_DONTDUMP);
	ASSERT(vma_at(2)->vm_private_data == &private);
}

/*
 * A merge is tried once, with what the hook said: no VMA is allocated for it
 * although the hook changes the flags. A mmap() hook that does the same costs
 * a VMA that is freed again.
 */
static void test_one_merge_attempt(void)
{
	hook.set = VM_DONTDUMP;
	ASSERT_EQ(map(2, 2, SHARED), PAGES(2));
	ASSERT_EQ(region_test.vma_allocs, 1);
	ASSERT_EQ(map(4, 2, SHARED), PAGES(4));
	ASSERT_EQ(mm.map_count, 1);
	ASSERT_EQ(region_test.vma_allocs, 1);

	ASSERT(unmap(0, 0x1000));
	file.f_op = &mmap_fops;
	ASSERT_EQ(map(2, 2, SHARED), PAGES(2));
	ASSERT_EQ(map(4, 2, SHARED), PAGES(4));
	ASSERT_EQ(mm.map_count, 1);
	ASSERT_EQ(region_test.vma_allocs, 3);
	ASSERT_EQ(mmap_calls, 2);
}

/* One thing is described differently, before or behind: two mappings. */
static void test_no_merge(void)
{
	int one, two, i;

	for (i = 0; i < 8; i++) {
		unsigned long next = i & 1 ? 2 : 6;

		hook.vm_ops = &some_ops;
		hook.private_data = &one;
		hook.prot = 1UL << 56;
		hook.set = VM_DONTDUMP;
		ASSERT_EQ(map(4, 2, SHARED), PAGES(4));

		switch (i / 2) {
		case 0:
			hook.vm_ops = &other_ops;
			break;
		case 1:
			hook.private_data = &two;
			break;
		case 2:
			hook.prot = 2UL << 56;
			break;
		case 3:
			hook.set = VM_DONTCOPY;
			break;
		}
		ASSERT_EQ(map(next, 2, SHARED), PAGES(next));
		ASSERT_EQ(mm.map_count, 2);
		assert_mapped(4, 6);
		assert_mapped(next, next + 2);
		ASSERT_EQ(file.f_count, 3);
		ASSERT(unmap(0, 0x1000));
	}
}

/* Special mappings never merge, however alike. */
static void test_special(void)
{
	hook.set = VM_PFNMAP;
	ASSERT_EQ(map(2, 2, SHARED), PAGES(2));
	ASSERT_EQ(map(4, 2, SHARED), PAGES(4));
	ASSERT_EQ(mm.map_count, 2);
}

/*
 * Write notification takes the write bit from vm_page_prot: that is not the
 * hook's doing, and does not keep mappings apart.
 */
static void test_merge_writenotify(void)
{
	hook.vm_ops = &mkwrite_ops;
	hook.prot = 1UL << 56;
	ASSERT_EQ(map(2, 2, SHARED), PAGES(2));
	ASSERT(!(pgprot_val(vma_at(2)->vm_page_prot) & VM_SHARED));
	ASSERT_EQ(map(4, 2, SHARED), PAGES(4));
	assert_mapped(2, 6);
	ASSERT_EQ(mm.map_count, 1);
}

static struct vm_area_struct *protect(unsigned long start, unsigned long end,
				      vm_flags_t flags)
{
	VMA_ITERATOR(vmi, &mm, PAGES(start));
	struct vm_area_struct *vma = vma_lookup(&mm, PAGES(start));
	struct vm_area_struct *prev = vma_prev(&vmi);

	vma_iter_set(&vmi, PAGES(start));
	vma_iter_load(&vmi);
	if (start > vma->vm_start >> PAGE_SHIFT)
		prev = vma;
	vma = vma_modify_flags(&vmi, prev, vma, PAGES(start), PAGES(end), flags);
	if (!IS_ERR(vma)) {
		vm_flags_init(vma, flags);
		vma_set_page_prot(vma);
	}
	return vma;
}

/*
 * mprotect() merges by the same rule. The two differ in their flags at first,
 * then only in what the hook said, if at all.
 */
static void test_mprotect(void)
{
	int one, two;

	hook.private_data = &one;
	ASSERT_EQ(map(2, 2, SHARED), PAGES(2));
	ASSERT_EQ(map(4, 2, SHARED & ~VM_WRITE), PAGES(4));
	ASSERT_EQ(mm.map_count, 2);
	ASSERT(!IS_ERR(protect(4, 6, SHARED)));
	assert_mapped(2, 6);
	ASSERT_EQ(mm.map_count, 1);

	ASSERT(unmap(4, 2));
	hook.private_data = &two;
	ASSERT_EQ(map(4, 2, SHARED & ~VM_WRITE), PAGES(4));
	ASSERT(!IS_ERR(protect(4, 6, SHARED)));
	ASSERT_EQ(mm.map_count, 2);
	assert_mapped(2, 4);
	assert_mapped(4, 6);
}

/* And by the protection, which mprotect() does not take from the driver. */
static void test_mprotect_page_prot(void)
{
	hook.prot = 1UL << 56;
	ASSERT_EQ(map(2, 2, SHARED), PAGES(2));
	ASSERT_EQ(map(4, 2, SHARED & ~VM_WRITE), PAGES(4));
	ASSERT(!IS_ERR(protect(4, 6, SHARED)));
	assert_mapped(2, 6);
	ASSERT_EQ(mm.map_count, 1);

	/* A part, there and back. */
	ASSERT(!IS_ERR(protect(3, 5, SHARED & ~VM_WRITE)));
	ASSERT_EQ(mm.map_count, 3);
	ASSERT(!IS_ERR(protect(3, 5, SHARED)));
	assert_mapped(2, 6);
	ASSERT_EQ(mm.map_count, 1);

	ASSERT(unmap(4, 2));
	hook.prot = 2UL << 56;
	ASSERT_EQ(map(4, 2, SHARED & ~VM_WRITE), PAGES(4));
	ASSERT(!IS_ERR(protect(4, 6, SHARED)));
	ASSERT_EQ(mm.map_count, 2);
	assert_mapped(2, 4);
	assert_mapped(4, 6);
}

/* mremap() that grows a mapping up to the next one merges by the same rule. */
static void test_mremap_grow(void)
{
	int one, two, i;

	for (i = 0; i < 2; i++) {
		VMA_ITERATOR(vmi, &mm, PAGES(2));

		hook.private_data = &one;
		ASSERT_EQ(map(2, 2, SHARED), PAGES(2));
		hook.private_data = i ? &two : &one;
		ASSERT_EQ(map(6, 2, SHARED), PAGES(6));

		vma_iter_load(&vmi);
		ASSERT(vma_merge_extend(&vmi, vma_at(2), PAGES(2)));
		vm_stat_account(&mm, SHARED, 2);
		ASSERT_EQ(mm.map_count, i ? 2 : 1);
		assert_mapped(2, i ? 6 : 8);
		ASSERT(unmap(0, 0x1000));
	}
}

/* So does mremap() that moves one next to another. */
static void test_mremap_move(void)
{
	int one, two, i;

	for (i = 0; i < 2; i++) {
		struct vm_area_struct *vma, *new;
		bool need_rmap_locks;

		hook.private_data = &one;
		ASSERT_EQ(map(2, 2, SHARED), PAGES(2));
		hook.private_data = i ? &two : &one;
		ASSERT_EQ(map_file(&file, 20, 2, SHARED, 4), PAGES(20));

		vma = vma_at(20);
		new = copy_vma(&vma, PAGES(4), PAGES(2), 4, &need_rmap_locks,
			       true);
		ASSERT(new);
		vm_stat_account(&mm, SHARED, 2);
		ASSERT_EQ(mm.map_count, i ? 3 : 2);
		assert_mapped(2, i ? 4 : 6);
		ASSERT(unmap(0, 0x1000));
	}
}

/* Checks see what the hook made of the flags, not what it was given. */
static void test_checks_see_final_flags(void)
{
	struct snapshot before;

	/* The architecture refuses a flag that only the hook sets. */
	take_snapshot(&before);
	region_test.arch_refused = VM_PFNMAP;
	hook.set = VM_PFNMAP;
	ASSERT_EQ(map(4, 1, SHARED), -EINVAL);
	hook.set = 0;
	ASSERT_EQ(region_test.warnings, 0);
	assert_unchanged_since(&before);

	/* A file sealed against writing, whose hook sees to that itself. */
	atomic_set(&mapping.i_mmap_writable, -1);
	ASSERT_EQ(map(4, 1, SHARED & ~VM_WRITE), -EPERM);
	hook.clear = VM_MAYWRITE;
	ASSERT_EQ(map(4, 1, SHARED & ~VM_WRITE), PAGES(4));
	ASSERT_EQ(atomic_read(&mapping.i_mmap_writable), -1);
	ASSERT(unmap(4, 1));
	atomic_set(&mapping.i_mmap_writable, 0);
}

/* Those checks run after the hook, and leave what MAP_FIXED was to replace. */
static void test_checks_keep_victims(void)
{
	struct snapshot before;

	ASSERT_EQ(map(2, 4, PRIVATE), PAGES(2));
	take_snapshot(&before);

	region_test.deny_write_exec = true;
	ASSERT_EQ(map(3, 1, PRIVATE | VM_EXEC), -EACCES);
	assert_unchanged_since(&before);
	ASSERT_EQ(hook.calls, 2);
}

/*
 * Under mlockall() a mapping is locked and counted, unless the hook made it one
 * that cannot be.
 */
static void test_locked(void)
{
	ASSERT_EQ(map(2, 2, SHARED | VM_LOCKED), PAGES(2));
	ASSERT_EQ(map(4, 3, SHARED | VM_LOCKED), PAGES(4));
	assert_mapped(2, 7);
	ASSERT_EQ(vma_at(2)->vm_flags, SHARED | VM_LOCKED);
	ASSERT_EQ(mm.locked_vm, 5);

	hook.set = VM_IO;
	ASSERT_EQ(map(7, 1, SHARED | VM_LOCKED | VM_LOCKONFAULT), PAGES(7));
	ASSERT_EQ(vma_at(7)->vm_flags, SHARED | VM_IO);
	ASSERT_EQ(mm.locked_vm, 5);

	ASSERT(unmap(2, 5));
	ASSERT_EQ(mm.locked_vm, 0);
}

/* Limits that are found out later unwind too, up to the split of the edges. */
static void test_limits(void)
{
	region_test.limit = 4;
	ASSERT_EQ(map(2, 4, PRIVATE), PAGES(2));
	ASSERT_EQ(map(8, 1, PRIVATE), -ENOMEM);
	ASSERT_EQ(region_test.charged, 4);
	ASSERT_EQ(file.f_count, 2);
	/* Replacing needs no more than there is. */
	ASSERT_EQ(map(2, 4, PRIVATE), PAGES(2));

	region_test.limit = 0;
	region_test.fail_charge = true;
	ASSERT_EQ(map(8, 1, PRIVATE), -ENOMEM);
	region_test.fail_charge = false;
	ASSERT_EQ(region_test.charged, 4);
	ASSERT_EQ(file.f_count, 2);
}

/* Memory runs out behind the hook: every count is back where it was. */
static void test_out_of_memory(void)
{
	struct snapshot before;

	ASSERT_EQ(map(2, 2, PRIVATE), PAGES(2));
	take_snapshot(&before);

	region_test.fail_vma_alloc = true;
	ASSERT_EQ(map(6, 2, PRIVATE), -ENOMEM);
	assert_unchanged_since(&before);
	region_test.fail_vma_alloc = false;

	fail_prealloc = true;
	ASSERT_EQ(map(6, 2, PRIVATE), -ENOMEM);
	fail_prealloc = false;
	assert_unchanged_since(&before);
	ASSERT_EQ(hook.calls, 3);
}

/* Two hooks: refused with a warning, and neither is called. */
static void test_both_hooks(void)
{
	struct snapshot before;

	ASSERT_EQ(map(2, 4, PRIVATE), PAGES(2));
	take_snapshot(&before);
	hook.calls = 0;
	file.f_op = &both_fops;
	ASSERT_EQ(map(3, 2, PRIVATE), -EINVAL);
	assert_unchanged_since(&before);
	ASSERT_EQ(region_test.warnings, 1);
	ASSERT_EQ(hook.calls, 0);
	ASSERT_EQ(mmap_calls, 0);
}

/*
 * No hook: there is nothing to map, and that is not worth a warning. do_mmap()
 * asks before anything else.
 */
static void test_no_hook(void)
{
	struct snapshot before;

	take_snapshot(&before);
	ASSERT_EQ(fops_check_mmap(&no_fops), -ENODEV);
	ASSERT_EQ(fops_check_mmap(&mmap_fops), 0);
	ASSERT_EQ(fops_check_mmap(&proto_fops), 0);
	file.f_op = &no_fops;
	ASSERT_EQ(map(3, 2, PRIVATE), -ENODEV);
	assert_unchanged_since(&before);

	ASSERT_EQ(hook.calls, 0);
	ASSERT_EQ(region_test.warnings, 0);
}

/* A file with mmap() is mapped as ever: its hook gets the VMA. */
static void test_old_hook(void)
{
	int private;

	file.f_op = &mmap_fops;
	hook.private_data = &private;
	ASSERT_EQ(map(2, 2, SHARED), PAGES(2));
	ASSERT_EQ(mmap_calls, 1);
	ASSERT(vma_at(2)->vm_ops == &some_ops);
	ASSERT(vma_at(2)->vm_private_data == &private);
	/* And is not asked about what merges. */
	hook.private_data = NULL;
	ASSERT_EQ(map(4, 2, SHARED), PAGES(4));
	ASSERT_EQ(mmap_calls, 1);
	assert_mapped(2, 6);
	ASSERT_EQ(file.f_count, 2);

	/* Its error comes after the old mapping is gone. */
	hook.error = -EBUSY;
	ASSERT_EQ(map_file(&file, 3, 1, SHARED, 99), -EBUSY);
	ASSERT(!vma_at(3));
	ASSERT_EQ(file.f_count, 3);
}

/* Without a file there is no hook to ask. */
static void test_anonymous(void)
{
	ASSERT_EQ(map_file(NULL, 2, 2, PRIVATE, 2), PAGES(2));
	ASSERT_EQ(map_file(NULL, 4, 2, PRIVATE, 4), PAGES(4));
	assert_mapped(2, 6);
	ASSERT(!vma_at(2)->vm_ops);
	ASSERT_EQ(region_test.charged, 4);
	ASSERT_EQ(hook.calls, 0);
}

/* A sealed mapping in the way is found before the hook is called. */
static void test_sealed(void)
{
	struct snapshot before;

	ASSERT_EQ(map(2, 2, PRIVATE), PAGES(2));
	ASSERT_EQ(map(6, 2, PRIVATE), PAGES(6));
	vm_flags_set(vma_at(6), VM_SEALED);
	take_snapshot(&before);
	hook.calls = 0;

	ASSERT_EQ(map(3, 4, PRIVATE), -EPERM);
	ASSERT_EQ(hook.calls, 0);
	assert_unchanged_since(&before);
	/* Its first page, its last page, and none but a part of it. */
	ASSERT_EQ(map(5, 2, PRIVATE), -EPERM);
	ASSERT_EQ(map(7, 2, PRIVATE), -EPERM);
	ASSERT_EQ(map(7, 1, PRIVATE), -EPERM);
	ASSERT_EQ(hook.calls, 0);
	assert_unchanged_since(&before);

	/* Beside it is not in it. */
	ASSERT_EQ(map(3, 3, PRIVATE), PAGES(3));
	ASSERT_EQ(map(8, 1, PRIVATE), PAGES(8));
	ASSERT_EQ(hook.calls, 2);
}

/* The hook may move the mapping within the file, but not beyond its end. */
static void test_pgoff(void)
{
	struct snapshot before;

	hook.add_pgoff = 100;
	ASSERT_EQ(map_file(&file, 2, 2, SHARED, 7), PAGES(2));
	ASSERT_EQ(vma_at(2)->vm_pgoff, 107);
	/* Merging goes by the final offset. */
	hook.add_pgoff = 0;
	ASSERT_EQ(map_file(&file, 4, 2, SHARED, 109), PAGES(4));
	ASSERT_EQ(mm.map_count, 1);

	take_snapshot(&before);
	hook.add_pgoff = ULONG_MAX - 8;
	ASSERT_EQ(map_file(&file, 8, 2, SHARED, 7), -EOVERFLOW);
	assert_unchanged_since(&before);
	/* One page less just fits. */
	ASSERT_EQ(map_file(&file, 8, 2, SHARED, 6), PAGES(8));
	ASSERT_EQ(vma_at(8)->vm_pgoff, ULONG_MAX - 2);
}

/* The file stays the one that was asked for. */
static void test_file_replaced(void)
{
	struct file another = file;
	struct snapshot before;

	take_snapshot(&before);
	hook.file = &another;
	ASSERT_EQ(map(2, 2, SHARED), -EINVAL);
	assert_unchanged_since(&before);
	ASSERT_EQ(another.f_count, 1);
	ASSERT_EQ(region_test.warnings, 1);
}

/* A positive number is not an address. */
static void test_positive_return(void)
{
	struct snapshot before;

	take_snapshot(&before);
	hook.error = 1;
	ASSERT_EQ(map(2, 2, SHARED), -EINVAL);
	assert_unchanged_since(&before);
	ASSERT_EQ(region_test.warnings, 1);
	/* Nor is one that no errno has. */
	hook.error = -5000;
	ASSERT_EQ(map(2, 2, SHARED), -EINVAL);
	assert_unchanged_since(&before);
	ASSERT_EQ(region_test.warnings, 2);
}

/* A hook that names no operations does not make the mapping anonymous. */
static void test_no_vm_ops(void)
{
	int private;

	hook.vm_ops = NULL;
	hook.private_data = &private;
	ASSERT_EQ(map(2, 2, PRIVATE), PAGES(2));
	ASSERT(vma_at(2)->vm_ops == &vma_dummy_vm_ops);
	ASSERT(!vma_is_anonymous(vma_at(2)));
	ASSERT(vma_at(2)->vm_private_data == &private);
	/* And two of them merge. */
	ASSERT_EQ(map(4, 2, PRIVATE), PAGES(4));
	assert_mapped(2, 6);
}

static void *released[4];

static void release(void *object)
{
	released[releases++ % ARRAY_SIZE(released)] = object;
}

static int objects[3];

/* The first is kept in the prototype, the others are not. */
static int hold_three(struct vma_proto *proto)
{
	int i;

	for (i = 0; i < 3; i++) {
		int error = vma_proto_hold(proto, &objects[i], release);

		if (error)
			return error;
	}

	return 0;
}

/* mapped() is told of each new mapping once, and pairs with close(). */
static void test_mapped_once(void)
{
	hook.vm_ops = &mapped_ops;
	hook.private_data = &objects[0];
	ASSERT_EQ(map_file(&file, 2, 3, SHARED, 77), PAGES(2));
	ASSERT_EQ(mapped.calls, 1);
	ASSERT_EQ(mapped.start, PAGES(2));
	ASSERT_EQ(mapped.end, PAGES(5));
	ASSERT_EQ(mapped.pgoff, 77);
	ASSERT(mapped.file == &file);
	ASSERT(mapped.private_data == &objects[0]);
	ASSERT(vma_at(2)->vm_private_data == &mapped_private);

	/* The next is one of its own, even if it has the same private data. */
	hook.private_data = &mapped_private;
	ASSERT_EQ(map_file(&file, 5, 3, SHARED, 80), PAGES(5));
	ASSERT_EQ(mapped.calls, 2);
	ASSERT_EQ(mm.map_count, 2);
	ASSERT(unmap(0, 0x1000));
	ASSERT_EQ(close_calls, 2);
}

/* When mapped() fails nothing is left, and close() is not called. */
static void test_mapped_fails(void)
{
	struct snapshot before;

	ASSERT_EQ(map(2, 2, PRIVATE), PAGES(2));
	hook.vm_ops = &mapped_ops;
	hook.more = hold_three;
	take_snapshot(&before);
	mapped.error = -EBUSY;
	ASSERT_EQ(map(6, 2, PRIVATE), -EBUSY);
	/* What is no errno is no success either. */
	mapped.error = 1;
	ASSERT_EQ(map(6, 2, PRIVATE), -EINVAL);
	assert_unchanged_since(&before);
	ASSERT_EQ(mapped.calls, 2);
	ASSERT_EQ(close_calls, 0);
	ASSERT_EQ(region_test.warnings, 1);
	ASSERT_EQ(releases, 6);
}

/*
 * What MAP_FIXED was to replace is gone by then: a gap is left where it was,
 * and its charge with it.
 */
static void test_mapped_fails_fixed(void)
{
	ASSERT_EQ(map(2, 6, PRIVATE), PAGES(2));
	ASSERT_EQ(region_test.charged, 6);
	hook.vm_ops = &mapped_ops;
	mapped.error = -ENOMEM;
	ASSERT_EQ(map(3, 2, PRIVATE), -ENOMEM);
	ASSERT_EQ(mapped.calls, 1);
	assert_mapped(2, 3);
	ASSERT(!vma_at(3));
	ASSERT(!vma_at(4));
	assert_mapped(5, 8);
	ASSERT_EQ(mm.map_count, 2);
	ASSERT_EQ(mm.total_vm, 4);
	ASSERT_EQ(region_test.charged, 4);
	ASSERT_EQ(file.f_count, 3);
	ASSERT_EQ(close_calls, 0);
}

/* The charge of what is replaced comes back, whichever hook fails, and when. */
static void test_charge_after_failure(void)
{
	int i;

	for (i = 0; i < 4; i++) {
		file.f_op = &proto_fops;
		hook.error = 0;
		ASSERT_EQ(map(2, 6, PRIVATE), PAGES(2));
		file.f_op = i & 1 ? &mmap_fops : &proto_fops;
		if (i < 2)
			region_test.fail_vma_alloc = true;
		else
			hook.error = -EIO;
		/* Larger than what it replaces, and not mergeable. */
		ASSERT(map_file(&file, 4, 8, PRIVATE, 99) < 0);
		region_test.fail_vma_alloc = false;
		hook.error = 0;
		/* The new hook fails before anything is done. */
		ASSERT_EQ(region_test.charged, i == 2 ? 6 : 2);
		ASSERT(unmap(0, 0x1000));
		ASSERT_EQ(region_test.charged, 0);
	}
}

/* What is held is released once, the last first, however the mmap() ends. */
static void test_hold(void)
{
	int i;

	hook.more = hold_three;
	/* Success, a merge, an error of the hook, a refused flag, a limit. */
	for (i = 0; i < 5; i++) {
		long expected[] = { PAGES(2), PAGES(4), -EIO, -EINVAL, -ENOMEM };

		hook.error = i == 2 ? -EIO : 0;
		hook.set = i == 3 ? VM_GROWSDOWN : 0;
		region_test.limit = i == 4 ? 5 : 0;
		releases = 0;
		ASSERT_EQ(map(2 + 2 * i, 2, SHARED), expected[i]);
		ASSERT_EQ(releases, 3);
		ASSERT(released[0] == &objects[2]);
		ASSERT(released[1] == &objects[1]);
		ASSERT(released[2] == &objects[0]);
		ASSERT_EQ(region_test.kmallocs, 0);
	}
	ASSERT_EQ(mm.map_count, 1);
}

/* When there is no memory to note it, it is released there and then. */
static void test_hold_no_memory(void)
{
	struct snapshot before;
	int i;

	hook.more = hold_three;
	take_snapshot(&before);
	for (i = 1; i <= 2; i++) {
		releases = 0;
		region_test.fail_kmalloc = i;
		ASSERT_EQ(map(2, 2, SHARED), -ENOMEM);
		ASSERT_EQ(releases, i + 1);
		ASSERT(released[0] == &objects[i]);
		assert_unchanged_since(&before);
	}
}

/* Before mapped() has run, nothing is released. */
static int release_after_mapped;

static void note_release(void *object)
{
	release_after_mapped += mapped.calls;
}

static int hold_one(struct vma_proto *proto)
{
	return vma_proto_hold(proto, NULL, note_release);
}

static void test_hold_until_mapped(void)
{
	release_after_mapped = 0;
	hook.more = hold_one;
	hook.vm_ops = &mapped_ops;
	ASSERT_EQ(map(2, 2, SHARED), PAGES(2));
	ASSERT_EQ(release_after_mapped, 1);
}

static struct address_space other_mapping;
static struct file other_file;
static int times;

static int set_other_file(struct vma_proto *proto)
{
	int i;

	for (i = 0; i < times; i++)
		vma_proto_set_file(proto, &other_file);
	return 0;
}

static void set_up_other_file(void)
{
	memset(&other_mapping, 0, sizeof(other_mapping));
	memset(&other_file, 0, sizeof(other_file));
	other_file.f_mapping = &other_mapping;
	other_file.f_op = &mmap_fops;
	other_file.f_count = 1;
	hook.more = set_other_file;
	times = 1;
}

/* The file that the hook chose is the one that counts, in every respect. */
static void test_set_file(void)
{
	struct snapshot before;

	set_up_other_file();
	for (times = 1; times <= 2; times++) {
		ASSERT_EQ(map(2, 2, SHARED), PAGES(2));
		ASSERT(vma_at(2)->vm_file == &other_file);
		ASSERT_EQ(other_file.f_count, 2);
		ASSERT_EQ(file.f_count, 1);
		ASSERT_EQ(atomic_read(&other_mapping.i_mmap_writable), 1);
		ASSERT_EQ(atomic_read(&mapping.i_mmap_writable), 0);
		/* Merging too, with no reference more. */
		ASSERT_EQ(map(4, 2, SHARED), PAGES(4));
		assert_mapped(2, 6);
		ASSERT_EQ(other_file.f_count, 2);

		/* And what is described otherwise stays apart. */
		hook.private_data = &objects[0];
		ASSERT_EQ(map(6, 2, SHARED), PAGES(6));
		ASSERT_EQ(mm.map_count, 2);
		hook.private_data = NULL;
		ASSERT(unmap(0, 0x1000));
		ASSERT_EQ(other_file.f_count, 1);
	}

	/* Errors, of the hook and after it. */
	take_snapshot(&before);
	hook.error = -EIO;
	ASSERT_EQ(map(2, 2, SHARED), -EIO);
	hook.error = 0;
	region_test.fail_vma_alloc = true;
	ASSERT_EQ(map(2, 2, SHARED), -ENOMEM);
	region_test.fail_vma_alloc = false;
	hook.vm_ops = &mapped_ops;
	mapped.error = -EIO;
	ASSERT_EQ(map(2, 2, SHARED), -EIO);
	hook.vm_ops = &some_ops;
	/* Sealed: the one that is mapped, not the one that was opened. */
	atomic_set(&other_mapping.i_mmap_writable, -1);
	ASSERT_EQ(map(2, 2, SHARED), -EPERM);
	atomic_set(&other_mapping.i_mmap_writable, 0);
	region_test.sealed = &other_file;
	ASSERT_EQ(map(2, 2, SHARED), -EPERM);
	assert_unchanged_since(&before);
	ASSERT_EQ(other_file.f_count, 1);
	/* Which it is not against reading, as long as that is all. */
	ASSERT_EQ(map(2, 2, SHARED & ~VM_WRITE), PAGES(2));
	ASSERT_EQ(vma_at(2)->vm_flags, SHARED & ~(VM_WRITE | VM_MAYWRITE));
	ASSERT(unmap(0, 0x1000));
	region_test.sealed = NULL;

	atomic_set(&mapping.i_mmap_writable, -1);
	ASSERT_EQ(map(2, 2, SHARED), PAGES(2));
	atomic_set(&mapping.i_mmap_writable, 0);
	ASSERT(unmap(0, 0x1000));
	ASSERT_EQ(atomic_read(&other_mapping.i_mmap_writable), 0);
	ASSERT_EQ(other_file.f_count, 1);
}

/* The file that such a mapping has does not change how mprotect() merges. */
static void test_set_file_mprotect(void)
{
	set_up_other_file();
	hook.private_data = &objects[0];
	ASSERT_EQ(map(2, 2, SHARED), PAGES(2));
	hook.private_data = &objects[1];
	ASSERT_EQ(map(4, 2, SHARED & ~VM_WRITE), PAGES(4));
	ASSERT(!IS_ERR(protect(4, 6, SHARED)));
	ASSERT_EQ(mm.map_count, 2);
	ASSERT(unmap(0, 0x1000));
	ASSERT_EQ(other_file.f_count, 1);
}

static int anonymous(struct vma_proto *proto)
{
	return vma_proto_set_anonymous(proto);
}

/* Private memory of /dev/zero: a file, but no operations. */
static void test_set_anonymous(void)
{
	struct snapshot before;

	hook.more = anonymous;
	hook.vm_ops = NULL;
	ASSERT_EQ(map(2, 2, PRIVATE), PAGES(2));
	ASSERT(vma_is_anonymous(vma_at(2)));
	ASSERT(vma_at(2)->vm_file == &file);
	ASSERT_EQ(region_test.charged, 2);
	ASSERT_EQ(map(4, 2, PRIVATE), PAGES(4));
	assert_mapped(2, 6);
	ASSERT_EQ(file.f_count, 2);

	/* Not what is shared, and not together with operations. */
	take_snapshot(&before);
	ASSERT_EQ(map(8, 2, SHARED), -EINVAL);
	ASSERT_EQ(region_test.warnings, 0);
	hook.vm_ops = &some_ops;
	ASSERT_EQ(map(8, 2, PRIVATE), -EINVAL);
	ASSERT_EQ(region_test.warnings, 1);
	assert_unchanged_since(&before);
}

/* Limits and accounting go by the flags that the hook leaves. */
static void test_limits_see_final_flags(void)
{
	struct snapshot before;

	region_test.mlock_limit = 4;
	hook.set = VM_LOCKED;
	ASSERT_EQ(map(2, 3, SHARED), PAGES(2));
	ASSERT_EQ(mm.locked_vm, 3);
	take_snapshot(&before);
	ASSERT_EQ(map(8, 2, SHARED), -EAGAIN);
	assert_unchanged_since(&before);
	/* One that is never locked in fact is not limited. */
	hook.set = VM_LOCKED | VM_PFNMAP;
	ASSERT_EQ(map(8, 2, SHARED), PAGES(8));
	ASSERT_EQ(vma_at(8)->vm_flags, SHARED | VM_PFNMAP);
	ASSERT_EQ(mm.locked_vm, 3);
	ASSERT(unmap(0, 0x1000));
	ASSERT_EQ(mm.locked_vm, 0);

	hook.set = VM_NORESERVE;
	ASSERT_EQ(map(2, 2, PRIVATE), PAGES(2));
	ASSERT_EQ(region_test.charged, 0);
	hook.set = 0;
	hook.clear = VM_WRITE;
	ASSERT_EQ(map(8, 2, PRIVATE), PAGES(8));
	ASSERT_EQ(region_test.charged, 0);
	hook.clear = 0;

	region_test.deny_write_exec = true;
	hook.set = VM_EXEC;
	take_snapshot(&before);
	ASSERT_EQ(map(20, 2, PRIVATE), -EACCES);
	assert_unchanged_since(&before);
	ASSERT_EQ(region_test.warnings, 0);
}

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
}

static const struct {
	const char *name;
	void (*run)(void);
} tests[] = {
	{ "success", test_success },
	{ "all fields populated before the hook", test_populated },
	{ "fields that a hook may not change", test_immutable },
	{ "error of the hook", test_error },
	{ "error of the hook under MAP_FIXED", test_error_keeps_victims },
	{ "MAP_FIXED over several mappings", test_map_fixed },
	{ "flags that a hook may set", test_flags_set },
	{ "access that was not asked for", test_access_set },
	{ "flags that a hook may clear", test_flags_clear },
	{ "flags that a hook may not clear", test_flags_cleared },
	{ "access that was asked for", test_flags_coherent },
	{ "page_prot", test_page_prot },
	{ "merge before, behind and with both", test_merge },
	{ "one merge attempt", test_one_merge_attempt },
	{ "no merge of what differs", test_no_merge },
	{ "no merge of special mappings", test_special },
	{ "merge despite write notification", test_merge_writenotify },
	{ "merge by mprotect", test_mprotect },
	{ "merge by mprotect and page_prot", test_mprotect_page_prot },
	{ "merge by mremap that grows", test_mremap_grow },
	{ "merge by mremap that moves", test_mremap_move },
	{ "checks see the final flags", test_checks_see_final_flags },
	{ "checks leave the address space alone", test_checks_keep_victims },
	{ "locked memory", test_locked },
	{ "limits", test_limits },
	{ "out of memory", test_out_of_memory },
	{ "both hooks set", test_both_hooks },
	{ "no hook", test_no_hook },
	{ "the old hook", test_old_hook },
	{ "anonymous memory", test_anonymous },
	{ "sealed mapping in the way", test_sealed },
	{ "pgoff", test_pgoff },
	{ "replaced file", test_file_replaced },
	{ "positive return value", test_positive_return },
	{ "no vm_ops", test_no_vm_ops },
	{ "mapped()", test_mapped_once },
	{ "mapped() that fails", test_mapped_fails },
	{ "mapped() that fails under MAP_FIXED", test_mapped_fails_fixed },
	{ "charge after a failure under MAP_FIXED", test_charge_after_failure },
	{ "held objects", test_hold },
	{ "held objects without memory", test_hold_no_memory },
	{ "held until mapped()", test_hold_until_mapped },
	{ "file chosen by the hook", test_set_file },
	{ "file chosen by the hook, mprotect", test_set_file_mprotect },
	{ "anonymous memory of a file", test_set_anonymous },
	{ "limits see the final flags", test_limits_see_final_flags },
	{ "remap a pfn range", test_remap },
	{ "remap that cannot be", test_remap_refused },
	{ "map I/O memory", test_iomap },
	{ "map an array of pages", test_pages_array },
	{ "map single pages", test_pages_single },
	{ "map a vmalloc area", test_vmalloc },
	{ "map DMA memory", test_dma },
	{ "no merge of DMA memory", test_dma_no_merge },
	{ "several actions", test_several },
	{ "actions that do not go together", test_do_not_mix },
	{ "actions that overlap, out of order", test_overlap_out_of_order },
	{ "flags that actions rely on", test_flags_of_actions },
	{ "remap and take writing away", test_remap_read_only },
	{ "actions, mapped() and holds in order", test_actions_before_mapped },
};

static bool passes(void (*run)(void))
{
	if (setjmp(test_failed))
		return false;

	set_up();
	run();
	tear_down();
	return true;
}

int main(void)
{
	int failed = 0;
	size_t i;

	setvbuf(stdout, NULL, _IOLBF, 0);
	maple_tree_init();

	printf("TAP version 13\n1..%zu\n", ARRAY_SIZE(tests));
	for (i = 0; i < ARRAY_SIZE(tests); i++) {
		bool good = passes(tests[i].run);

		failed += !good;
		printf("%s %zu - %s: %lu hook calls, %lu VMAs\n",
		       good ? "ok" : "not ok", i + 1, tests[i].name,
		       hook.calls, region_test.vma_allocs);
	}

	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
