// SPDX-License-Identifier: GPL-2.0-only
/*
 * A libFuzzer target: operations on an address space that its bytes say,
 * compared with a model of it after each.
 *
 * Usage: mmap_fuzz [OPTION of libFuzzer]... [CORPUS or INPUT]...
 */
#include "mmap_decode.h"

/* More than this need no coverage, only time. */
#define OPERATIONS	200

/* What libFuzzer calls has names of its own. */
int fuzz_initialize(int *argc, char ***argv)
	__asm__("LLVMFuzzerInitialize");
int fuzz_one(const unsigned char *data, size_t size)
	__asm__("LLVMFuzzerTestOneInput");

int fuzz_initialize(int *argc, char ***argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	maple_tree_init();
	return 0;
}

int fuzz_one(const unsigned char *data, size_t size)
{
	static struct bytes bytes;
	static int i;

	bytes.at = data;
	bytes.end = data + size;
	if (setjmp(test_failed)) {
		printf("# in operation %d: %s\n", i, doing);
		abort();
	}
	set_up_model();
	for (i = 0; i < OPERATIONS && bytes.at < bytes.end; i++)
		next_operation(&bytes);
	tear_down_model();

	return 0;
}
