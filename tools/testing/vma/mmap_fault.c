// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fault injection: for each kind of mapping, each step that can fail does, one
 * after the other, until nothing fails any more. Each failure must leave what
 * is promised: all as it was, or up to a split at the edges, or a gap behind
 * the point of no return; and every count must be right.
 */
#include "mmap_ops.h"

/* A request for a mapping of pages [@_start, @_start + @_nr). */
#define REQUEST(_file, _start, _nr, _flags, ...)			\
	{								\
		.file = (_file), .start = (_start), .nr = (_nr),	\
		.flags = (_flags), .vm_ops = &some_ops, ##__VA_ARGS__	\
	}

#define COUNTED		.vm_ops = &counted_ops, .private_data = &tokens[1]
#define HOLDS		.holds = 3
#define SWAPPED		.set_file = &files[FILE_OTHER]
#define ZERO		.anonymous = true, .vm_ops = NULL
#define REMAP_WHOLE(_nr)						\
	.nr_actions = 1, .actions = { { ACTION_REMAP, 0, (_nr), 3 } }
#define IOMAP_WHOLE							\
	.nr_actions = 1, .actions = { { ACTION_IOMAP, 0, 80, 0 } }
#define DMA_PAGES							\
	.nr_actions = 1, .actions = { { ACTION_DMA, 0, 80, 1 } }
#define THREE_ACTIONS							\
	.nr_actions = 3, .actions = {					\
		{ ACTION_INSERT, 0, 1, 20 },				\
		{ ACTION_PAGES, 1, 2, 0 },				\
		{ ACTION_VMALLOC, 3, 2, 7 },				\
	}

#define NR_BEFORE	4

static void protect_middle(void)
{
	op_protect(4, 2, VM_WRITE, 0);
}

static void protect_off(void)
{
	op_protect(4, 2, 0, VM_WRITE);
}

static void grow(void)
{
	op_extend(4, 2);
}

static void move(void)
{
	op_move(5, 3, 14, false);
}

static void unmap_middle(void)
{
	op_munmap(5, 2);
}

/*
 * Which kinds of mapping there are. The pictures have one character a page,
 * from page 0 on: what is there before, and the new mapping below it.
 */
static const struct kind {
	const char *name;
	struct request before[NR_BEFORE];
	/* Pages to which something was written before; 0 for none. */
	int touched[2];
	struct request request;
	/* Instead of @request. */
	void (*operate)(void);
	/* Steps that must come up for this kind. */
	unsigned int steps;
} kinds[] = {
	{
		.name = "new",
		.request = REQUEST(FILE_PROTO, 4, 3, SHARED),
		.steps = BIT(INJECT_HOOK) | BIT(INJECT_MDWE) |
			 BIT(INJECT_ARCH) | BIT(INJECT_WRITABLE) |
			 BIT(INJECT_LIMIT) | BIT(INJECT_VMA),
	}, {
		.name = "new, private",
		.request = REQUEST(FILE_PROTO, 4, 3, PRIVATE),
		.steps = BIT(INJECT_HOOK) | BIT(INJECT_CHARGE) |
			 BIT(INJECT_VMA),
	}, {
		.name = "new, locked by the hook",
		.request = REQUEST(FILE_PROTO, 4, 3, SHARED,
				   .set = VM_LOCKED),
		.steps = BIT(INJECT_MLOCK),
	}, {
		/* aaa... with ...aaa */
		.name = "merging with the one before",
		.before = { REQUEST(FILE_PROTO, 0, 3, PRIVATE) },
		.request = REQUEST(FILE_PROTO, 3, 3, PRIVATE),
		.steps = BIT(INJECT_CHARGE),
	}, {
		/* ...aaa with aaa... */
		.name = "merging with the one behind",
		.before = { REQUEST(FILE_PROTO, 6, 3, SHARED) },
		.request = REQUEST(FILE_PROTO, 3, 3, SHARED),
	}, {
		/* aaa...aaa with ...aaa... */
		.name = "merging with both",
		.before = {
			REQUEST(FILE_PROTO, 1, 3, SHARED),
			REQUEST(FILE_PROTO, 7, 3, SHARED),
		},
		.request = REQUEST(FILE_PROTO, 4, 3, SHARED),
	}, {
		.name = "merging with both, the one behind written to",
		.before = {
			REQUEST(FILE_PROTO, 1, 3, PRIVATE),
			REQUEST(FILE_PROTO, 7, 3, PRIVATE),
		},
		.touched = { 8 },
		.request = REQUEST(FILE_PROTO, 4, 3, PRIVATE),
		.steps = BIT(INJECT_ANON_VMA),
	}, {
		/* They cannot be one: each has pages of its own. */
		.name = "merging with one of two that were written to",
		.before = {
			REQUEST(FILE_PROTO, 1, 3, PRIVATE),
			REQUEST(FILE_PROTO, 7, 3, PRIVATE),
		},
		.touched = { 2, 8 },
		.request = REQUEST(FILE_PROTO, 4, 3, PRIVATE),
	}, {
		/* aaaa with bbbb */
		.name = "MAP_FIXED over one",
		.before = { REQUEST(FILE_PROTO, 4, 4, PRIVATE, COUNTED) },
		.request = REQUEST(FILE_PROTO, 4, 4, PRIVATE),
		.steps = BIT(INJECT_UFFD) | BIT(INJECT_VMA),
	}, {
		/* .aabb.ccdd with ...bbbbb.. */
		.name = "MAP_FIXED over many",
		.before = {
			REQUEST(FILE_PROTO, 1, 2, PRIVATE, COUNTED),
			REQUEST(FILE_MMAP, 3, 2, SHARED,
				.vm_ops = &close_ops),
			REQUEST(FILE_PROTO, 6, 2, PRIVATE, COUNTED),
			REQUEST(NO_FILE, 8, 2, PRIVATE),
		},
		.request = REQUEST(FILE_PROTO, 2, 7, PRIVATE, HOLDS),
		.steps = BIT(INJECT_SPLIT) | BIT(INJECT_VMA_DUP) |
			 BIT(INJECT_POLICY) | BIT(INJECT_NODE) |
			 BIT(INJECT_UFFD) | BIT(INJECT_KMALLOC),
	}, {
		/* aaaaaa with bb.... */
		.name = "MAP_FIXED over the head of one",
		.before = { REQUEST(FILE_PROTO, 4, 6, PRIVATE, COUNTED) },
		.request = REQUEST(FILE_PROTO, 4, 2, PRIVATE, COUNTED),
		.steps = BIT(INJECT_SPLIT) | BIT(INJECT_VMA_DUP) |
			 BIT(INJECT_MAPPED),
	}, {
		/* aaaaaa with ....bb */
		.name = "MAP_FIXED over the tail of one",
		.before = { REQUEST(FILE_PROTO, 4, 6, PRIVATE, COUNTED) },
		.request = REQUEST(FILE_PROTO, 8, 2, SHARED),
		.steps = BIT(INJECT_SPLIT) | BIT(INJECT_VMA_DUP),
	}, {
		/* aaaaaa with ..bb.. */
		.name = "MAP_FIXED over the middle of one",
		.before = { REQUEST(FILE_PROTO, 4, 6, PRIVATE, COUNTED) },
		.touched = { 5 },
		.request = REQUEST(FILE_PROTO, 6, 2, PRIVATE),
		.steps = BIT(INJECT_SPLIT) | BIT(INJECT_VMA_DUP) |
			 BIT(INJECT_POLICY) | BIT(INJECT_ANON_VMA),
	}, {
		/* What is replaced is part of what is merged with. */
		.name = "MAP_FIXED over the middle, merging with both",
		.before = { REQUEST(FILE_PROTO, 4, 6, PRIVATE) },
		.request = REQUEST(FILE_PROTO, 6, 2, PRIVATE),
	}, {
		.name = "MAP_FIXED over one with entries",
		.before = { REQUEST(FILE_PROTO, 4, 5, SHARED, COUNTED,
				    THREE_ACTIONS) },
		.request = REQUEST(FILE_PROTO, 5, 3, SHARED, COUNTED,
				   REMAP_WHOLE(3)),
		.steps = BIT(INJECT_ENTRY) | BIT(INJECT_MAPPED),
	}, {
		.name = "another file",
		.before = { REQUEST(FILE_PROTO, 4, 2, PRIVATE, COUNTED) },
		.request = REQUEST(FILE_PROTO, 5, 3, SHARED, SWAPPED),
		.steps = BIT(INJECT_SEALS) | BIT(INJECT_WRITABLE),
	}, {
		.name = "another file, merging",
		.before = { REQUEST(FILE_OTHER, 2, 2, PRIVATE) },
		.request = REQUEST(FILE_PROTO, 4, 3, PRIVATE, SWAPPED,
				   .holds = 2),
		.steps = BIT(INJECT_SEALS) | BIT(INJECT_KMALLOC),
	}, {
		.name = "with three held objects",
		.request = REQUEST(FILE_PROTO, 4, 3, SHARED, HOLDS),
		.steps = BIT(INJECT_KMALLOC),
	}, {
		.name = "remapped memory",
		.request = REQUEST(FILE_PROTO, 4, 3, PRIVATE,
				   REMAP_WHOLE(3)),
		.steps = BIT(INJECT_ENTRY),
	}, {
		.name = "memory remapped in two parts",
		.request = REQUEST(FILE_PROTO, 4, 3, SHARED, .nr_actions = 2,
				   .actions = {
					   { ACTION_REMAP, 0, 1, 3 },
					   { ACTION_IO_REMAP, 1, 2, 9 },
				   }),
		.steps = BIT(INJECT_ENTRY) | BIT(INJECT_KMALLOC),
	}, {
		.name = "I/O memory",
		.request = REQUEST(FILE_PROTO, 4, 3, SHARED, IOMAP_WHOLE),
		.steps = BIT(INJECT_ENTRY),
	}, {
		.name = "DMA memory",
		.request = REQUEST(FILE_PROTO, 4, 3, SHARED, DMA_PAGES),
		.steps = BIT(INJECT_ENTRY),
	}, {
		.name = "with three actions",
		.request = REQUEST(FILE_PROTO, 4, 5, SHARED,
				   THREE_ACTIONS),
		.steps = BIT(INJECT_KMALLOC) | BIT(INJECT_ENTRY),
	}, {
		.name = "with three actions, mapped(), holds and another file",
		.before = { REQUEST(NO_FILE, 2, 12, PRIVATE) },
		.touched = { 3 },
		.request = REQUEST(FILE_PROTO, 4, 5, SHARED,
				   THREE_ACTIONS, COUNTED, HOLDS, SWAPPED),
		.steps = BIT(INJECT_KMALLOC) | BIT(INJECT_ENTRY) |
			 BIT(INJECT_MAPPED) | BIT(INJECT_ANON_VMA),
	}, {
		.name = "with mapped()",
		.request = REQUEST(FILE_PROTO, 4, 3, PRIVATE, COUNTED),
		.steps = BIT(INJECT_MAPPED) | BIT(INJECT_CHARGE),
	}, {
		.name = "anonymous memory of a file",
		.before = { REQUEST(FILE_PROTO, 2, 2, PRIVATE, ZERO) },
		.request = REQUEST(FILE_PROTO, 4, 3, PRIVATE, ZERO),
		.steps = BIT(INJECT_CHARGE),
	}, {
		.name = "mmap()",
		.before = { REQUEST(FILE_MMAP, 4, 6, PRIVATE) },
		.request = REQUEST(FILE_MMAP, 5, 3, SHARED),
		.steps = BIT(INJECT_HOOK) | BIT(INJECT_VMA),
	}, {
		.name = "mmap() that changes the flags, merging then",
		.before = { REQUEST(FILE_MMAP, 2, 3, SHARED,
				    .set = VM_DONTDUMP) },
		.request = REQUEST(FILE_MMAP, 5, 3, SHARED,
				   .set = VM_DONTDUMP),
		.steps = BIT(INJECT_HOOK) | BIT(INJECT_VMA),
	}, {
		/* The merge fails with the driver already in the VMA. */
		.name = "mmap() that changes the flags, merging with both",
		.before = {
			REQUEST(FILE_MMAP, 1, 3, PRIVATE, .set = VM_DONTDUMP),
			REQUEST(FILE_MMAP, 7, 3, PRIVATE, .set = VM_DONTDUMP),
		},
		.touched = { 8 },
		.request = REQUEST(FILE_MMAP, 4, 3, PRIVATE,
				   .set = VM_DONTDUMP),
		.steps = BIT(INJECT_ANON_VMA) | BIT(INJECT_NODE),
	}, {
		/* And then the new VMA needs more than one node replaced. */
		.name = "mmap() that changes the flags, MAP_FIXED over many",
		.before = {
			REQUEST(FILE_MMAP, 18, 2, PRIVATE, .set = VM_DONTDUMP),
			REQUEST(FILE_MMAP, 62, 2, PRIVATE, .set = VM_DONTDUMP),
		},
		.touched = { 63 },
		.request = REQUEST(FILE_MMAP, 20, 42, PRIVATE,
				   .set = VM_DONTDUMP),
		.steps = BIT(INJECT_ANON_VMA),
	}, {
		.name = "mmap() that maps memory",
		.before = { REQUEST(FILE_PROTO, 4, 6, PRIVATE) },
		.request = REQUEST(FILE_MMAP, 5, 3, PRIVATE,
				   REMAP_WHOLE(3)),
		.steps = BIT(INJECT_HOOK) | BIT(INJECT_ENTRY),
	}, {
		.name = "anonymous memory",
		.before = { REQUEST(FILE_PROTO, 4, 6, SHARED) },
		.request = REQUEST(NO_FILE, 5, 3, PRIVATE),
		.steps = BIT(INJECT_CHARGE) | BIT(INJECT_VMA),
	}, {
		.name = "shared anonymous memory",
		.before = { REQUEST(FILE_PROTO, 4, 6, PRIVATE) },
		.request = REQUEST(NO_FILE, 5, 3, SHARED),
		.steps = BIT(INJECT_SHMEM),
	}, {
		.name = "mprotect of the middle of one",
		.before = { REQUEST(FILE_PROTO, 2, 6, PRIVATE, COUNTED) },
		.touched = { 3 },
		.operate = protect_off,
		.steps = BIT(INJECT_VMA_DUP) | BIT(INJECT_SPLIT) |
			 BIT(INJECT_ANON_VMA) | BIT(INJECT_NODE),
	}, {
		.name = "mprotect, merging with both, the one behind written to",
		.before = {
			REQUEST(FILE_PROTO, 2, 2, PRIVATE),
			REQUEST(FILE_PROTO, 4, 2, PRIVATE & ~VM_WRITE),
			REQUEST(FILE_PROTO, 6, 2, PRIVATE),
		},
		.touched = { 6 },
		.operate = protect_middle,
		.steps = BIT(INJECT_CHARGE) | BIT(INJECT_ANON_VMA) |
			 BIT(INJECT_NODE),
	}, {
		.name = "mremap that grows up to the next, merging",
		.before = {
			REQUEST(FILE_PROTO, 2, 4, PRIVATE),
			REQUEST(FILE_PROTO, 8, 2, PRIVATE),
		},
		.operate = grow,
		.steps = BIT(INJECT_CHARGE) | BIT(INJECT_NODE),
	}, {
		.name = "mremap that moves a part of one",
		.before = { REQUEST(FILE_PROTO, 4, 6, PRIVATE, COUNTED,
				    REMAP_WHOLE(6)) },
		.operate = move,
		.steps = BIT(INJECT_CHARGE) | BIT(INJECT_VMA_DUP) |
			 BIT(INJECT_NODE) | BIT(INJECT_SPLIT),
	}, {
		.name = "mremap that moves anonymous memory",
		.before = { REQUEST(NO_FILE, 4, 6, PRIVATE) },
		.touched = { 5 },
		.operate = move,
		.steps = BIT(INJECT_CHARGE) | BIT(INJECT_VMA_DUP) |
			 BIT(INJECT_NODE) | BIT(INJECT_ANON_VMA),
	}, {
		.name = "munmap of the middle of one",
		.before = { REQUEST(FILE_PROTO, 4, 6, PRIVATE, COUNTED) },
		.operate = unmap_middle,
		.steps = BIT(INJECT_VMA_DUP) | BIT(INJECT_SPLIT) |
			 BIT(INJECT_NODE) | BIT(INJECT_UFFD),
	},
};

static const struct kind *kind_now;

/* Offsets are those of neighbours, which could merge. */
static long map_request(const struct request *wanted)
{
	struct request request = *wanted;

	request.pgoff = MODEL_BASE + request.start;
	return op_mmap(&request);
}

/* Something behind, so that the maple tree has more than one node. */
static void fill_behind(void)
{
	int i;

	for (i = 24; i < MODEL_PAGES; i += 2) {
		const struct request request =
			REQUEST(FILE_OTHER, i, 1, SHARED);

		ASSERT(map_request(&request) > 0);
	}
}

/* What is around it, and whether a failure is not the last one. */
enum {
	EMPTY,
	CROWDED,
	/* As in the kernel: readers may be about, so that nodes are replaced. */
	CROWDED_RCU,
	LASTING,
	NR_SURROUNDINGS,
};

/* Let step @at fail; returns which one it was, or INJECT_STEPS. */
static enum inject_step fail_at(unsigned long at, int surroundings)
{
	enum inject_step failed;
	int i;

	set_up_model();
	if (surroundings >= CROWDED_RCU)
		mt_set_in_rcu(&mm.mm_mt);
	if (surroundings != EMPTY)
		fill_behind();
	for (i = 0; i < NR_BEFORE && kind_now->before[i].nr; i++)
		ASSERT(map_request(&kind_now->before[i]) > 0);
	for (i = 0; i < 2 && kind_now->touched[i]; i++)
		op_touch(kind_now->touched[i], false);

	injection.lasting = surroundings == LASTING;
	inject_at(at);
	if (kind_now->operate)
		kind_now->operate();
	else
		map_request(&kind_now->request);
	failed = injection.failed;
	inject_at(0);
	if (failed == INJECT_HOOK && kind_now->request.file == FILE_PROTO) {
		/* As if nobody had asked: a second attempt finds no traces. */
		ASSERT(map_request(&kind_now->request) > 0);
	}
	tear_down_model();

	return failed;
}

static void report(const char *name, const unsigned long *counts)
{
	unsigned long total = 0;
	int i;

	for (i = 0; i < INJECT_STEPS; i++)
		total += counts[i];
	printf("# %s: %lu failures injected:", name, total);
	for (i = 0; i < INJECT_STEPS; i++) {
		if (counts[i])
			printf(" %s %lu", inject_names[i], counts[i]);
	}
	printf("\n");
}

/* All failures of one kind, in each of the surroundings. */
static bool inject_all(const struct kind *kind)
{
	static unsigned long counts[INJECT_STEPS], at;
	static int surroundings;
	int i;

	kind_now = kind;
	memset(counts, 0, sizeof(counts));
	if (setjmp(test_failed)) {
		printf("# step %lu, surroundings %d: %s\n", at, surroundings,
		       doing);
		return false;
	}
	for (surroundings = 0; surroundings < NR_SURROUNDINGS; surroundings++) {
		for (at = 1; ; at++) {
			enum inject_step failed = fail_at(at, surroundings);

			if (failed == INJECT_STEPS)
				break;
			counts[failed]++;
		}
	}
	report(kind->name, counts);

	for (i = 0; i < INJECT_STEPS; i++) {
		if (kind->steps & BIT(i) && !counts[i]) {
			printf("# %s never failed\n", inject_names[i]);
			return false;
		}
	}

	return true;
}

int main(void)
{
	int failed = 0;
	size_t i;

	setvbuf(stdout, NULL, _IOLBF, 0);
	maple_tree_init();
	rcu_register_thread();

	printf("TAP version 13\n1..%zu\n", ARRAY_SIZE(kinds) + 1);
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		bool good = inject_all(&kinds[i]);

		failed += !good;
		printf("%s %zu - %s\n", good ? "ok" : "not ok", i + 1,
		       kinds[i].name);
	}

	/* No step is forgotten. */
	report("in all", injection.count);
	for (i = 0; i < INJECT_STEPS && injection.count[i]; i++)
		;
	failed += i < INJECT_STEPS;
	printf("%s %zu - every step has failed once: %s\n",
	       i < INJECT_STEPS ? "not ok" : "ok", ARRAY_SIZE(kinds) + 1,
	       i < INJECT_STEPS ? inject_names[i] : "all");

	/* Nodes that wait for readers are no leak. */
	rcu_barrier();
	rcu_unregister_thread();

	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
