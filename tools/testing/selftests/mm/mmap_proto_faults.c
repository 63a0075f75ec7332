// SPDX-License-Identifier: GPL-2.0-only
/*
 * Make each allocation of an mmap() of lib/test_mmap_proto.c fail in turn: the
 * first, the second, until none is left. Each time mmap() must say ENOMEM, or
 * do without, and leave nothing behind.
 *
 * This needs a kernel with fault injection.
 */
#define _GNU_SOURCE
#include <sys/wait.h>

#include "mmap_proto_driver.h"

#define FAIL_NTH "/proc/thread-self/fail-nth"
#define NTH_MAX 500

static int fd, other_fd, nth_fd;
static unsigned int injected, survived;

static const struct {
	const char *name;
	unsigned int memory;
} kinds[] = {
	{ "a fault handler's pages", TEST_MMAP_PROTO_FAULT },
	{ "remap_pfn_range()", TEST_MMAP_PROTO_REMAP },
	{ "several of them", TEST_MMAP_PROTO_REMAP_PARTS },
	{ "io_remap_pfn_range()", TEST_MMAP_PROTO_REMAP_IO },
	{ "vm_iomap_memory()", TEST_MMAP_PROTO_IOMAP },
	{ "vm_insert_page() for each page", TEST_MMAP_PROTO_INSERT_PAGE },
	{ "vm_insert_pages()", TEST_MMAP_PROTO_INSERT_PAGES },
	{ "vm_map_pages()", TEST_MMAP_PROTO_MAP_PAGES },
	{ "remap_vmalloc_range()", TEST_MMAP_PROTO_REMAP_VMALLOC },
	{ "dma_mmap_coherent()", TEST_MMAP_PROTO_DMA_MMAP },
	{ "another file", TEST_MMAP_PROTO_OTHER_FILE },
};

static void fail_nth(unsigned int n)
{
	char text[16];
	const int length = snprintf(text, sizeof(text), "%u", n);

	if (pwrite(nth_fd, text, length, 0) != length)
		ksft_exit_fail_msg("%s: %s\n", FAIL_NTH, strerror(errno));
}

/* Has the allocation that was to fail not come yet? */
static bool is_left(void)
{
	char text[16] = "";

	if (pread(nth_fd, text, sizeof(text) - 1, 0) <= 0)
		ksft_exit_fail_msg("%s: %s\n", FAIL_NTH, strerror(errno));

	return atoi(text);
}

static void allow_faults(const char *kind, const char *name, const char *value)
{
	char path[96];

	snprintf(path, sizeof(path), "/sys/kernel/debug/%s/%s", kind, name);
	if (!write_proc(path, value))
		ksft_exit_fail_msg("%s: %s\n", path, strerror(errno));
}

/* Victims for MAP_FIXED: anonymous pages 4 to 12, the driver's 12 to 20. */
static bool make_victims(void)
{
	unsigned long page;

	set(fd, (struct test_mmap_proto_settings){
		.options = TEST_MMAP_PROTO_MAPPED | TEST_MMAP_PROTO_CLOSE });
	if (mmap(at(4), 8 * page_size, RW,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != at(4) ||
	    !maps(fd, 12, 8, RW, MAP_SHARED, 0))
		return false;
	for (page = 4; page < 20; page++)
		at(page)[2000] = page;

	return true;
}

/* What is not in the way of pages 8 to 16 must be as it was. */
static bool others_live(void)
{
	unsigned long page;

	for (page = 4; page < 20; page++) {
		if ((page < 8 || page >= 16) && at(page)[2000] != (char)page) {
			ksft_print_msg("page %lu has changed\n", page);
			return false;
		}
	}

	return true;
}

/*
 * One mmap() whose allocation @n fails. Sets @left when it had no such
 * allocation.
 */
static bool fail_once(struct test_mmap_proto_settings settings, int flags,
		      bool over, unsigned int n, bool *left)
{
	const bool other = settings.memory == TEST_MMAP_PROTO_OTHER_FILE;
	const long charged = committed();
	void *result;
	int error;

	if (over && !make_victims())
		return false;
	set(fd, settings);

	fail_nth(n);
	result = map(fd, 8, 8, RW, flags, 8);
	error = result == MAP_FAILED ? errno : 0;
	*left = is_left();
	fail_nth(0);

	if (error && (error != ENOMEM || *left)) {
		ksft_print_msg("mmap: %s\n", strerror(error));
		return false;
	}
	injected += !*left;
	survived += !*left && !error;
	if (over && !others_live())
		return false;
	if (!error && !shows(9, is_swapped(settings.memory) ? 8 : 9,
			     settings.memory == TEST_MMAP_PROTO_DMA_MMAP ?
			     TEST_MMAP_PROTO_DMA :
			     settings.memory == TEST_MMAP_PROTO_REMAP_VMALLOC ?
			     TEST_MMAP_PROTO_VMALLOC : TEST_MMAP_PROTO_BLOCK,
			     count(other ? other_fd : fd).file))
		return false;
	if (!unmap(0, WINDOW_PAGES) || committed() != charged) {
		ksft_print_msg("Committed_AS: %ld, not %ld\n", committed(),
			       charged);
		return false;
	}

	return balanced(fd, 1) && balanced(other_fd, other ? 2 : 1);
}

/* Does one remap_pfn_range() make all of the mapping? */
static bool is_tracked(unsigned int memory)
{
	return memory == TEST_MMAP_PROTO_REMAP ||
	       memory == TEST_MMAP_PROTO_REMAP_IO ||
	       memory == TEST_MMAP_PROTO_IOMAP ||
	       memory == TEST_MMAP_PROTO_DMA_MMAP;
}

/* All allocations of a way to map; false when one does harm. */
static bool fail_each(struct test_mmap_proto_settings settings, int flags,
		      bool over)
{
	bool left = false;
	unsigned int n;

	keep_page_table(flags == MAP_SHARED && is_tracked(settings.memory));
	for (n = 1; !left; n++) {
		if (n > NTH_MAX || !fail_once(settings, flags, over, n, &left)) {
			ksft_print_msg("allocation %u, %s, %s\n", n,
				       flags == MAP_SHARED ? "shared" : "private",
				       over ? "over others" : "new");
			return false;
		}
	}
	keep_page_table(false);

	return true;
}

static void fail_kind(const char *name, unsigned int memory)
{
	struct test_mmap_proto_settings settings = {
		.memory = memory, .other_fd = other_fd, .holds = 3,
		.options = TEST_MMAP_PROTO_MAPPED | TEST_MMAP_PROTO_CLOSE,
	};
	bool good;

	if (memory != TEST_MMAP_PROTO_OTHER_FILE)
		settings.options |= TEST_MMAP_PROTO_OBJECT;

	injected = 0;
	survived = 0;
	good = fail_each(settings, MAP_SHARED, false) &&
	       fail_each(settings, MAP_SHARED, true);
	/* The only kind that private mappings cannot have. */
	if (memory != TEST_MMAP_PROTO_REMAP_PARTS)
		good = good && fail_each(settings, MAP_PRIVATE, false) &&
		       fail_each(settings, MAP_PRIVATE, true);
	ksft_test_result(good && injected > survived,
			 "%s: %u allocations failed, %u of them unnoticed\n",
			 name, injected, survived);
	set(fd, (struct test_mmap_proto_settings){ });
}

int main(void)
{
	size_t i;

	make_window();
	nth_fd = open(FAIL_NTH, O_RDWR | O_CLOEXEC);
	if (nth_fd < 0 && errno == ENOENT)
		ksft_exit_skip("%s: %s (CONFIG_FAULT_INJECTION)\n", FAIL_NTH,
			       strerror(errno));
	allow_faults("failslab", "ignore-gfp-wait", "N");
	allow_faults("fail_page_alloc", "ignore-gfp-wait", "N");
	allow_faults("fail_page_alloc", "min-order", "0");
	allow_faults("failslab", "verbose", "0");
	allow_faults("fail_page_alloc", "verbose", "0");

	ksft_print_header();
	ksft_set_plan(ARRAY_SIZE(kinds) + 1);
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		fd = open_driver("test_mmap_proto");
		other_fd = open_driver("test_mmap_proto");
		fail_kind(kinds[i].name, kinds[i].memory);
		unmap(0, WINDOW_PAGES);
		close(fd);
		close(other_fd);
	}
	fd = open_driver("test_mmap_proto");
	ksft_test_result(count(fd).all_files == 1 && !count(fd).all_objects,
			 "no file and no object is left\n");
	ksft_finished();
}
