/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The world of one test case of mmap_proto(): an address space, a file whose
 * hook does what the case says, and counts of what was called.
 */
#ifndef _MMAP_PROTO_KUNIT_H
#define _MMAP_PROTO_KUNIT_H

#include <kunit/test.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/vma_proto.h>

#define RW (PROT_READ | PROT_WRITE)
#define PAGES(n) ((unsigned long)(n) << PAGE_SHIFT)

/* How many objects a hook holds at most. */
#define NR_HOLDS 3

/*
 * struct mmap_proto_world - what a case sets up, and what it finds
 *
 * The hook does what is set, in the order of the members, and notes what it was
 * given in @seen. The calls of everything are counted.
 */
struct mmap_proto_world {
	/* The address space, which the thread of the case uses. */
	struct mm_struct *mm;
	/* A file with the hook; the case has the only reference. */
	struct file *file;

	/* What the hook does. */
	struct file *swap;
	vm_flags_t set;
	vm_flags_t clear;
	pgoff_t add_pgoff;
	const struct vm_operations_struct *vm_ops;
	void *private_data;
	int holds;
	int (*request)(struct vma_proto *proto);
	int error;

	/* What mapped() does. */
	void *new_private;
	int mapped_error;

	/* What the hook found in the prototype. */
	struct {
		int calls;
		struct mm_struct *mm;
		unsigned long start;
		unsigned long end;
		pgoff_t pgoff;
		struct file *file;
		vm_flags_t flags;
		pgprot_t page_prot;
		bool wrote_only;
	} seen;

	/* What mapped() was told. */
	struct {
		int calls;
		int failed;
		unsigned long start;
		unsigned long end;
		pgoff_t pgoff;
		struct file *file;
		void *private_data;
		/* References of @page, if it is set. */
		struct page *page;
		int refs;
		/* How often close() was called before. */
		int closed;
	} mapped;

	/* Calls of open() and close(), and the private data at the last. */
	int opened;
	int closed;
	void *closed_private;

	/* What the hook held. */
	int held;
	/* What the core released, and how often mapped() was called before. */
	struct {
		int calls;
		int order[NR_HOLDS];
		int mapped;
	} released;

	/* The pages of mmap_proto_alloc_pages(). */
	struct page **pages;
	int nr_pages;

	bool ended;
};

extern struct mmap_proto_world world;

/* open() and close() of these count, and so does mapped() of the second. */
extern const struct vm_operations_struct mmap_proto_ops;
extern const struct vm_operations_struct mmap_proto_mapped_ops;
extern const struct file_operations mmap_proto_fops;

int mmap_proto_begin(struct kunit *test);
void mmap_proto_expect_unused(struct kunit *test, struct file *file);
void mmap_proto_end(struct kunit *test);
void mmap_proto_check_end(struct kunit *test);

struct file *mmap_proto_open(struct kunit *test,
			     const struct file_operations *fops, int flags);
struct page **mmap_proto_alloc_pages(struct kunit *test, int order);
u32 mmap_proto_word(int page);

unsigned long mmap_proto_map(unsigned long nr_pages, unsigned long prot,
			     unsigned long flags);

#ifdef CONFIG_MMU
pte_t mmap_proto_entry(unsigned long addr);
struct vm_area_struct *mmap_proto_vma(unsigned long addr);
long mmap_proto_syscall(struct kunit *test, unsigned int nr, unsigned long a,
			unsigned long b, unsigned long c, unsigned long d,
			unsigned long e);
#endif

#endif /* _MMAP_PROTO_KUNIT_H */
