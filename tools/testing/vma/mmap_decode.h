/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bytes to operations: whatever the bytes are, they say what to do with an
 * address space. Random numbers and a fuzzer both speak this language.
 */
#ifndef _MMAP_DECODE_H
#define _MMAP_DECODE_H

#include "mmap_ops.h"

struct bytes {
	const unsigned char *at;
	const unsigned char *end;
};

/* Behind the end, there are zeroes. */
static inline int next_byte(struct bytes *bytes)
{
	return bytes->at < bytes->end ? *bytes->at++ : 0;
}

/* A number less than @below. */
static inline int next_number(struct bytes *bytes, int below)
{
	return next_byte(bytes) % below;
}

/* A part of the address space, mostly a small one. */
static inline void next_range(struct bytes *bytes, int *start, int *nr)
{
	int size = next_byte(bytes);

	*start = next_number(bytes, MODEL_PAGES);
	*nr = 1 + (size < 224 ? size % 8 : size % 32);
	if (*nr > MODEL_PAGES - *start)
		*nr = MODEL_PAGES - *start;
}

static inline vm_flags_t next_flags(struct bytes *bytes)
{
	static const vm_flags_t access[] = {
		VM_READ | VM_WRITE, VM_READ | VM_WRITE, VM_READ,
		VM_READ | VM_EXEC, VM_READ | VM_WRITE | VM_EXEC, VM_WRITE,
		VM_EXEC, 0,
	};
	const int byte = next_byte(bytes);
	vm_flags_t flags = access[byte % 8] |
			   VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC;

	if (byte & 8)
		flags |= VM_SHARED | VM_MAYSHARE;
	if (byte / 16 == 13)
		flags &= ~(VM_MAYWRITE | VM_WRITE);
	if (byte / 16 == 14)
		flags |= VM_NORESERVE;
	if (byte / 16 == 15)
		flags |= VM_LOCKED;

	return flags;
}

static const vm_flags_t hook_sets[] = {
	VM_DONTDUMP, VM_DONTDUMP, VM_DONTCOPY, VM_IO, VM_PFNMAP, VM_MIXEDMAP,
	VM_DONTEXPAND, VM_LOCKED, VM_LOCKED | VM_IO, VM_NORESERVE, VM_READ,
	VM_EXEC, VM_WIPEONFORK, VM_WIPEONFORK | VM_DONTCOPY,
	VM_SEQ_READ, VM_ACCOUNT, VM_WRITE, VM_PFNMAP | VM_MIXEDMAP,
	VM_SEALED, VM_MAYWRITE,
};

static const vm_flags_t hook_clears[] = {
	0, 0, 0, VM_MAYEXEC, VM_MAYWRITE, VM_WRITE, VM_WRITE | VM_MAYWRITE,
	VM_READ | VM_MAYREAD, VM_EXEC | VM_MAYEXEC, VM_SHARED, VM_LOCKED,
};

static inline void next_actions(struct bytes *bytes, struct request *request)
{
	int i;

	request->nr_actions = 1 + next_number(bytes, 3);
	for (i = 0; i < request->nr_actions; i++) {
		int nr = next_byte(bytes);

		request->actions[i].action = next_number(bytes, NR_ACTIONS);
		request->actions[i].start = next_number(bytes, 8);
		request->actions[i].nr = nr % 8;
		request->actions[i].what = next_number(bytes, NR_TEST_PAGES);
		/* An offset counts from the start of what is mapped whole. */
		if (request->actions[i].action == ACTION_IOMAP ||
		    request->actions[i].action == ACTION_DMA) {
			request->actions[i].nr = nr % 8 * 12;
			continue;
		}
		/* Pages in a row, in memory and perhaps in the mapping. */
		if (i && nr & 0x20) {
			request->actions[i] = request->actions[i - 1];
			request->actions[i].what =
				(request->actions[i].what + 1) % NR_TEST_PAGES;
			request->actions[i].start += 1 + (nr & 1);
		}
		/* Often what most drivers do: all of it, or what is left. */
		if (nr & 0x80)
			request->actions[i].start = 0;
		if (nr & 0x40)
			request->actions[i].nr = request->nr -
						 request->actions[i].start;
		if (request->actions[i].nr < 0 ||
		    request->actions[i].nr > NR_TEST_PAGES)
			request->actions[i].nr = 1;
		if (request->actions[i].start >= request->nr)
			request->actions[i].start = request->nr;
	}
}

/* What a hook says besides its errors. */
static inline void next_description(struct bytes *bytes,
				    struct request *request, int kinds)
{
	static const struct vm_operations_struct *const all_ops[] = {
		&some_ops, &other_ops, &close_ops, &mkwrite_ops, NULL,
		&counted_ops, &counted_ops, &counted_ops,
	};

	if (kinds & 1)
		request->vm_ops = all_ops[next_number(bytes,
						      ARRAY_SIZE(all_ops))];
	if (kinds & 2)
		request->private_data = &tokens[next_number(bytes, 4)];
	if (kinds & 4)
		request->prot = (pgprotval_t)next_number(bytes, 3) << 56;
	if (kinds & 8)
		request->set = hook_sets[next_number(bytes,
						     ARRAY_SIZE(hook_sets))];
	if (kinds & 16)
		next_actions(bytes, request);
	/* A mapping that counts has something to count. */
	if (request->vm_ops == &counted_ops && !request->private_data)
		request->private_data = &tokens[0];
}

static inline void next_special(struct bytes *bytes, struct request *request)
{
	switch (next_number(bytes, 8)) {
	case 0:
		request->error = -1 - next_byte(bytes);
		break;
	case 1:
		request->error = next_byte(bytes) & 1 ? 5 : -MAX_ERRNO - 1;
		break;
	case 2:
		request->add_pgoff = next_byte(bytes);
		break;
	case 3:
		request->add_pgoff = -1UL - request->pgoff -
				     next_number(bytes, 16);
		break;
	case 4:
	case 5:
		request->anonymous = true;
		if (next_byte(bytes) & 15) {
			request->vm_ops = NULL;
			request->nr_actions = 0;
		}
		break;
	case 6:
		request->by_hand = &files[FILE_OTHER];
		break;
	case 7:
		request->mapped_error = -EBUSY;
		request->late_prot = (pgprotval_t)4 << 56;
		break;
	}
}

/* What only mmap_proto() can say. */
static inline void next_proto(struct bytes *bytes, struct request *request,
			      int kinds)
{
	if (kinds & 32)
		request->clear = hook_clears[next_number(bytes,
						ARRAY_SIZE(hook_clears))];
	if (kinds & 64) {
		const int byte = next_byte(bytes);

		request->holds = byte % NR_HOLDS;
		if (byte & 0x40)
			request->mapped_private = &tokens[byte & 3];
		if (byte & 0x10)
			request->late_prot = (pgprotval_t)4 << 56;
		if (byte & 0x80)
			request->set_file = &files[byte & 0x20 ? FILE_OTHER :
								 FILE_MMAP];
	}
	if (kinds & 128)
		next_special(bytes, request);
	if (request->set_file)
		request->by_hand = NULL;
	/* A mapping of another sort than counted_ops may now be told of it. */
	if (request->by_hand == &files[request->file])
		request->by_hand = NULL;
}

static inline void next_mmap(struct bytes *bytes)
{
	static const int which[] = {
		FILE_PROTO, FILE_PROTO, FILE_PROTO, FILE_PROTO, FILE_PROTO,
		FILE_PROTO, FILE_OTHER, FILE_OTHER, FILE_MMAP, FILE_MMAP,
		FILE_MMAP, NO_FILE, NO_FILE, NO_FILE, FILE_BOTH, FILE_NEITHER,
	};
	struct request request = {
		.file = which[next_number(bytes, ARRAY_SIZE(which))],
		.vm_ops = &some_ops,
	};
	int kinds, pgoff;

	next_range(bytes, &request.start, &request.nr);
	request.flags = next_flags(bytes);
	/* Most neighbours have neighbouring offsets, and could merge. */
	request.pgoff = MODEL_BASE + request.start;
	pgoff = next_byte(bytes);
	if (pgoff >= 224 && request.file != NO_FILE)
		request.pgoff = pgoff % 8;
	kinds = next_byte(bytes);
	kinds &= next_byte(bytes);
	next_description(bytes, &request, kinds);
	if (request.file == FILE_PROTO || request.file == FILE_OTHER) {
		next_proto(bytes, &request, kinds);
	} else {
		/* Tells nobody of its mappings, so that nobody counts them. */
		if (request.vm_ops == &counted_ops)
			request.vm_ops = &close_ops;
		request.set &= ~(VM_ACCOUNT | VM_SEALED | VM_MAYWRITE |
				 VM_WRITE);
		if (kinds & 128)
			request.error = -1 - next_byte(bytes);
	}
	op_mmap(&request);
}

static inline void next_protect(struct bytes *bytes)
{
	static const struct {
		vm_flags_t set;
		vm_flags_t clear;
	} changes[] = {
		{ VM_READ, VM_WRITE | VM_EXEC },
		{ VM_READ | VM_WRITE, VM_EXEC },
		{ VM_READ | VM_EXEC, VM_WRITE },
		{ 0, VM_READ | VM_WRITE | VM_EXEC },
		{ VM_LOCKED, 0 },
		{ 0, VM_LOCKED | VM_LOCKONFAULT },
		{ VM_DONTCOPY, 0 },
		{ 0, VM_DONTCOPY },
		{ VM_SEQ_READ, VM_RAND_READ },
		{ VM_RAND_READ, VM_SEQ_READ },
		{ 0, VM_SEQ_READ | VM_RAND_READ },
		{ VM_DONTDUMP, 0 },
		{ VM_READ | VM_WRITE, VM_EXEC },
		{ VM_READ, VM_WRITE | VM_EXEC },
		{ VM_READ | VM_WRITE, VM_EXEC },
		{ VM_SEALED, 0 },
	};
	const int change = next_number(bytes, ARRAY_SIZE(changes));
	int start, nr;

	next_range(bytes, &start, &nr);
	op_protect(start, nr, changes[change].set, changes[change].clear);
}

/* Seals end, which they never do otherwise, or all would be sealed soon. */
static inline void unseal(void)
{
	VMA_ITERATOR(vmi, &mm, 0);
	struct vm_area_struct *vma;
	int i;

	for_each_vma(vmi, vma) {
		vm_flags_clear(vma, VM_SEALED);
		vma->vm_page_prot = __pgprot(pgprot_val(vma->vm_page_prot) &
					     ~VM_SEALED);
	}
	for (i = 0; i < MODEL_PAGES; i++) {
		model.pages[i].flags &= ~VM_SEALED;
		model.pages[i].prot &= ~VM_SEALED;
	}
}

/* The limits of the process, and the like. */
static inline void next_surroundings(struct bytes *bytes)
{
	const int byte = next_byte(bytes);

	region_test.limit = byte & 0x30 ? 0 : byte % 8 * 8;
	region_test.mlock_limit = byte & 0x40 ? 4 + byte % 16 : 0;
	region_test.deny_write_exec = byte / 8 == 5;
	region_test.arch_refused = byte / 8 == 9 ? VM_MIXEDMAP : 0;
	region_test.sealed = byte / 8 == 13 ? &files[FILE_OTHER] : NULL;
	unseal();
}

/* One operation; a step of some of them fails. */
static inline void next_operation(struct bytes *bytes)
{
	const int operation = next_number(bytes, 16);
	const int at = next_byte(bytes);
	int start, nr, more;

	inject_at(at >= 192 ? at - 191 : 0);
	switch (operation) {
	case 8:
	case 9:
		next_range(bytes, &start, &nr);
		op_munmap(start, nr);
		break;
	case 10:
	case 11:
		next_protect(bytes);
		break;
	case 12:
		next_range(bytes, &start, &nr);
		op_extend(start, nr);
		break;
	case 13:
		next_range(bytes, &start, &nr);
		more = next_byte(bytes);
		op_move(start, nr, more % MODEL_PAGES, more & 0x80);
		break;
	case 14:
		more = next_byte(bytes);
		if ((more & 0xc0) == 0x40)
			op_relocate(more % MODEL_PAGES,
				    1 + next_number(bytes, 4));
		else
			op_touch(more % MODEL_PAGES, more & 0x80);
		break;
	case 15:
		next_surroundings(bytes);
		break;
	default:
		next_mmap(bytes);
	}
	inject_at(0);
}

#endif /* _MMAP_DECODE_H */
