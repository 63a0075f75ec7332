// SPDX-License-Identifier: GPL-2.0-only
/*
 * Destroy trees that RCU readers may use, of every shape that random stores of
 * ranges lead to: each node is freed, once, and not used afterwards.
 *
 * Usage: maple_destroy [SEED]
 */
#include "maple-shared.h"

#include <linux/maple_tree.h>
#include <linux/xarray.h>

/* How many nodes there are: of tools/testing/shared. */
extern int nr_allocated;

#define TREES	400

static unsigned long random_state = 1;

/* The same sequence for the same seed everywhere. */
static unsigned long random_below(unsigned long limit)
{
	random_state = random_state * 6364136223846793005UL + 1442695040888963407UL;
	return (random_state >> 33) % limit;
}

/* Returns the height of the tree. */
static unsigned int fill(struct maple_tree *tree)
{
	static const unsigned long sizes[] = { 20, 200, 2000, 20000 };
	unsigned long size = sizes[random_below(ARRAY_SIZE(sizes))];
	unsigned long stores = 1 + random_below(size);

	while (stores--) {
		unsigned long start = random_below(size);
		unsigned long length = 1 + random_below(3);

		if (mtree_store_range(tree, start, start + length - 1,
				      random_below(3) ? xa_mk_value(stores) : NULL,
				      GFP_KERNEL))
			abort();
	}
	return mt_height(tree);
}

int main(int argc, char **argv)
{
	unsigned long heights[8] = { 0 };
	unsigned int n;

	if (argc > 1)
		random_state = strtoul(argv[1], NULL, 0);

	rcu_register_thread();
	maple_tree_init();
	for (n = 0; n < TREES; n++) {
		struct maple_tree tree;

		/* Without MT_FLAGS_ALLOC_RANGE, which is another kind of node. */
		mt_init_flags(&tree, MT_FLAGS_USE_RCU);
		heights[fill(&tree)]++;
		mtree_destroy(&tree);
		rcu_barrier();
		if (uatomic_read(&nr_allocated)) {
			printf("not ok 1 - tree %u: %d nodes are left\n", n,
			       uatomic_read(&nr_allocated));
			return 1;
		}
	}
	printf("ok 1 - %u trees, of height 1 to 5: %lu %lu %lu %lu %lu\n", n,
	       heights[1], heights[2], heights[3], heights[4], heights[5]);
	printf("1..1\n");
	rcu_unregister_thread();
	return 0;
}
