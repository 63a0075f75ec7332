/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The world of the tests of mmap_region(): an address space, files whose hooks
 * do what a test says, and what there is to look at. Each program of tests
 * includes it once, and with it the code under test.
 */
#ifndef _MMAP_WORLD_H
#define _MMAP_WORLD_H

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

/* Complaints of the core, which a test must expect. */
static unsigned long complaints;

/*
 * Links between VMAs and the anon_vma that they use, as mm/rmap.c keeps them,
 * but for the interval trees.
 */
static inline int link_anon_vma(struct vm_area_struct *vma,
				struct anon_vma *anon_vma)
{
	struct anon_vma_chain *avc = calloc(1, sizeof(*avc));

	if (!avc)
		abort();
	avc->anon_vma = anon_vma;
	list_add(&avc->same_vma, &vma->anon_vma_chain);
	vma->anon_vma = anon_vma;
	return 0;
}

static inline void test_unlink_anon_vmas(struct vm_area_struct *vma)
{
	struct anon_vma_chain *avc, *next;

	list_for_each_entry_safe(avc, next, &vma->anon_vma_chain, same_vma) {
		list_del(&avc->same_vma);
		free(avc);
	}
	vma->anon_vma = NULL;
}

static inline int test_anon_vma_clone(struct vm_area_struct *dst,
				      struct vm_area_struct *src)
{
	struct anon_vma_chain *avc;

	list_for_each_entry(avc, &src->anon_vma_chain, same_vma) {
		link_anon_vma(dst, avc->anon_vma);
		if (inject(INJECT_ANON_VMA)) {
			test_unlink_anon_vmas(dst);
			return -ENOMEM;
		}
	}

	return 0;
}

/* The VMA goes away, and with it its links: @vma has the same. */
static inline void test_anon_vma_merge(struct vm_area_struct *vma,
				       struct vm_area_struct *next)
{
	test_unlink_anon_vmas(next);
}

/* Page tables hold on to the links until they are freed. */
static inline void test_free_pgtables(struct mmu_gather *tlb,
				      struct ma_state *mas,
				      struct vm_area_struct *vma,
				      unsigned long floor,
				      unsigned long ceiling, bool mm_wr_locked)
{
	do {
		test_unlink_anon_vmas(vma);
		unlink_file_vma(vma);
		vma = mas_find(mas, ceiling - 1);
	} while (vma);
}

/* Nodes of the maple tree: mmap_world.h is linked with --wrap of this. */
void *__real_kmem_cache_alloc_lru(struct kmem_cache *cache,
				  struct list_lru *lru, int gfp);
void *__wrap_kmem_cache_alloc_lru(struct kmem_cache *cache,
				  struct list_lru *lru, int gfp);

void *__wrap_kmem_cache_alloc_lru(struct kmem_cache *cache,
				  struct list_lru *lru, int gfp)
{
	/* What cannot sleep always fails here, and is tried again. */
	if ((gfp & __GFP_DIRECT_RECLAIM) && !(gfp & __GFP_NOFAIL) &&
	    inject(INJECT_NODE))
		return NULL;

	return __real_kmem_cache_alloc_lru(cache, lru, gfp);
}

/* Set: no nodes of the maple tree can be had. */
static bool fail_prealloc;

static inline int test_prealloc(struct vma_iterator *vmi,
				struct vm_area_struct *vma)
{
	return fail_prealloc ? -ENOMEM :
			       mas_preallocate(&vmi->mas, vma, GFP_KERNEL);
}

static inline int test_dup_policy(struct vm_area_struct *src,
				  struct vm_area_struct *dst)
{
	return inject(INJECT_POLICY) ? -ENOMEM : 0;
}

static inline int test_unmap_prep(struct vm_area_struct *vma,
				  unsigned long start, unsigned long end,
				  struct list_head *uf)
{
	return inject(INJECT_UFFD) ? -ENOMEM : 0;
}

/* VMAs in the interval tree of their file: there is none, but they count. */
static inline void test_link_vma(struct vm_area_struct *vma,
				 struct rb_root_cached *root)
{
	complaints += root != &vma->vm_file->f_mapping->i_mmap;
	region_test.linked++;
}

static inline void test_unlink_vma(struct vm_area_struct *vma,
				   struct rb_root_cached *root)
{
	complaints += root != &vma->vm_file->f_mapping->i_mmap;
	region_test.linked--;
}

/* Set: how many mappings there may be. */
static int max_map_count;

#undef sysctl_max_map_count
#define sysctl_max_map_count max_map_count

#undef WARN_ON
#define WARN_ON(_condition)						\
	({								\
		bool __complains = !!(_condition);			\
									\
		if (__complains) {					\
			complaints++;					\
			printf("# %s:%d: %s\n", __FILE__, __LINE__,	\
			       #_condition);				\
		}							\
		__complains;						\
	})
#undef WARN_ON_ONCE
#define WARN_ON_ONCE(_condition) WARN_ON(_condition)

#define vma_iter_prealloc(vmi, vma) test_prealloc(vmi, vma)
#define vm_area_alloc(mm) test_vm_area_alloc(mm)
#define vm_area_dup(vma) test_vm_area_dup(vma)
#define vm_area_free(vma) test_vm_area_free(vma)
#define __vm_area_free(vma) test_vm_area_free(vma)
#define anon_vma_clone(dst, src) test_anon_vma_clone(dst, src)
#define unlink_anon_vmas(vma) test_unlink_anon_vmas(vma)
#define anon_vma_merge(vma, next) test_anon_vma_merge(vma, next)
#define free_pgtables(tlb, mas, vma, floor, ceiling, locked)		\
	test_free_pgtables(tlb, mas, vma, floor, ceiling, locked)
#define vma_dup_policy(src, dst) test_dup_policy(src, dst)
#define userfaultfd_unmap_prep(vma, start, end, uf)			\
	test_unmap_prep(vma, start, end, uf)
#define vma_interval_tree_insert(vma, root) test_link_vma(vma, root)
#define vma_interval_tree_remove(vma, root) test_unlink_vma(vma, root)
#define kmalloc(size, gfp) test_kmalloc(size, gfp)
#define kzalloc(size, gfp) test_kmalloc(size, gfp)
#define kfree(memory) test_kfree(memory)

/* A function that is compiled into others is counted as part of these. */
#ifdef COVERAGE
#undef __always_inline
#define __always_inline inline
#endif

/* The code under test. */
#include "../../../mm/vma.c"
#include "../../../mm/vma_proto.c"
#include "../../../mm/vma_proto_action.c"

#undef vma_iter_prealloc
#undef vm_area_alloc
#undef vm_area_dup
#undef vm_area_free
#undef __vm_area_free
#undef anon_vma_clone
#undef unlink_anon_vmas
#undef anon_vma_merge
#undef free_pgtables
#undef vma_dup_policy
#undef userfaultfd_unmap_prep
#undef vma_interval_tree_insert
#undef vma_interval_tree_remove
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
	int (*live)(struct vm_area_struct *vma);
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
	if (inject(INJECT_HOOK))
		return -EIO;
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
	if (inject(INJECT_HOOK))
		return -EIO;
	vm_flags_set(vma, hook.set);
	vma->vm_page_prot = __pgprot(pgprot_val(vma->vm_page_prot) | hook.prot);
	vma->vm_ops = hook.vm_ops ?: &vma_dummy_vm_ops;
	vma->vm_private_data = hook.private_data;
	if (hook.live) {
		int error = hook.live(vma);

		if (error)
			return error;
	}

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

	return inject(INJECT_MAPPED) ? -EIO : mapped.error;
}

static unsigned long special_calls;

static struct page *test_special_page(struct vm_area_struct *vma,
				      unsigned long addr)
{
	special_calls++;
	return NULL;
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
	.find_special_page = test_special_page,
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

static inline void take_snapshot(struct snapshot *snapshot)
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

static inline bool vmas_equal(const struct vm_area_struct *a,
			      const struct vm_area_struct *b)
{
	return a->vm_start == b->vm_start && a->vm_end == b->vm_end &&
	       a->vm_pgoff == b->vm_pgoff && a->vm_flags == b->vm_flags &&
	       a->vm_file == b->vm_file && a->vm_ops == b->vm_ops &&
	       a->vm_private_data == b->vm_private_data &&
	       a->detached == b->detached &&
	       pgprot_val(a->vm_page_prot) == pgprot_val(b->vm_page_prot);
}

static inline void assert_unchanged_since(const struct snapshot *before)
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

static inline void set_up(void)
{
	memset(&mm, 0, sizeof(mm));
	memset(&mapping, 0, sizeof(mapping));
	memset(&file, 0, sizeof(file));
	memset(&hook, 0, sizeof(hook));
	memset(&region_test, 0, sizeof(region_test));
	memset(&mapped, 0, sizeof(mapped));
	memset(&page_table, 0, sizeof(page_table));
	memset(&test_pages, 0, sizeof(test_pages));
	inject_at(0);
	fail_prealloc = false;
	complaints = 0;
	max_map_count = 0xffff;
	mmap_calls = 0;
	close_calls = 0;
	special_calls = 0;
	releases = 0;

	mt_init_flags(&mm.mm_mt, MT_FLAGS_ALLOC_RANGE | MT_FLAGS_LOCK_EXTERN);
	file.f_mapping = &mapping;
	file.f_op = &proto_fops;
	file.f_count = 1;
	hook.vm_ops = &some_ops;
	test_task.mm = &mm;
}

static inline bool unmap(unsigned long start, unsigned long nr_pages)
{
	VMA_ITERATOR(vmi, &mm, PAGES(start));
	LIST_HEAD(uf);

	return !do_vmi_munmap(&vmi, &mm, PAGES(start), PAGES(nr_pages), &uf,
			      false);
}

/* Whatever the test mapped, unmapping it returns every count to zero. */
static inline void tear_down(void)
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
	ASSERT_EQ(region_test.vmas, 0);
	ASSERT_EQ(region_test.linked, 0);
	ASSERT_EQ(complaints, 0);
	ASSERT_EQ(page_table.nr_entries, 0);
	for (i = 0; i < NR_TEST_PAGES; i++)
		ASSERT_EQ(test_pages[i].refs, 0);
	mtree_destroy(&mm.mm_mt);
}

static inline long map_file(struct file *which, unsigned long start,
			    unsigned long nr_pages, vm_flags_t flags,
			    pgoff_t pgoff)
{
	LIST_HEAD(uf);

	return mmap_region(which, PAGES(start), PAGES(nr_pages), flags, pgoff,
			   &uf);
}

/* Map the file so that its offset equals the address: neighbours may merge. */
static inline long map(unsigned long start, unsigned long nr_pages,
		       vm_flags_t flags)
{
	return map_file(&file, start, nr_pages, flags, start);
}

static inline struct vm_area_struct *vma_at(unsigned long page)
{
	return vma_lookup(&mm, PAGES(page));
}

static inline void assert_mapped(unsigned long start, unsigned long end)
{
	struct vm_area_struct *vma = vma_at(start);

	ASSERT(vma);
	ASSERT_EQ(vma->vm_start, PAGES(start));
	ASSERT_EQ(vma->vm_end, PAGES(end));
	ASSERT_EQ(vma->vm_pgoff, start);
}

/* As mprotect() does for a range within one mapping. */
static inline struct vm_area_struct *
protect(unsigned long start, unsigned long end, vm_flags_t flags)
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

static void *released[4];

static inline void release(void *object)
{
	released[releases++ % ARRAY_SIZE(released)] = object;
}

static int objects[3];

/* The first is kept in the prototype, the others are not. */
static inline int hold_three(struct vma_proto *proto)
{
	int i;

	for (i = 0; i < 3; i++) {
		int error = vma_proto_hold(proto, &objects[i], release);

		if (error)
			return error;
	}

	return 0;
}

static inline int anonymous(struct vma_proto *proto)
{
	return vma_proto_set_anonymous(proto);
}

struct mmap_test {
	const char *name;
	void (*run)(void);
};

static inline bool passes(const struct mmap_test *test)
{
	if (setjmp(test_failed))
		return false;

	set_up();
	test->run();
	tear_down();
	return true;
}

/* Run each of the tests in a world of its own; returns what main() returns. */
static inline int run_tests(const struct mmap_test *tests, size_t nr)
{
	int failed = 0;
	size_t i;

	setvbuf(stdout, NULL, _IOLBF, 0);
	maple_tree_init();

	printf("TAP version 13\n1..%zu\n", nr);
	for (i = 0; i < nr; i++) {
		bool good = passes(&tests[i]);

		failed += !good;
		printf("%s %zu - %s: %lu hook calls, %lu VMAs\n",
		       good ? "ok" : "not ok", i + 1, tests[i].name,
		       hook.calls, region_test.vma_allocs);
	}

	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif /* _MMAP_WORLD_H */
