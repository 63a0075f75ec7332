/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Operations on an address space and on its model. Each is carried out on both,
 * with or without a step that is made to fail, and then everything is compared.
 *
 * What an operation returns, and what it leaves behind, is told here from the
 * rules that a hook and a caller are promised, as the documentation has them.
 */
#ifndef _MMAP_OPS_H
#define _MMAP_OPS_H

#include "mmap_model.h"

enum request_action {
	ACTION_REMAP,
	ACTION_IO_REMAP,
	ACTION_IOMAP,
	ACTION_INSERT,
	ACTION_PAGES,
	ACTION_VMALLOC,
	ACTION_DMA,
	NR_ACTIONS,
};

/* A mmap(), and what the hook of its file says to it. */
struct request {
	int file;
	int start;
	int nr;
	vm_flags_t flags;
	pgoff_t pgoff;

	int error;
	vm_flags_t set;
	vm_flags_t clear;
	pgprotval_t prot;
	/* What is added to the protection once the actions are requested. */
	pgprotval_t late_prot;
	pgoff_t add_pgoff;
	/* Of vma_proto_set_file(), and of a hook that replaces it by hand. */
	struct file *set_file;
	struct file *by_hand;
	bool anonymous;
	const struct vm_operations_struct *vm_ops;
	void *private_data;
	int holds;
	int nr_actions;
	struct {
		enum request_action action;
		int start;
		int nr;
		int what;
	} actions[3];
	int mapped_error;
	/* What mapped() makes the private data; NULL: it leaves them. */
	void *mapped_private;
};

static struct model model;
static const struct request *request_now;
/* What was held, and what was released since; the last first. */
static int held, released_now;

#define NR_HOLDS	4
static int hold_objects[NR_HOLDS];
static struct page *model_array[NR_TEST_PAGES];
static struct device model_device;

static int counted_mapped(unsigned long start, unsigned long end, pgoff_t pgoff,
			  struct file *mapped_file, void **private_data)
{
	ASSERT_EQ(start, PAGES(MODEL_BASE + request_now->start));
	ASSERT_EQ(end, start + PAGES(request_now->nr));
	ASSERT_EQ(pgoff, request_now->pgoff + request_now->add_pgoff);
	ASSERT_EQ(mapped_file - files,
		  (request_now->set_file ?: &files[request_now->file]) - files);
	ASSERT(*private_data == request_now->private_data);
	/* What is held is held until now. */
	ASSERT_EQ(released_now, 0);

	if (inject(INJECT_MAPPED))
		return -EIO;
	if (request_now->mapped_error)
		return request_now->mapped_error;
	if (request_now->mapped_private)
		*private_data = request_now->mapped_private;
	((struct token *)*private_data)->users++;
	return 0;
}

static void counted_open(struct vm_area_struct *vma)
{
	((struct token *)vma->vm_private_data)->users++;
}

static void counted_close(struct vm_area_struct *vma)
{
	close_calls++;
	((struct token *)vma->vm_private_data)->users--;
}

/* What did not come to be mapped is asked nothing. */
static struct page *counted_special_page(struct vm_area_struct *vma,
					 unsigned long addr)
{
	complaints += ((struct token *)vma->vm_private_data)->users <= 0;
	return NULL;
}

static int failing_may_split(struct vm_area_struct *vma, unsigned long addr)
{
	return inject(INJECT_SPLIT) ? -EINVAL : 0;
}

static const struct vm_operations_struct counted_ops = {
	.mapped = counted_mapped,
	.open = counted_open,
	.close = counted_close,
	.may_split = failing_may_split,
	.find_special_page = counted_special_page,
};

static void release_one(void *object)
{
	released_now++;
	/* In the opposite order. */
	if (object != &hold_objects[held - released_now])
		fail(__func__, __LINE__, "released out of order");
}

static int request_one(struct vma_proto *proto, int i)
{
	const int nr = request_now->actions[i].nr;
	const int what = request_now->actions[i].what;
	unsigned long addr = proto->start +
			     PAGES(request_now->actions[i].start);

	switch (request_now->actions[i].action) {
	case ACTION_REMAP:
		return vma_proto_remap_pfn_range(proto, addr, 500 + what,
						 PAGES(nr), proto->page_prot);
	case ACTION_IO_REMAP:
		return vma_proto_io_remap_pfn_range(proto, addr, 500 + what,
						    PAGES(nr),
						    proto->page_prot);
	case ACTION_IOMAP:
		return vma_proto_iomap_memory(proto, PAGES(500 + what),
					      PAGES(nr));
	case ACTION_INSERT:
		return vma_proto_insert_page(proto, addr, &test_pages[what]);
	case ACTION_PAGES:
		return vma_proto_insert_pages(proto, addr, model_array, nr);
	case ACTION_VMALLOC:
		return vma_proto_remap_vmalloc_range_partial(proto, addr,
				page_table.area.addr, what, PAGES(nr));
	case ACTION_DMA:
		model_device.map_flags = what & 1 ? VM_PFNMAP : VM_MIXEDMAP;
		return vma_proto_dma_mmap_attrs(proto, &model_device, NULL,
						PAGES(500), PAGES(nr), 0);
	default:
		return -EINVAL;
	}
}

/* What the hook does beyond what struct hook says. */
static int do_more(struct vma_proto *proto)
{
	int i;

	/* Told all, and told the truth. */
	ASSERT(hook.mm == &mm);
	ASSERT_EQ(hook.start, PAGES(MODEL_BASE + request_now->start));
	ASSERT_EQ(hook.end, hook.start + PAGES(request_now->nr));
	ASSERT_EQ(hook.pgoff, request_now->pgoff);
	ASSERT(hook.seen_file == &files[request_now->file]);
	ASSERT_EQ(hook.flags, request_now->flags);
	ASSERT_EQ(hook.page_prot, request_now->flags);
	ASSERT(hook.wrote_only);

	for (i = 0; i < request_now->holds; i++) {
		int error;

		held++;
		error = vma_proto_hold(proto, &hold_objects[i], release_one);
		if (error) {
			held--;
			/* It was released, and is no longer there to be. */
			ASSERT_EQ(released_now, 1);
			released_now = 0;
			return error;
		}
	}
	if (request_now->set_file) {
		/* Who changes their mind does no harm. */
		if (request_now->holds & 1)
			vma_proto_set_file(proto, &files[FILE_MMAP]);
		vma_proto_set_file(proto, request_now->set_file);
	}
	if (request_now->anonymous) {
		int error = vma_proto_set_anonymous(proto);

		if (error)
			return error;
	}
	for (i = 0; i < request_now->nr_actions; i++) {
		int error = request_one(proto, i);

		if (error)
			return error;
	}
	proto->page_prot = __pgprot(pgprot_val(proto->page_prot) |
				    request_now->late_prot);

	return 0;
}

/* A driver with mmap() maps by itself. */
static int do_live(struct vm_area_struct *vma)
{
	if (!request_now->nr_actions)
		return 0;

	return remap_pfn_range(vma, vma->vm_start,
			       500 + request_now->actions[0].what,
			       vma->vm_end - vma->vm_start, vma->vm_page_prot);
}

static inline void set_up_model(void)
{
	int i;

	set_up();
	memset(&model, 0, sizeof(model));
	memset(files, 0, sizeof(files));
	memset(mappings, 0, sizeof(mappings));
	memset(tokens, 0, sizeof(tokens));
	for (i = 0; i < NR_FILES; i++) {
		files[i].f_mapping = &mappings[i];
		files[i].f_count = 1;
	}
	files[FILE_PROTO].f_op = &proto_fops;
	files[FILE_OTHER].f_op = &proto_fops;
	files[FILE_MMAP].f_op = &mmap_fops;
	files[FILE_BOTH].f_op = &both_fops;
	files[FILE_NEITHER].f_op = &no_fops;
	files[FILE_SHMEM].f_op = &mmap_fops;
	region_test.shmem = &files[FILE_SHMEM];
	for (i = 0; i < NR_TEST_PAGES; i++)
		model_array[i] = &test_pages[(i * 5) % NR_TEST_PAGES];
	page_table.area = (struct vm_struct) {
		.addr = (void *)PAGES(77),
		.pages = NR_TEST_PAGES,
		.flags = VM_USERMAP,
	};
}

/* Nothing is left of all that was mapped. */
static inline void tear_down_model(void)
{
	VMA_ITERATOR(vmi, &mm, 0);
	struct vm_area_struct *vma;
	int i;

	inject_at(0);
	for_each_vma(vmi, vma)
		vm_flags_clear(vma, VM_SEALED);
	for (i = 0; i < MODEL_PAGES; i++)
		model.pages[i].flags &= ~VM_SEALED;
	ASSERT(unmap(0, 0x1000));
	model_remove(&model, 0, MODEL_PAGES);
	if (!model_matches(&model))
		fail(__func__, __LINE__, "%s", difference);
	tear_down();
}

/* What is being done, for who has to find out why it failed. */
static char doing[500];

static inline __printf(1, 2) void note(const char *format, ...)
{
	const size_t size = strlen(doing);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(doing + size, sizeof(doing) - size, format, arguments);
	va_end(arguments);
}

#define begin(_format...)						\
	do {								\
		doing[0] = 0;						\
		note(_format);						\
	} while (0)

static const char *ops_name(const struct vm_operations_struct *vm_ops)
{
	if (!vm_ops)
		return "none";
	if (vm_ops == &counted_ops)
		return "counted";
	if (vm_ops == &close_ops)
		return "with close()";
	if (vm_ops == &mkwrite_ops)
		return "with page_mkwrite()";
	return vm_ops == &some_ops ? "some" : "others";
}

static inline long token_number(const void *token)
{
	return token ? (const struct token *)token - tokens : -1;
}

static inline void begin_mmap(const struct request *request)
{
	int i;

	begin("mmap of file %d, pages %d to %d, flags %lx, offset %lx; hook:",
	      request->file, request->start, request->start + request->nr,
	      request->flags, request->pgoff);
	note(" error %d, sets %lx, clears %lx, operations %s, private data %ld",
	     request->error, request->set, request->clear,
	     ops_name(request->vm_ops), token_number(request->private_data));
	note(", protection %lx, %lx late, offset %lx more, holds %d",
	     request->prot, request->late_prot, request->add_pgoff,
	     request->holds);
	if (request->set_file)
		note(", file %ld", (long)(request->set_file - files));
	if (request->by_hand)
		note(", file by hand");
	if (request->anonymous)
		note(", anonymous");
	for (i = 0; i < request->nr_actions; i++)
		note(", action %d of %d pages from %d (%d)",
		     request->actions[i].action, request->actions[i].nr,
		     request->actions[i].start, request->actions[i].what);
	if (request->vm_ops == &counted_ops)
		note("; mapped(): error %d, private data %ld",
		     request->mapped_error,
		     token_number(request->mapped_private));
}

/* ---- what a hook may say --------------------------------------------------- */

/* As documented for struct vma_proto. */
static inline bool hook_may_change(vm_flags_t before, vm_flags_t after)
{
	const vm_flags_t access = VM_READ | VM_WRITE | VM_EXEC;
	const vm_flags_t may = VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC;
	const vm_flags_t may_set = VM_IO | VM_PFNMAP | VM_MIXEDMAP |
		VM_DONTCOPY | VM_DONTEXPAND | VM_DONTDUMP | VM_HUGEPAGE |
		VM_NOHUGEPAGE | VM_SEQ_READ | VM_RAND_READ | VM_LOCKED |
		VM_NORESERVE | VM_ALLOW_ANY_UNCACHED | VM_WIPEONFORK |
		VM_READ | VM_EXEC;
	const vm_flags_t set = after & ~before, cleared = before & ~after;

	if (set & ~may_set || cleared & ~(access | may))
		return false;
	if (set & VM_WIPEONFORK && !(after & VM_DONTCOPY))
		return false;
	if (after & VM_PFNMAP && after & VM_MIXEDMAP)
		return false;
	/* VM_MAY* is four bits above what it permits. */
	if ((set | cleared) & (access | may) && after & access & ~(after >> 4))
		return false;

	return true;
}

/* What became of the actions of a request: their flags and their entries. */
struct outcome {
	vm_flags_t flags;
	/* Parts that were asked for. */
	bool taken[MODEL_PAGES];
	bool is_dma;
	bool whole_remap;
	struct {
		bool present;
		unsigned long pfn;
		struct page *page;
		/* Mapped with the protection of when it was asked for? */
		bool early;
	} entries[MODEL_PAGES];
	pgoff_t pgoff;
};

static inline void expect_pfns(struct outcome *outcome, int start, int nr,
			       unsigned long pfn)
{
	int i;

	for (i = 0; i < nr; i++) {
		outcome->taken[start + i] = true;
		outcome->entries[start + i].present = true;
		outcome->entries[start + i].pfn = pfn + i;
	}
}

static inline void expect_page(struct outcome *outcome, int at,
			       struct page *page)
{
	expect_pfns(outcome, at, 1, page_to_pfn(page));
	outcome->entries[at].page = page;
}

static inline bool any_taken(const struct outcome *outcome, int start, int nr)
{
	int i;

	for (i = start; i < start + nr; i++) {
		if (outcome->taken[i])
			return true;
	}

	return false;
}

/* The error of the request for a remap, and its flags and entries. */
static inline int expect_remap(const struct request *request,
			       struct outcome *outcome, int start, int nr,
			       unsigned long pfn, bool early)
{
	const bool cow = (outcome->flags & (VM_SHARED | VM_MAYWRITE)) ==
			 VM_MAYWRITE;
	int i;

	if (!nr || start + nr > request->nr || any_taken(outcome, start, nr))
		return -EINVAL;
	if (cow && nr != request->nr)
		return -EINVAL;
	if (outcome->flags & VM_MIXEDMAP)
		return -EINVAL;

	expect_pfns(outcome, start, nr, pfn);
	for (i = start; i < start + nr; i++)
		outcome->entries[i].early = early;
	outcome->flags |= VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP;
	if (cow)
		outcome->pgoff = pfn;
	return 0;
}

/* The error of the request to insert pages. */
static inline int expect_insert(const struct request *request,
				struct outcome *outcome, int start, int nr)
{
	if (!nr)
		return -EINVAL;
	if (start + nr > request->nr)
		return -EFAULT;
	if (any_taken(outcome, start, nr))
		return -EBUSY;
	if (outcome->flags & VM_PFNMAP)
		return -EINVAL;

	outcome->flags |= VM_MIXEDMAP;
	return 0;
}

static inline int expect_dma(const struct request *request,
			     struct outcome *outcome, int nr, int what,
			     bool first)
{
	const pgoff_t pgoff = request->pgoff + request->add_pgoff;
	int i;

	if (!first || outcome->flags & (VM_PFNMAP | VM_MIXEDMAP))
		return -EINVAL;
	if (pgoff >= (pgoff_t)nr || request->nr > nr - (long)pgoff)
		return -ENXIO;

	for (i = 0; i < request->nr; i++)
		outcome->taken[i] = true;
	outcome->is_dma = true;
	if (what & 1) {
		/* Flags of a live VMA: the checks do not see them. */
		expect_pfns(outcome, 0, request->nr, 500 + pgoff);
		outcome->whole_remap = true;
	} else {
		expect_page(outcome, 0, &test_pages[pgoff]);
	}
	return 0;
}

static inline int expect_action(const struct request *request,
				struct outcome *outcome, int i)
{
	const int start = request->actions[i].start;
	const int nr = request->actions[i].nr;
	const int what = request->actions[i].what;
	const pgoff_t pgoff = request->pgoff + request->add_pgoff;
	int error, j;

	switch (request->actions[i].action) {
	case ACTION_REMAP:
		return expect_remap(request, outcome, start, nr, 500 + what,
				    true);
	case ACTION_IO_REMAP:
		return expect_remap(request, outcome, start, nr,
				    (500 + what) | TEST_PFN_IO, true);
	case ACTION_IOMAP:
		if (pgoff > (pgoff_t)nr || request->nr > nr - (long)pgoff)
			return -EINVAL;
		return expect_remap(request, outcome, 0, request->nr,
				    (500 + what + pgoff) | TEST_PFN_IO, false);
	case ACTION_INSERT:
		error = expect_insert(request, outcome, start, 1);
		if (!error)
			expect_page(outcome, start, &test_pages[what]);
		return error;
	case ACTION_PAGES:
		error = expect_insert(request, outcome, start, nr);
		for (j = 0; !error && j < nr; j++)
			expect_page(outcome, start + j, model_array[j]);
		return error;
	case ACTION_VMALLOC:
		if (nr > NR_TEST_PAGES - what)
			return -EINVAL;
		error = expect_insert(request, outcome, start, nr);
		for (j = 0; !error && j < nr; j++)
			expect_page(outcome, start + j, &test_pages[what + j]);
		if (!error)
			outcome->flags |= VM_DONTEXPAND | VM_DONTDUMP;
		return error;
	case ACTION_DMA:
		return expect_dma(request, outcome, nr, what, i == 0);
	default:
		return -EINVAL;
	}
}

/* What the documentation says becomes of the hook's description. */
static inline int expect_description(const struct request *request,
				     struct outcome *outcome,
				     unsigned long *warnings)
{
	const pgoff_t pgoff = request->pgoff + request->add_pgoff;
	vm_flags_t set;
	int i;

	outcome->flags = (request->flags | request->set) & ~request->clear;
	outcome->pgoff = pgoff;
	/* As the hook sees it: its shared flag may have been cleared. */
	if (request->anonymous && outcome->flags & VM_SHARED)
		return -EINVAL;
	for (i = 0; i < request->nr_actions; i++) {
		int error = expect_action(request, outcome, i);

		if (error)
			return error;
	}
	if (request->error > 0 || request->error < -MAX_ERRNO) {
		++*warnings;
		return -EINVAL;
	}
	if (request->error)
		return request->error;

	if (request->by_hand ||
	    !hook_may_change(request->flags, outcome->flags) ||
	    (request->anonymous && (request->vm_ops || request->nr_actions))) {
		++*warnings;
		return -EINVAL;
	}
	if (request->set_file && request->set_file == region_test.sealed &&
	    outcome->flags & VM_SHARED) {
		if (outcome->flags & VM_WRITE)
			return -EPERM;
		outcome->flags &= ~VM_MAYWRITE;
	}
	if (pgoff + request->nr < pgoff)
		return -EOVERFLOW;
	set = outcome->flags & ~request->flags;
	if (set & VM_LOCKED && !(outcome->flags & VM_SPECIAL) &&
	    region_test.mlock_limit &&
	    model_count(&model, VM_LOCKED) + request->nr >
	    (long)region_test.mlock_limit)
		return -EAGAIN;

	return 0;
}

/* ---- mmap() ---------------------------------------------------------------- */

/* What must be left behind when a step of mmap() has failed. */
static inline void expect_failure(const struct request *request,
				  struct model *expected, bool described)
{
	const int start = request->start, end = start + request->nr;

	switch (injection.failed) {
	case INJECT_KMALLOC:
	case INJECT_SEALS:
	case INJECT_MLOCK:
	case INJECT_MDWE:
	case INJECT_ARCH:
	case INJECT_WRITABLE:
		/* Nothing was done yet. */
		break;
	case INJECT_HOOK:
		if (!described)
			model_remove(expected, start, end);
		break;
	case INJECT_LIMIT:
	case INJECT_CHARGE:
		/* Edges were split before, nothing else. */
		model_split(expected, start);
		model_split(expected, end);
		break;
	case INJECT_SPLIT:
	case INJECT_VMA_DUP:
	case INJECT_POLICY:
	case INJECT_ANON_VMA:
	case INJECT_UFFD:
		model_adopt_edges(expected, start, end);
		break;
	case INJECT_NODE:
		/* On the way to the point of no return, or behind it. */
		if (model_count(expected, 0) > (long)mm.total_vm)
			model_remove(expected, start, end);
		else
			model_adopt_edges(expected, start, end);
		break;
	default:
		model_remove(expected, start, end);
	}
}

/* A new mapping of a file with a mmap() hook, or of none. */
static inline long expect_old_mapping(const struct request *request,
				      struct model *expected,
				      struct model_page *new, bool no_merge)
{
	const int start = request->start, end = start + request->nr;
	struct file *file = request->file == NO_FILE ? NULL :
						       &files[request->file];
	const vm_flags_t flags = new->flags;
	bool has_prev = false;
	int i;

	for (i = 0; i < start; i++)
		has_prev |= expected->pages[i].mapped;
	if (model_add(expected, new, start, end, !no_merge, false))
		return 0;
	model_remove(expected, start, end);
	if (!file) {
		if (flags & VM_SHARED) {
			new->file = &files[FILE_SHMEM];
			new->vm_ops = &vma_dummy_vm_ops;
		}
		model_add(expected, new, start, end, false, false);
		return 0;
	}
	if (!file->f_op->mmap)
		return -ENODEV;

	new->flags |= request->set;
	new->prot |= request->prot;
	new->vm_ops = request->vm_ops ?: &vma_dummy_vm_ops;
	new->private_data = request->private_data;
	if (request->nr_actions) {
		if ((flags & (VM_SHARED | VM_MAYWRITE)) == VM_MAYWRITE)
			new->pgoff = 500 + request->actions[0].what;
		new->flags |= VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP;
	}
	if (request->error)
		return request->error;
	/*
	 * The driver has changed the flags: a merge is tried once more, unless
	 * the driver must be told when the mapping goes.
	 */
	model_add(expected, new, start, end,
		  new->flags != flags && has_prev && !no_merge &&
		  !has_close(new), false);
	for (i = 0; request->nr_actions && i < request->nr; i++) {
		struct model_page *page = &expected->pages[start + i];

		page->present = true;
		page->pfn = 500 + request->actions[0].what + i;
		page->entry_prot = flags | request->prot;
	}

	return 0;
}

/* A new mapping of a file that has described it. */
static inline long expect_new_mapping(const struct request *request,
				      const struct outcome *outcome,
				      struct model *expected,
				      struct model_page *new, bool no_merge)
{
	const int start = request->start, end = start + request->nr;
	const vm_flags_t access = VM_READ | VM_WRITE | VM_EXEC;
	const bool pending = request->nr_actions ||
			     (request->vm_ops && request->vm_ops->mapped);
	pgprotval_t prot = request->flags | request->prot;
	int i;

	/* No entry permits more than the flags do. */
	if ((outcome->flags ^ request->flags) & access)
		prot = outcome->flags | request->prot;
	new->prot = prot | request->late_prot;
	new->vm_ops = request->vm_ops ?:
		      request->anonymous ? NULL : &vma_dummy_vm_ops;
	new->private_data = request->private_data;
	if (outcome->whole_remap) {
		if ((new->flags & (VM_SHARED | VM_MAYWRITE)) == VM_MAYWRITE)
			new->pgoff = 500 + new->pgoff;
		new->flags |= VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP;
	} else if (outcome->is_dma) {
		new->flags |= VM_MIXEDMAP;
	}
	if (pending && new->vm_ops->mapped) {
		if (request->mapped_error)
			return request->mapped_error;
		if (request->mapped_private)
			new->private_data = request->mapped_private;
	}

	model_add(expected, new, start, end, !pending && !no_merge, true);
	for (i = 0; i < request->nr; i++) {
		struct model_page *page = &expected->pages[start + i];

		if (!outcome->entries[i].present)
			continue;
		page->present = true;
		page->pfn = outcome->entries[i].pfn;
		page->page = outcome->entries[i].page;
		page->entry_prot = outcome->entries[i].early ? prot : new->prot;
	}

	return 0;
}

/*
 * What mmap() returns, and what is there after it. With @no_merge, as if merges
 * failed for lack of memory.
 */
static inline long expect_mmap(const struct request *request,
			       struct model *expected, unsigned long *warnings,
			       bool no_merge)
{
	const int start = request->start, end = start + request->nr;
	struct file *file = request->file == NO_FILE ? NULL :
						       &files[request->file];
	const bool described = file && file->f_op->mmap_proto;
	struct outcome outcome = { .flags = request->flags };
	struct model_page new = { .pgoff = request->pgoff };
	long error, replaced = 0;
	int i;

	if (described) {
		if (file->f_op->mmap) {
			++*warnings;
			return -EINVAL;
		}
		if (model_is_sealed(expected, start, end))
			return -EPERM;
		error = expect_description(request, &outcome, warnings);
		if (error)
			return error;
		new.pgoff = outcome.pgoff;
		file = request->set_file ?: file;
	}
	new.flags = outcome.flags;
	new.file = file;
	if (region_test.deny_write_exec && new.flags & VM_WRITE &&
	    new.flags & VM_EXEC)
		return -EACCES;
	if (new.flags & region_test.arch_refused)
		return -EINVAL;
	if (model_is_sealed(expected, start, end)) {
		model_refuse_sealed(expected, start);
		return -EPERM;
	}
	for (i = start; i < end; i++)
		replaced += expected->pages[i].mapped;
	if (region_test.limit && model_count(expected, 0) + request->nr -
	    replaced > (long)region_test.limit) {
		model_split(expected, start);
		model_split(expected, end);
		return -ENOMEM;
	}
	if ((new.flags & (VM_WRITE | VM_SHARED | VM_NORESERVE)) == VM_WRITE)
		new.flags |= VM_ACCOUNT;

	model_remove(expected, start, end);
	if (described) {
		error = expect_new_mapping(request, &outcome, expected, &new,
					   no_merge);
	} else {
		new.prot = new.flags;
		error = expect_old_mapping(request, expected, &new, no_merge);
	}
	if (error)
		return error;

	/* What is special is not locked, even where all is. */
	for (i = start; i < end; i++) {
		struct model_page *page = &expected->pages[i];

		if (page->flags & VM_SPECIAL)
			page->flags &= ~(VM_LOCKED | VM_LOCKONFAULT);
	}
	model_set_prot(expected, start);

	return PAGES(MODEL_BASE + start);
}

static inline void compare(const char *what, struct model *expected)
{
	if (!model_matches(expected))
		fail(what, __LINE__, "%s; %s failed", difference,
		     inject_names[injection.failed]);
	model = *expected;
}

/* mmap(): whatever the hook says and whatever fails. Returns its result. */
static inline long op_mmap(const struct request *request)
{
	struct file *file = request->file == NO_FILE ? NULL :
						       &files[request->file];
	const bool described = file && file->f_op->mmap_proto &&
			       !file->f_op->mmap;
	const bool hooked = described && !model_is_sealed(&model, request->start,
							 request->start +
							 request->nr);
	const unsigned long calls = hook.calls;
	const unsigned long warnings_before = region_test.warnings;
	unsigned long warnings = 0;
	struct model expected = model;
	long result, wanted;

	begin_mmap(request);
	request_now = request;
	held = 0;
	released_now = 0;
	hook.error = request->error;
	hook.set = request->set;
	hook.clear = request->clear;
	hook.prot = request->prot;
	hook.add_pgoff = request->add_pgoff;
	hook.file = request->by_hand;
	hook.vm_ops = request->vm_ops;
	hook.private_data = request->private_data;
	hook.more = do_more;
	hook.live = do_live;

	result = map_file(file, MODEL_BASE + request->start, request->nr,
			  request->flags, request->pgoff);

	ASSERT_EQ(hook.calls - calls, hooked);
	ASSERT_EQ(released_now, held);
	wanted = expect_mmap(request, &expected, &warnings, false);

	if (injection.failed == INJECT_STEPS) {
		ASSERT_EQ(result, wanted);
	} else if (result < 0) {
		/* It would have failed otherwise, or this is why it has. */
		if (wanted >= 0 || model_count(&expected, 0) != (long)mm.total_vm ||
		    result != wanted || !model_matches(&expected)) {
			expected = model;
			expect_failure(request, &expected, described);
			warnings = region_test.warnings - warnings_before;
		}
	} else {
		/* Merging is all that may fail and be done without. */
		ASSERT(injection.failed == INJECT_NODE ||
		       injection.failed == INJECT_ANON_VMA);
		ASSERT_EQ(result, wanted);
		if (!model_matches(&expected)) {
			expected = model;
			warnings = 0;
			expect_mmap(request, &expected, &warnings, true);
		}
	}
	ASSERT_EQ(region_test.warnings - warnings_before, warnings);
	compare("mmap", &expected);

	return result;
}

/* ---- munmap(), mprotect(), mremap() ---------------------------------------- */

static inline bool op_munmap(int start, int nr)
{
	struct model expected = model;
	const int end = start + nr;
	bool done;

	begin("munmap of pages %d to %d", start, end);
	done = unmap(MODEL_BASE + start, nr);
	if (model_is_sealed(&model, start, end)) {
		ASSERT(!done);
		if (injection.failed == INJECT_STEPS)
			model_refuse_sealed(&expected, start);
		else
			model_adopt_edges(&expected, start, end);
	} else if (done) {
		/* With some of the nodes, the maple tree tries once more. */
		ASSERT(injection.failed == INJECT_STEPS ||
		       injection.failed == INJECT_NODE);
		model_remove(&expected, start, end);
	} else {
		ASSERT(injection.failed != INJECT_STEPS);
		model_adopt_edges(&expected, start, end);
	}
	compare("munmap", &expected);

	return done;
}

/* Account as mprotect() does for pages of one VMA. */
static inline int charge_protect(vm_flags_t before, vm_flags_t *after, int nr)
{
	const vm_flags_t kind = VM_WRITE | VM_SHARED | VM_NORESERVE;

	if (before & VM_ACCOUNT || (*after & kind) != VM_WRITE ||
	    (before & kind) == VM_WRITE)
		return 0;
	if (security_vm_enough_memory_mm(&mm, nr))
		return -ENOMEM;
	*after |= VM_ACCOUNT;
	return nr;
}

/* mprotect(), madvise(), mlock() or mseal() of a range: set and clear flags. */
static inline int op_protect(int start, int nr, vm_flags_t set,
			     vm_flags_t clear)
{
	const int end = start + nr;

	begin("protect pages %d to %d, set %lx, clear %lx", start, end, set,
	      clear);
	while (start < end) {
		struct model_page *page = &model.pages[start];
		struct model expected = model;
		struct vm_area_struct *vma;
		vm_flags_t before = page->flags, after;
		int behind, charged;

		if (!page->mapped) {
			start++;
			continue;
		}
		behind = model_end(&model, start);
		if (behind > end)
			behind = end;
		/* Access is given as far as it may be. */
		after = (before | (set & (before >> 4) & VM_ACCESS_FLAGS) |
			 (set & ~VM_ACCESS_FLAGS)) & ~clear;
		if (after & VM_SPECIAL)
			after &= ~VM_LOCKED;
		if (after == before) {
			start = behind;
			continue;
		}
		if (before & VM_SEALED)
			return -EPERM;
		charged = charge_protect(before, &after, behind - start);
		if (charged < 0)
			return charged;

		vma = protect(MODEL_BASE + start, MODEL_BASE + behind, after);
		if (IS_ERR(vma)) {
			vm_acct_memory(-charged);
			ASSERT(injection.failed != INJECT_STEPS);
			model_adopt_edges(&expected, start, behind);
			compare("protect", &expected);
			return PTR_ERR(vma);
		}
		vm_stat_account(&mm, before, start - behind);
		vm_stat_account(&mm, after, behind - start);
		if (before & VM_LOCKED)
			mm.locked_vm -= behind - start;
		if (after & VM_LOCKED)
			mm.locked_vm += behind - start;
		model_modify(&expected, start, behind, after);
		compare("protect", &expected);
		start = behind;
	}

	return 0;
}

/* mremap() that grows the mapping with page @at in place. */
static inline void op_extend(int at, int nr)
{
	struct model expected = model;
	struct vm_area_struct *vma, *grown;
	struct model_page new;
	vm_flags_t flags;
	int end, i;

	begin("extend the mapping of page %d by %d", at, nr);
	if (!model.pages[at].mapped)
		return;
	new = model.pages[at];
	flags = new.flags;
	end = model_end(&model, at);
	if (flags & (VM_DONTEXPAND | VM_PFNMAP) || end + nr > MODEL_PAGES)
		return;
	for (i = end; i < end + nr; i++) {
		if (model.pages[i].mapped)
			return;
	}
	if (flags & VM_ACCOUNT && security_vm_enough_memory_mm(&mm, nr))
		return;

	vma = vma_at(MODEL_BASE + at);
	{
		VMA_ITERATOR(vmi, &mm, vma->vm_end);

		grown = vma_merge_extend(&vmi, vma, PAGES(nr));
	}
	new.pgoff = model.pages[end - 1].pgoff + 1;
	new.present = false;
	if (grown) {
		ASSERT(!(flags & VM_SPECIAL));
		ASSERT(grown == vma);
		vm_stat_account(&mm, flags, nr);
		if (flags & VM_LOCKED)
			mm.locked_vm += nr;
		model_add(&expected, &new, end, end + nr, true, true);
	} else {
		ASSERT(flags & VM_SPECIAL || injection.failed != INJECT_STEPS);
		if (flags & VM_ACCOUNT)
			vm_acct_memory(-nr);
	}
	compare("extend", &expected);
}

static inline void move_entries(int from, int to, int nr)
{
	int i, entry;

	for (i = 0; i < nr; i++) {
		entry = find_entry(PAGES(MODEL_BASE + from + i));
		if (entry >= 0)
			page_table.entries[entry].addr =
				PAGES(MODEL_BASE + to + i);
	}
}

static inline void model_move_entries(struct model *expected, int from, int to,
				      int nr)
{
	int i;

	for (i = 0; i < nr; i++) {
		struct model_page *source = &expected->pages[from + i];
		struct model_page *page = &expected->pages[to + i];

		page->present = source->present;
		page->pfn = source->pfn;
		page->page = source->page;
		page->entry_prot = source->entry_prot;
		source->present = false;
		source->pfn = 0;
		source->page = NULL;
		source->entry_prot = 0;
	}
}

/*
 * mremap() that moves pages of one mapping to an address of their own, and
 * with @keep leaves the mapping where it was.
 */
static inline void op_move(int from, int nr, int to, bool keep)
{
	struct model expected;
	struct vm_area_struct *vma, *new_vma;
	struct model_page *self = NULL;
	struct model_page new;
	bool need_rmap_locks;
	vm_flags_t flags;
	pgoff_t pgoff;

	if (!model.pages[from].mapped)
		return;
	if (from + nr > model_end(&model, from))
		nr = model_end(&model, from) - from;
	if (to + nr > MODEL_PAGES || (to < from + nr && from < to + nr))
		return;
	if (model.pages[from].flags & VM_SEALED)
		return;
	if (!op_munmap(to, nr))
		return;

	begin("move pages %d to %d to %d, keep %d", from, from + nr, to, keep);
	expected = model;
	new = model.pages[from];
	flags = new.flags;
	pgoff = new.pgoff;
	if (flags & VM_ACCOUNT && security_vm_enough_memory_mm(&mm, nr))
		return;
	vma = vma_at(MODEL_BASE + from);
	new_vma = copy_vma(&vma, PAGES(MODEL_BASE + to), PAGES(nr), pgoff,
			   &need_rmap_locks, keep);
	if (!new_vma) {
		ASSERT(injection.failed != INJECT_STEPS);
		if (flags & VM_ACCOUNT)
			vm_acct_memory(-nr);
		/* A copy may have been opened and closed. */
		expected.closes = close_calls;
		compare("move", &expected);
		return;
	}
	ASSERT(vma == vma_at(MODEL_BASE + from));
	move_entries(from, to, nr);
	vm_stat_account(&mm, flags, nr);
	if (flags & VM_LOCKED)
		mm.locked_vm += nr;

	/* What was never touched may go anywhere. */
	if (!new.vm_ops && !new.anon_vma) {
		new.pgoff = MODEL_BASE + to;
		/* But must not become one with itself, if that is kept. */
		if (keep && to == model_end(&model, from))
			self = &expected.pages[to - 1];
		else if (keep && to + nr == model_start(&model, from))
			self = &expected.pages[to + nr];
	}
	if (self)
		self->mapped = false;
	model_add(&expected, &new, to, to + nr, true, true);
	if (self)
		self->mapped = true;
	if (injection.failed != INJECT_STEPS && !vmas_match(&expected)) {
		/* What could not merge is a copy. */
		expected = model;
		model_add(&expected, &new, to, to + nr, false, true);
	}
	model_move_entries(&expected, from, to, nr);
	compare("move", &expected);

	/* When there is no memory to split it, the old one stays. */
	if (!keep)
		op_munmap(from, nr);
}

/* As exec() moves the stack, which has pages [@start, @end) here. */
static inline int move_down(struct vm_area_struct *vma, int start, int end,
			    int shift)
{
	VMA_ITERATOR(vmi, &mm, vma->vm_start - PAGES(shift));
	VMG_STATE(vmg, &mm, &vmi, vma->vm_start - PAGES(shift), vma->vm_end, 0,
		  vma->vm_pgoff);
	int error, i;

	ASSERT(vma_next(&vmi) == vma);
	vma_iter_prev_range(&vmi);
	vmg.vma = vma;
	error = vma_expand(&vmg);
	if (error)
		return error;
	for (i = start; i < end; i++)
		move_entries(i, i - shift, 1);
	/* Who gets this far does not come back, but for a signal. */
	inject_at(0);
	vma_next(&vmi);
	vma_prev(&vmi);

	return vma_shrink(&vmi, vma, vma->vm_start, vma->vm_end - PAGES(shift),
			  vma->vm_pgoff);
}

/* The mapping of page @at moves down, where nothing may be. */
static inline void op_relocate(int at, int shift)
{
	struct model expected = model;
	int start, end, i;

	if (!model.pages[at].mapped)
		return;
	start = model_start(&model, at);
	end = model_end(&model, at);
	if (start < shift)
		return;
	for (i = start - shift; i < start; i++) {
		if (model.pages[i].mapped)
			return;
	}

	begin("relocate pages %d to %d down by %d", start, end, shift);
	if (move_down(vma_at(MODEL_BASE + at), start, end, shift)) {
		ASSERT(injection.failed != INJECT_STEPS);
	} else {
		memmove(&expected.pages[start - shift], &expected.pages[start],
			(end - start) * sizeof(expected.pages[0]));
		i = end - shift > start ? end - shift : start;
		memset(&expected.pages[i], 0,
		       (end - i) * sizeof(expected.pages[0]));
	}
	compare("relocate", &expected);
}

/* The first write to a page of private memory. */
static inline void op_touch(int at, bool forked)
{
	struct model expected = model;
	struct model_page *page = &model.pages[at];
	struct anon_vma *anon_vma, *wanted = NULL;
	struct vm_area_struct *vma;
	int start, end, i, links;

	if (!page->mapped || page->flags & (VM_SHARED | VM_SPECIAL))
		return;
	begin("touch page %d", at);
	vma = vma_at(MODEL_BASE + at);
	start = model_start(&model, at);
	end = model_end(&model, at);
	if (page->anon_vma) {
		/* As if it had been inherited from a parent since. */
		if (!forked || page->anon_links > 2)
			return;
		anon_vma = page->anon_vma;
	} else {
		const struct model_page *next, *prev;
		const vm_flags_t ignored = VM_ACCESS_FLAGS;

		next = end < MODEL_PAGES ? &model.pages[end] : NULL;
		prev = start ? &model.pages[start - 1] : NULL;
		if (next && next->mapped && next->anon_links == 1 &&
		    next->file == page->file &&
		    !((next->flags ^ page->flags) & ~ignored) &&
		    next->pgoff == model.pages[end - 1].pgoff + 1)
			wanted = next->anon_vma;
		else if (prev && prev->mapped && prev->anon_links == 1 &&
			 prev->file == page->file &&
			 !((prev->flags ^ page->flags) & ~ignored) &&
			 prev->pgoff + 1 == model.pages[start].pgoff)
			wanted = prev->anon_vma;
		anon_vma = find_mergeable_anon_vma(vma);
		ASSERT(anon_vma == wanted);
		if (!anon_vma)
			anon_vma = &anon_vmas[at % ARRAY_SIZE(anon_vmas)];
	}
	link_anon_vma(vma, anon_vma);
	links = page->anon_links + 1;
	for (i = start; i < end; i++) {
		expected.pages[i].anon_vma = anon_vma;
		expected.pages[i].anon_links = links;
	}
	compare("touch", &expected);
}

#endif /* _MMAP_OPS_H */
