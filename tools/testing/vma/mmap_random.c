// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random sequences of operations on an address space, compared with a model of
 * it after each.
 *
 * Usage: mmap_random [-s SECONDS | -n SEQUENCES] [SEED]
 */
#include <time.h>
#include <unistd.h>

#include "mmap_decode.h"

#define OPERATIONS	200
#define BYTES		(OPERATIONS * 24)

/* As in the C library, but the same in every one of them: xorshift64*. */
static unsigned long random_state;

static unsigned char random_byte(void)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return random_state * 0x2545f4914f6cdd1dUL >> 56;
}

static unsigned long operations, mappings_made, hooks_called, faults;

/* Run the sequence that @seed stands for; says where it failed, if it did. */
static bool run_sequence(unsigned long seed)
{
	static unsigned char data[BYTES];
	static int i;
	struct bytes bytes = { data, data + sizeof(data) };

	random_state = seed * 0x9e3779b97f4a7c15UL | 1;
	for (i = 0; i < BYTES; i++)
		data[i] = random_byte();

	if (setjmp(test_failed)) {
		printf("# in operation %d of the sequence of seed %lu: %s\n",
		       i, seed, doing);
		return false;
	}
	set_up_model();
	/* As in the kernel: nodes are replaced, for readers may be about. */
	if (seed % 4 == 0)
		mt_set_in_rcu(&mm.mm_mt);
	for (i = 0; i < OPERATIONS; i++) {
		next_operation(&bytes);
		operations++;
	}
	mappings_made += region_test.vma_allocs;
	hooks_called += hook.calls;
	tear_down_model();
	return true;
}

int main(int argc, char **argv)
{
	unsigned long sequences = 0, first = time(NULL), seed;
	double seconds = 3;
	bool good, more;
	clock_t end;
	int i, option;

	while ((option = getopt(argc, argv, "n:s:")) != -1) {
		if (option == 'n')
			sequences = strtoul(optarg, NULL, 0);
		else if (option == 's')
			seconds = atof(optarg);
		else
			return EXIT_FAILURE;
	}
	if (optind < argc)
		first = strtoul(argv[optind], NULL, 0);
	seed = first;
	end = clock() + (clock_t)(seconds * CLOCKS_PER_SEC);

	setvbuf(stdout, NULL, _IOLBF, 0);
	maple_tree_init();
	rcu_register_thread();

	printf("TAP version 13\n1..1\n# seed %lu\n", first);
	do {
		good = run_sequence(seed++);
		more = sequences ? seed - first < sequences : clock() < end;
	} while (good && more);

	for (i = 0; i < INJECT_STEPS; i++) {
		printf("# %s failed %lu times\n", inject_names[i],
		       injection.count[i]);
		faults += injection.count[i];
	}
	if (!good)
		printf("# to repeat: %s -n 1 %lu\n", argv[0], seed - 1);
	printf("%s 1 - %lu sequences, %lu operations, %lu hook calls, %lu VMAs, %lu faults\n",
	       good ? "ok" : "not ok", seed - first, operations, hooks_called,
	       mappings_made, faults);

	rcu_barrier();
	rcu_unregister_thread();

	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
