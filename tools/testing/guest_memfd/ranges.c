// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which pages of a guest_memfd are shared: virt/kvm/guest_memfd_ranges.c beside a
 * byte for each page, by random changes, some of which are cancelled or run out
 * of memory, while another thread reads what nobody changes.
 *
 * Usage: ranges [-n CHANGES] [SEED]
 */
#include "maple-shared.h"

#include <err.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/maple_tree.h>

/* How many nodes there are: of tools/testing/shared. */
extern int nr_allocated;

/* Whose allocations are to fail. */
#include "../../../lib/maple_tree.c"

/* Of the kernel, what the file uses. */
#define __KVM_GUEST_MEMFD_H__
#define pgoff_t unsigned long
#define KVM_GMEM_I(inode) (inode)

struct inode {
	struct maple_tree shared;
	void *i_mapping;
};

static inline void filemap_invalidate_lock(void *mapping)
{
}

static inline void filemap_invalidate_unlock(void *mapping)
{
}

#include "../../../virt/kvm/guest_memfd_ranges.h"
#include "../../../virt/kvm/guest_memfd_ranges.c"

/* Enough for three levels of the tree. */
#define PAGES		(128UL << 10)
/* Around these nobody changes anything. */
#define FIXED_SHARED	(40UL << 10)
#define FIXED_PRIVATE	(80UL << 10)
#define FIXED		40UL

static struct inode inode;
static unsigned char model[PAGES];
static unsigned long random_state = 1;
static unsigned long tests;
/* Changes that were cancelled, and that ran out of memory. */
static unsigned long cancelled, without_memory;
static int stop;

/* The same sequence for the same seed everywhere. */
static unsigned long random_below(unsigned long limit)
{
	random_state = random_state * 6364136223846793005UL + 1442695040888963407UL;
	return (random_state >> 33) % limit;
}

#define require(condition, ...)						\
do {									\
	if (!(condition)) {						\
		printf("not ok %lu - ", ++tests);			\
		printf(__VA_ARGS__);					\
		printf("\n");						\
		exit(1);						\
	}								\
} while (0)

static void *read_fixed(void *reads)
{
	unsigned long index = 0;

	rcu_register_thread();
	while (!uatomic_read(&stop)) {
		rcu_read_lock();
		index = (index + 1) % FIXED;
		require(kvm_gmem_is_shared(&inode, FIXED_SHARED + index),
			"page %lu is shared, always", FIXED_SHARED + index);
		require(!kvm_gmem_is_shared(&inode, FIXED_PRIVATE + index),
			"page %lu is private, always", FIXED_PRIVATE + index);
		rcu_read_unlock();
		++*(unsigned long *)reads;
	}
	rcu_unregister_thread();
	return NULL;
}

static bool model_is(unsigned long start, unsigned long end, bool shared)
{
	return !memchr(model + start, !shared, end - start);
}

/* The first pages; returns how many times the state changes. */
static unsigned long compare_pages(unsigned long limit)
{
	unsigned long index, changes = 0;

	for (index = 0; index < limit; index++) {
		require(kvm_gmem_is_shared(&inode, index) == model[index],
			"page %lu is %s", index,
			model[index] ? "shared" : "private");
		changes += model[index] != (index ? model[index - 1] : 0);
	}
	return changes;
}

/* No entry could be merged with the next, or left out. */
static unsigned long count_entries(bool merged)
{
	MA_STATE(mas, &inode.shared, 0, 0);
	unsigned long count = 0, behind = 0;
	bool was_whole = false;
	void *entry;

	mas_for_each(&mas, entry, ULONG_MAX) {
		bool whole = xa_to_value(entry) == KVM_GMEM_BLOCK_SHARED;

		require(mas.index == mas.last || whole,
			"what has several blocks is shared: %lu to %lu",
			mas.index, mas.last);
		if (merged) {
			require(xa_to_value(entry), "block %lu has no entry",
				mas.index);
			require(!whole || !was_whole || behind != mas.index,
				"block %lu is merged", mas.index);
		}
		was_whole = whole;
		behind = mas.last + 1;
		count++;
	}
	return count;
}

/* Leave out what is fixed: the part before it, or what is behind. */
static void avoid_fixed(unsigned long fixed, unsigned long *start,
			unsigned long *end)
{
	if (*start >= fixed + FIXED || *end <= fixed)
		return;
	if (*start < fixed)
		*end = fixed;
	else
		*start = fixed + FIXED;
}

static void choose_range(unsigned long limit, unsigned long *start,
			 unsigned long *end)
{
	static const unsigned long lengths[] = { 1, 1, 3, 40, 200, 8000 };

	do {
		*start = random_below(limit);
		*end = *start + 1 +
		       random_below(lengths[random_below(ARRAY_SIZE(lengths))]);
		if (*end > limit || !random_below(5000))
			*end = limit;
		avoid_fixed(FIXED_SHARED, start, end);
		avoid_fixed(FIXED_PRIVATE, start, end);
	} while (*start >= *end);
}

/*
 * One change; returns whether it was made. With @failures some are cancelled,
 * and some run out of memory.
 */
static bool change(unsigned long limit, bool failures)
{
	bool shared = random_below(2), cancel = failures && !random_below(4);
	struct kvm_gmem_update update;
	unsigned long start, end;
	gfp_t gfp = GFP_KERNEL;
	int r;

	choose_range(limit, &start, &end);
	require(kvm_gmem_range_is(&inode, start, end, shared) ==
		model_is(start, end, shared), "%lu to %lu is %s", start, end,
		shared ? "shared" : "private");
	if (failures && !random_below(2)) {
		gfp = GFP_NOWAIT;
		kmem_cache_set_non_kernel(maple_node_cache, random_below(6));
	}
	r = kvm_gmem_prepare_state(&update, &inode, start, end, shared, gfp);
	kmem_cache_set_non_kernel(maple_node_cache, 0);
	require(!r || (r == -ENOMEM && gfp == GFP_NOWAIT),
		"preparing %lu to %lu: %d", start, end, r);
	without_memory += r != 0;
	if (r)
		return false;
	require(update.changes == !model_is(start, end, shared),
		"whether %lu to %lu changes", start, end);
	if (!update.changes)
		return false;

	if (cancel) {
		kvm_gmem_cancel_state(&update);
		cancelled++;
		return false;
	}

	kvm_gmem_commit_state(&update);
	memset(model + start, shared, end - start);
	return true;
}

static void begin(void)
{
	kvm_gmem_init_ranges(&inode);
	memset(model, 0, sizeof(model));
	cancelled = 0;
	without_memory = 0;
}

static void begin_fixed(void)
{
	begin();
	require(!kvm_gmem_set_state(&inode, FIXED_SHARED, FIXED_SHARED + FIXED,
				    true, GFP_KERNEL), "the first range");
	memset(model + FIXED_SHARED, 1, FIXED);
}

static void finish(void)
{
	kvm_gmem_destroy_ranges(&inode);
	rcu_barrier();
	require(!uatomic_read(&nr_allocated), "%d nodes are left",
		uatomic_read(&nr_allocated));
}

static void test_random(unsigned long changes, bool failures)
{
	unsigned long n, made = 0, limit = PAGES, reads = 0;
	unsigned long entries = 0, most = 0;
	pthread_t reader;

	begin_fixed();
	stop = 0;
	if (pthread_create(&reader, NULL, read_fixed, &reads))
		errx(1, "cannot make a thread");

	for (n = 0; n < changes; n++) {
		if (!(n % 5000))
			limit = random_below(2) ? PAGES :
				FIXED_PRIVATE + FIXED + random_below(10000);
		made += change(limit, failures);
		if (n % 1000 == 999) {
			unsigned long edges = compare_pages(PAGES);

			entries = count_entries(!failures);
			/* The first block of a range, the last, and between. */
			require(failures || 2 * entries <= 3 * (edges + 1),
				"%lu entries for %lu changes of state",
				entries, edges);
			mt_validate(&inode.shared);
			most = max(most, entries);
		}
	}

	uatomic_set(&stop, 1);
	pthread_join(reader, NULL);
	finish();
	require(reads, "the reader has read");
	require(!failures || (cancelled && without_memory),
		"%lu changes cancelled, %lu without memory", cancelled,
		without_memory);
	printf("ok %lu - %lu changes of %lu made, %lu cancelled, ", ++tests, made,
	       changes, cancelled);
	printf("%lu without memory: up to %lu entries, %lu reads\n",
	       without_memory, most, reads);
}

/* Files of a few blocks, or of a part of one, compared after each change. */
static void test_small(unsigned long changes)
{
	unsigned long files, n, limit, made = 0;

	for (files = 0; files < changes / 200; files++) {
		begin();
		limit = 1 + random_below(random_below(2) ? 40 : 400);
		for (n = 0; n < 200; n++) {
			made += change(limit, n % 2);
			compare_pages(limit);
			mt_validate(&inode.shared);
		}
		finish();
	}
	printf("ok %lu - %lu small files, %lu changes made\n", ++tests, files,
	       made);
}

/* Every other page: what the tree is as large as. */
static void test_alternating(void)
{
	unsigned long index, nodes;

	begin_fixed();
	for (index = 0; index < PAGES; index += 2) {
		require(!kvm_gmem_set_state(&inode, index, index + 1, true,
					    GFP_KERNEL), "page %lu", index);
		model[index] = 1;
	}
	compare_pages(PAGES);
	nodes = count_entries(true);
	require(nodes == PAGES / KVM_GMEM_BLOCK_PAGES,
		"%lu entries for %lu pages", nodes, PAGES);

	for (index = 1; index < PAGES; index += 2) {
		require(!kvm_gmem_set_state(&inode, index, index + 1, true,
					    GFP_KERNEL), "page %lu", index);
		model[index] = 1;
	}
	compare_pages(PAGES);
	require(count_entries(true) == 1, "one entry for all pages");
	finish();
	printf("ok %lu - every other of %lu pages: %lu entries, then one\n",
	       ++tests, PAGES, nodes);
}

/* A page at a time, up and down: most need no memory. */
static void test_sequence(void)
{
	struct kvm_gmem_update update;
	unsigned long index, without = 0;
	int r;

	begin_fixed();
	for (index = 0; index < FIXED_SHARED; index++) {
		r = kvm_gmem_prepare_state(&update, &inode, index, index + 1,
					   true, GFP_NOWAIT);
		without += !r;
		if (r)
			r = kvm_gmem_prepare_state(&update, &inode, index,
						   index + 1, true, GFP_KERNEL);
		require(!r, "page %lu", index);
		kvm_gmem_commit_state(&update);
	}
	require(without > FIXED_SHARED * 9 / 10,
		"%lu of %lu changes need no memory", without, FIXED_SHARED);
	require(count_entries(true) == 2 - !(FIXED % KVM_GMEM_BLOCK_PAGES),
		"as few entries as can be");
	finish();
	printf("ok %lu - %lu of %lu changes of one page need no memory\n", ++tests,
	       without, FIXED_SHARED);
}

int main(int argc, char **argv)
{
	unsigned long changes = 50000;
	int option;

	while ((option = getopt(argc, argv, "n:")) != -1) {
		if (option != 'n')
			errx(2, "usage: ranges [-n CHANGES] [SEED]");
		changes = strtoul(optarg, NULL, 0);
	}
	if (optind < argc)
		random_state = strtoul(argv[optind], NULL, 0);

	rcu_register_thread();
	maple_tree_init();
	test_alternating();
	test_sequence();
	test_random(changes, false);
	test_random(changes, true);
	test_small(changes);
	printf("1..%lu\n", tests);
	rcu_unregister_thread();
	return 0;
}
