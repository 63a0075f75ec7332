/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A model of an address space that is as simple as can be: an array of pages,
 * each with all that is to be known of it. It says what the VMAs, the page
 * table and every count must be, and knows the rules by which VMAs merge, but
 * nothing of how they are kept.
 */
#ifndef _MMAP_MODEL_H
#define _MMAP_MODEL_H

#include "mmap_world.h"

/* The pages that operations work on, and the page number of the first. */
#define MODEL_PAGES	64
#define MODEL_BASE	16

struct model_page {
	bool mapped;
	/* Does a VMA start here? */
	bool first;

	/* The same for all pages of a VMA. */
	vm_flags_t flags;
	struct file *file;
	const struct vm_operations_struct *vm_ops;
	void *private_data;
	pgprotval_t prot;
	struct anon_vma *anon_vma;
	int anon_links;

	pgoff_t pgoff;

	/* The entry of the page table, if there is one. */
	bool present;
	unsigned long pfn;
	pgprotval_t entry_prot;
	struct page *page;
};

struct model {
	struct model_page pages[MODEL_PAGES];
	/* Calls of vm_ops->close(). */
	unsigned long closes;
};

/* Files of the world. */
enum {
	FILE_PROTO,
	FILE_OTHER,
	FILE_MMAP,
	FILE_BOTH,
	FILE_NEITHER,
	FILE_SHMEM,
	NR_FILES,
	NO_FILE = NR_FILES,
};

static struct file files[NR_FILES];
static struct address_space mappings[NR_FILES];

/* What mapped(), open() and close() count mappings by. */
static struct token {
	long users;
} tokens[4];

static struct anon_vma anon_vmas[8];

static inline bool has_close(const struct model_page *page)
{
	return page->vm_ops && page->vm_ops->close;
}

/* First page behind the VMA that has page @at. */
static inline int model_end(const struct model *model, int at)
{
	do {
		at++;
	} while (at < MODEL_PAGES && model->pages[at].mapped &&
		 !model->pages[at].first);

	return at;
}

static inline int model_start(const struct model *model, int at)
{
	while (!model->pages[at].first)
		at--;

	return at;
}

/* Let a VMA start at page @at, if there is one. */
static inline void model_split(struct model *model, int at)
{
	if (at < MODEL_PAGES && model->pages[at].mapped)
		model->pages[at].first = true;
}

static inline void model_remove(struct model *model, int start, int end)
{
	int i;

	model_split(model, start);
	model_split(model, end);
	for (i = start; i < end; i++) {
		struct model_page *page = &model->pages[i];

		if (page->mapped && page->first && has_close(page))
			model->closes++;
		memset(page, 0, sizeof(*page));
	}
}

static inline bool model_is_sealed(const struct model *model, int start, int end)
{
	int i;

	for (i = start; i < end; i++) {
		if (model->pages[i].mapped && model->pages[i].flags & VM_SEALED)
			return true;
	}

	return false;
}

/*
 * What refuses to be unmapped because a part is sealed may have been split at
 * its start before that was seen.
 */
static inline void model_refuse_sealed(struct model *model, int start)
{
	const struct model_page *page = &model->pages[start];

	if (page->mapped && !(page->flags & VM_SEALED))
		model_split(model, start);
}

/* Pages that have all of @flags. */
static inline long model_count(const struct model *model, vm_flags_t flags)
{
	long count = 0;
	int i;

	for (i = 0; i < MODEL_PAGES; i++)
		count += model->pages[i].mapped &&
			 (model->pages[i].flags & flags) == flags;

	return count;
}

/* Give the pages what the VMA of @like has, but for their offsets. */
static inline void model_spread(struct model *model, const struct model_page *like,
				int start, int end)
{
	const struct model_page source = *like;
	int i;

	for (i = start; i < end; i++) {
		struct model_page *page = &model->pages[i];

		page->mapped = true;
		page->first = false;
		page->flags = source.flags;
		page->file = source.file;
		page->vm_ops = source.vm_ops;
		page->private_data = source.private_data;
		page->prot = source.prot;
		page->anon_vma = source.anon_vma;
		page->anon_links = source.anon_links;
	}
}

/* The protection that write notification leaves the VMA of page @at. */
static inline void model_set_prot(struct model *model, int at)
{
	const int end = model_end(model, at);
	int i;

	for (i = model_start(model, at); i < end; i++) {
		struct model_page *page = &model->pages[i];
		vm_flags_t flags = page->flags;
		bool notify = page->vm_ops && page->vm_ops->page_mkwrite;

		if (page->file && !(flags & VM_PFNMAP))
			notify = true;
		if (notify && (flags & VM_SHARED) && (flags & VM_WRITE))
			flags &= ~VM_SHARED;
		page->prot = (page->prot & TEST_PROT_DRIVER) | flags;
	}
}

/* May the pages, which are @pgoffs pages apart in their VMA, be one VMA? */
static inline bool model_alike(const struct model_page *there,
			       const struct model_page *new, long pgoffs,
			       bool described)
{
	if (!there->mapped || there->flags != new->flags ||
	    there->file != new->file || there->pgoff + pgoffs != new->pgoff)
		return false;
	if (there->anon_vma != new->anon_vma &&
	    ((there->anon_vma && new->anon_vma) || there->anon_links != 1))
		return false;
	if (!described || !new->file)
		return true;

	return there->vm_ops == new->vm_ops &&
	       there->private_data == new->private_data &&
	       !((there->prot ^ new->prot) & TEST_PROT_DRIVER);
}

static inline bool anon_vmas_compatible(const struct model_page *a,
					const struct model_page *b)
{
	return !a->anon_vma || !b->anon_vma || a->anon_vma == b->anon_vma;
}

/* The VMA of page @at gets the anon_vma of @from, if it has none. */
static inline void model_take_anon_vma(struct model *model, int at,
				       const struct model_page *from)
{
	const struct anon_vma *before = model->pages[at].anon_vma;
	struct anon_vma *anon_vma = from->anon_vma;
	const int links = from->anon_links;
	const int end = model_end(model, at);
	int i;

	if (before || !anon_vma)
		return;
	for (i = model_start(model, at); i < end; i++) {
		model->pages[i].anon_vma = anon_vma;
		model->pages[i].anon_links = links;
	}
}

/*
 * The free pages become mapped as @new says, whose offset is that of the first
 * of them. With @merge they join the VMAs before and behind them if they may.
 * Returns whether they did.
 */
static inline bool model_add(struct model *model, const struct model_page *new,
			     int start, int end, bool merge, bool described)
{
	struct model_page *pages = model->pages;
	struct model_page *prev = start ? &pages[start - 1] : NULL;
	struct model_page *next = end < MODEL_PAGES ? &pages[end] : NULL;
	const struct model_page first = *new;
	bool left, right;
	int i;

	if (first.flags & VM_SPECIAL)
		merge = false;
	left = merge && prev && model_alike(prev, &first, 1, described);
	right = merge && next &&
		model_alike(next, &first, start - end, described);
	if (left && right &&
	    (has_close(next) || !anon_vmas_compatible(prev, next)))
		right = false;

	if (left) {
		model_spread(model, prev, start, end);
		if (right) {
			const struct model_page was = *next;
			const int behind = model_end(model, end);

			model_spread(model, prev, end, behind);
			model_take_anon_vma(model, start, &was);
		}
	} else if (right) {
		model_spread(model, next, start, end);
		pages[start].first = true;
		next->first = false;
	} else {
		model_spread(model, &first, start, end);
		pages[start].first = true;
	}
	for (i = start; i < end; i++)
		pages[i].pgoff = first.pgoff + i - start;

	return left || right;
}

/* Give pages of one VMA other flags; VMAs merge as the rules say. */
static inline void model_modify(struct model *model, int start, int end,
				vm_flags_t flags)
{
	struct model_page *pages = model->pages;
	const struct model_page was = pages[start];
	struct model_page first = was, last = pages[end - 1];
	const bool left_side = was.first;
	const bool right_side = model_end(model, start) == end;
	bool left = false, right = false;
	int behind, i;

	first.flags = flags;
	last.flags = flags;
	if (!(flags & VM_SPECIAL)) {
		left = left_side && start &&
		       model_alike(&pages[start - 1], &first, 1, true);
		right = right_side && end < MODEL_PAGES &&
			model_alike(&pages[end], &last, -1, true);
	}
	if (left && right &&
	    !anon_vmas_compatible(&pages[start - 1], &pages[end]))
		right = false;
	/* A VMA that is to be closed does not vanish. */
	if (left_side && right_side && has_close(&was)) {
		left = false;
		right = false;
	}
	if (left && right && has_close(&pages[end]))
		right = false;

	if (left) {
		const struct model_page next = right ? pages[end] : was;

		behind = right ? model_end(model, end) : end;
		model_spread(model, &pages[start - 1], start, behind);
		model_split(model, behind);
		model_take_anon_vma(model, start, next.anon_vma ? &next : &was);
	} else if (right) {
		model_spread(model, &pages[end], start, end);
		pages[start].first = true;
		pages[end].first = false;
		model_take_anon_vma(model, start, &was);
	} else {
		model_split(model, start);
		model_split(model, end);
	}

	behind = model_end(model, start);
	for (i = model_start(model, start); i < behind; i++)
		pages[i].flags = flags;
	model_set_prot(model, start);
}

/* What was different when they were compared. */
static char difference[200];

static inline __printf(1, 2) bool differs(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(difference, sizeof(difference), format, arguments);
	va_end(arguments);
	return false;
}

/* Is what page @i has what it should have? */
static inline bool same(const char *what, int i, unsigned long is,
			unsigned long wanted)
{
	return is == wanted ||
	       differs("%s of %d is 0x%lx, not 0x%lx", what, i, is, wanted);
}

#define SAME(_what, _i, _is, _wanted)					\
	same(_what, _i, (unsigned long)(_is), (unsigned long)(_wanted))

static inline bool vma_matches(const struct model *model,
			       const struct vm_area_struct *vma, int start,
			       int end)
{
	const struct list_head *link;
	int links = 0, i;

	list_for_each(link, &vma->anon_vma_chain)
		links++;
	for (i = start; i < end; i++) {
		const struct model_page *page = &model->pages[i];

		if (!(SAME("mapped", i, 1, page->mapped) &&
		      SAME("first", i, i == start, page->first) &&
		      SAME("vm_flags", i, vma->vm_flags, page->flags) &&
		      SAME("vm_pgoff", i, vma->vm_pgoff + i - start, page->pgoff) &&
		      SAME("vm_file", i, vma->vm_file, page->file) &&
		      SAME("vm_ops", i, vma->vm_ops, page->vm_ops) &&
		      SAME("private data", i, vma->vm_private_data, page->private_data) &&
		      SAME("vm_page_prot", i, pgprot_val(vma->vm_page_prot), page->prot) &&
		      SAME("anon_vma", i, vma->anon_vma, page->anon_vma) &&
		      SAME("anon_vma links", i, links, page->anon_links) &&
		      SAME("detached", i, vma->detached, false)))
			return false;
	}
	if (end < MODEL_PAGES && model->pages[end].mapped &&
	    !model->pages[end].first)
		return differs("a VMA ends at page %d", end);

	return true;
}

static inline bool vmas_match(const struct model *model)
{
	VMA_ITERATOR(vmi, &mm, 0);
	struct vm_area_struct *vma;
	int i = 0;

	for_each_vma(vmi, vma) {
		int start = (vma->vm_start >> PAGE_SHIFT) - MODEL_BASE;
		int end = (vma->vm_end >> PAGE_SHIFT) - MODEL_BASE;

		if (start < i || end <= start || end > MODEL_PAGES)
			return differs("a VMA from %d to %d", start, end);
		for (; i < start; i++)
			if (!SAME("mapped", i, 0, model->pages[i].mapped))
				return false;
		if (!vma_matches(model, vma, start, end))
			return false;
		i = end;
	}
	for (; i < MODEL_PAGES; i++)
		if (!SAME("mapped", i, 0, model->pages[i].mapped))
			return false;

	return true;
}

static inline bool entries_match(const struct model *model)
{
	long refs[NR_TEST_PAGES] = { };
	int count = 0, i;

	for (i = 0; i < MODEL_PAGES; i++) {
		const struct model_page *page = &model->pages[i];
		int entry = find_entry(PAGES(MODEL_BASE + i));

		if (!SAME("present", i, entry >= 0, page->present))
			return false;
		if (entry < 0)
			continue;
		count++;
		if (!(SAME("pfn", i, page_table.entries[entry].pfn, page->pfn) &&
		      SAME("struct page", i, page_table.entries[entry].page, page->page) &&
		      SAME("protection", i, page_table.entries[entry].prot, page->entry_prot)))
			return false;
		if (page->page)
			refs[page->page - test_pages]++;
	}
	if (count != page_table.nr_entries)
		return differs("%d entries, not %d", page_table.nr_entries,
			       count);
	for (i = 0; i < NR_TEST_PAGES; i++)
		if (!SAME("page references", i, test_pages[i].refs, refs[i]))
			return false;

	return true;
}

static inline bool counts_match(const struct model *model)
{
	long vmas = 0, linked = 0, f_count[NR_FILES] = { };
	long writable[NR_FILES] = { }, users[ARRAY_SIZE(tokens)] = { };
	long data = 0, exec = 0;
	int i;

	for (i = 0; i < MODEL_PAGES; i++) {
		const struct model_page *page = &model->pages[i];
		vm_flags_t kind = page->flags &
				  (VM_WRITE | VM_EXEC | VM_SHARED);

		if (!page->mapped)
			continue;
		exec += (kind & ~VM_SHARED) == VM_EXEC;
		data += (kind & ~VM_EXEC) == VM_WRITE;
		if (!page->first)
			continue;
		vmas++;
		if (page->vm_ops && page->vm_ops->mapped)
			users[(struct token *)page->private_data - tokens]++;
		if (!page->file)
			continue;
		linked++;
		f_count[page->file - files]++;
		writable[page->file - files] += (page->flags & VM_SHARED) &&
						(page->flags & VM_MAYWRITE);
	}

	i = 0;
	if (!(SAME("map_count", i, mm.map_count, vmas) &&
	      SAME("VMAs", i, region_test.vmas, vmas) &&
	      SAME("links to files", i, region_test.linked, linked) &&
	      SAME("total_vm", i, mm.total_vm, model_count(model, 0)) &&
	      SAME("data_vm", i, mm.data_vm, data) &&
	      SAME("exec_vm", i, mm.exec_vm, exec) &&
	      SAME("stack_vm", i, mm.stack_vm, 0) &&
	      SAME("locked_vm", i, mm.locked_vm, model_count(model, VM_LOCKED)) &&
	      SAME("charge", i, region_test.charged, model_count(model, VM_ACCOUNT)) &&
	      SAME("close() calls", i, close_calls, model->closes) &&
	      SAME("kmallocs", i, region_test.kmallocs, 0) &&
	      SAME("complaints", i, complaints, 0)))
		return false;
	for (i = 0; i < NR_FILES; i++) {
		if (!(SAME("references of file", i, files[i].f_count,
			   1 + f_count[i]) &&
		      SAME("writable mappings of file", i,
			   atomic_read(&mappings[i].i_mmap_writable),
			   writable[i])))
			return false;
	}
	for (i = 0; i < (int)ARRAY_SIZE(tokens); i++)
		if (!SAME("mapped() less close()", i, tokens[i].users,
			  users[i]))
			return false;

	return true;
}

/* Is everything as the model says? If not, @difference says what is not. */
static inline bool model_matches(const struct model *model)
{
	mt_validate(&mm.mm_mt);
	if (atomic_read(&maple_tree_tests_run) !=
	    atomic_read(&maple_tree_tests_passed))
		return differs("the maple tree is broken");

	return vmas_match(model) && entries_match(model) && counts_match(model);
}

/* Let VMAs start at the edges of the range if they do so in fact. */
static inline void model_adopt_edges(struct model *model, int start, int end)
{
	const struct vm_area_struct *vma = vma_at(MODEL_BASE + start);

	if (vma && vma->vm_start == PAGES(MODEL_BASE + start))
		model_split(model, start);
	vma = vma_at(MODEL_BASE + end);
	if (vma && vma->vm_start == PAGES(MODEL_BASE + end))
		model_split(model, end);
}

#endif /* _MMAP_MODEL_H */
