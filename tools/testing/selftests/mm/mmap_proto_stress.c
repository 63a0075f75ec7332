// SPDX-License-Identifier: GPL-2.0-only
/*
 * Map files of lib/test_mmap_proto.c very often, in random ways, and have a
 * share of it fail: the hook, its requests, its actions, mapped(). Afterwards
 * whatever the kernel counts is as it was.
 *
 * Two processes do it, each with a file, a window and a sequence of random
 * numbers of its own. Each knows from its settings what mmap() must return and
 * what the pages must show. On a kernel with fault injection, allocations fail
 * too, and it is done less often: each step takes much longer there. They do not
 * if the environment has mmap_proto_faults=no.
 */
#define _GNU_SOURCE
#include <sys/wait.h>

#include "mmap_proto_driver.h"

#define PROCESSES 2
#define MAPPINGS 1000000
#define MAPPINGS_WITH_FAULTS 20000
/* So much of the window is used: few mappings are quick to check. */
#define BUSY_PAGES 16
/* Settings are changed this often. */
#define MAPPINGS_PER_SETTING 64
/* One in so many allocations of a kind fails, percent. */
#define FAULTS_PERCENT "3"
#define MAKE_IT_FAIL "/proc/self/make-it-fail"
#define FAULTS "mmap_proto_faults"

/* What one process has seen; shared with the parent. */
struct tally {
	unsigned long mapped;
	unsigned long failed;
	unsigned long out_of_memory;
	unsigned long pages_read;
	bool good;
};

static struct tally *tallies;
static bool with_faults;

/* Of a process: its file, and the one that is mapped instead at times. */
struct files {
	int fd, other_fd;
	unsigned long number, other_number;
};

static unsigned int next_random(unsigned int *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;

	return *state;
}

static struct test_mmap_proto_settings random_settings(unsigned int *random,
						       int other_fd)
{
	struct test_mmap_proto_settings settings = {
		.memory = next_random(random) % TEST_MMAP_PROTO_MEMORIES,
		.holds = next_random(random) % 3,
		.other_fd = other_fd,
	};

	/* mapped() and close() go together, or they could not be compared. */
	switch (next_random(random) % 3) {
	case 0:
		settings.options = TEST_MMAP_PROTO_OBJECT;
		__attribute__((__fallthrough__));
	case 1:
		settings.options |= TEST_MMAP_PROTO_MAPPED |
				    TEST_MMAP_PROTO_CLOSE;
		break;
	}
	if (settings.memory == TEST_MMAP_PROTO_ANONYMOUS)
		settings.options = 0;
	if (settings.memory == TEST_MMAP_PROTO_OTHER_FILE)
		settings.options &= ~TEST_MMAP_PROTO_OBJECT;
	if (next_random(random) & 1)
		settings.set_flags = VM_DONTDUMP;

	/* What fails, if something does. */
	switch (next_random(random) % 8) {
	case 0:
		settings.error = -EIO;
		break;
	case 1:
		/* The other file has settings of its own. */
		if ((settings.options & TEST_MMAP_PROTO_MAPPED) &&
		    settings.memory != TEST_MMAP_PROTO_OTHER_FILE)
			settings.mapped_error = -EUSERS;
		break;
	case 2:
		if (settings.memory != TEST_MMAP_PROTO_ANONYMOUS)
			settings.options |= TEST_MMAP_PROTO_BEYOND;
		break;
	case 3:
		settings.failing_page = 1 + next_random(random) % WINDOW_PAGES;
		break;
	}

	return settings;
}

/* One mmap(), and what it must return. */
struct request {
	unsigned long page, nr_pages, offset;
	int prot, flags;
};

static struct request random_request(unsigned int *random)
{
	struct request request;

	request.nr_pages = 1 + next_random(random) % 4;
	request.page = next_random(random) %
		       (BUSY_PAGES - request.nr_pages + 1);
	request.offset = next_random(random) %
			 (WINDOW_PAGES - request.nr_pages + 1);
	request.prot = next_random(random) & 1 ? RW : PROT_READ;
	request.flags = next_random(random) & 1 ? MAP_SHARED : MAP_PRIVATE;

	return request;
}

/* Which page of the file page @i of the mapping shows. */
static unsigned long shown_page(unsigned int memory,
				const struct request *request, unsigned long i)
{
	unsigned long number = i;

	if (memory != TEST_MMAP_PROTO_MAP_PAGES_ZERO)
		number += request->offset;

	return is_swapped(memory) ? number ^ 1 : number;
}

static bool has_failing_page(const struct test_mmap_proto_settings *settings,
			     const struct request *request)
{
	unsigned long i;

	if (!is_inserted(settings->memory))
		return false;
	for (i = 0; i < request->nr_pages; i++) {
		if (shown_page(settings->memory, request, i) + 1 ==
		    settings->failing_page)
			return true;
	}

	return false;
}

static bool is_cow(const struct request *request)
{
	return request->flags == MAP_PRIVATE;
}

static int expected_error(const struct test_mmap_proto_settings *settings,
			  const struct request *request)
{
	/* In the order in which the hook and the core get to them. */
	if (settings->memory == TEST_MMAP_PROTO_ANONYMOUS && !is_cow(request))
		return -EINVAL;
	if (settings->memory == TEST_MMAP_PROTO_REMAP_PARTS &&
	    is_cow(request) && request->nr_pages > 1)
		return -EINVAL;
	if (settings->options & TEST_MMAP_PROTO_BEYOND)
		return -EFAULT;
	if (settings->error)
		return settings->error;
	if (has_failing_page(settings, request))
		return -EINVAL;

	return settings->mapped_error;
}

static unsigned int area_of(unsigned int memory)
{
	if (memory == TEST_MMAP_PROTO_REMAP_VMALLOC)
		return TEST_MMAP_PROTO_VMALLOC;
	if (memory == TEST_MMAP_PROTO_DMA_MMAP)
		return TEST_MMAP_PROTO_DMA;

	return TEST_MMAP_PROTO_BLOCK;
}

/* Look at one page, and write to it where that changes no other. */
static bool touch(const struct test_mmap_proto_settings *settings,
		  const struct request *request, unsigned long i,
		  const struct files *files)
{
	const unsigned long file =
		settings->memory == TEST_MMAP_PROTO_OTHER_FILE ?
		files->other_number : files->number;

	if (settings->memory == TEST_MMAP_PROTO_ANONYMOUS) {
		if (request->prot == RW)
			*at(request->page + i) = 1;
		return true;
	}
	if (!shows(request->page + i,
		   shown_page(settings->memory, request, i),
		   area_of(settings->memory), file))
		return false;
	if (request->prot == RW)
		at(request->page + i)[page_size - 1] = 1;

	return true;
}

/* munmap() may need memory to split a mapping. */
static bool unmap_whatever(unsigned long page, unsigned long nr_pages)
{
	int tries = 1000;

	while (!unmap(page, nr_pages)) {
		if (errno != ENOMEM || !with_faults || !tries--) {
			ksft_print_msg("munmap: %s\n", strerror(errno));
			return false;
		}
	}

	return true;
}

/* Returns false when something is not as it must be. */
static bool one_mapping(const struct files *files,
			const struct test_mmap_proto_settings *settings,
			unsigned int *random, struct tally *tally)
{
	const struct request request = random_request(random);
	const int error = expected_error(settings, &request);
	const bool mapped = map(files->fd, request.page, request.nr_pages,
				request.prot, request.flags,
				request.offset) != MAP_FAILED;

	if (!mapped && errno == ENOMEM && with_faults) {
		tally->out_of_memory++;
		return true;
	}
	if (mapped ? error : errno != -error) {
		ksft_print_msg("mmap: %s, not %s; memory %u, options %x\n",
			       mapped ? "it succeeds" : strerror(errno),
			       strerror(-error), settings->memory,
			       settings->options);
		return false;
	}
	if (!mapped) {
		tally->failed++;
		return true;
	}

	tally->mapped++;
	if (next_random(random) % 4 == 0) {
		const unsigned long i = next_random(random) % request.nr_pages;

		tally->pages_read++;
		if (!touch(settings, &request, i, files)) {
			ksft_print_msg("memory %u, options %x, prot %d, flags %d\n",
				       settings->memory, settings->options,
				       request.prot, request.flags);
			return false;
		}
	}
	switch (next_random(random) % 4) {
	case 0:
		/* Stays, until another takes its place. */
		return true;
	case 1:
		return unmap_whatever(request.page,
				      1 + next_random(random) %
				      request.nr_pages);
	default:
		return unmap_whatever(request.page, request.nr_pages);
	}
}

static bool apply(int fd, struct test_mmap_proto_settings settings)
{
	while (ioctl(fd, TEST_MMAP_PROTO_SET, &settings)) {
		if (errno != ENOMEM || !with_faults) {
			ksft_print_msg("TEST_MMAP_PROTO_SET: %s\n",
				       strerror(errno));
			return false;
		}
	}

	return true;
}

static bool run(const struct files *files, unsigned int process,
		unsigned long mappings, struct tally *tally)
{
	unsigned int random = 2463534242U + process;
	struct test_mmap_proto_settings settings;
	unsigned long i;

	for (i = 0; i < mappings; i++) {
		if (i % MAPPINGS_PER_SETTING == 0) {
			settings = random_settings(&random, files->other_fd);
			if (!apply(files->fd, settings))
				return false;
		}
		if (!one_mapping(files, &settings, &random, tally))
			return false;
	}

	/* The last settings may refer to the other file. */
	return unmap_whatever(0, WINDOW_PAGES) &&
	       apply(files->fd, (struct test_mmap_proto_settings){ }) &&
	       balanced(files->fd, 1) &&
	       balanced(files->other_fd, 1);
}

/* ---- faults -------------------------------------------------------------- */

/* Have a share of the allocations of tasks that ask for it fail. */
static void inject(const char *kind)
{
	static const char *const settings[][2] = {
		{ "task-filter", "Y" }, { "ignore-gfp-wait", "N" },
		{ "probability", FAULTS_PERCENT }, { "interval", "1" },
		{ "times", "-1" }, { "verbose", "0" },
	};
	char path[96];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(settings); i++) {
		snprintf(path, sizeof(path), "/sys/kernel/debug/%s/%s", kind,
			 settings[i][0]);
		if (!write_proc(path, settings[i][1]))
			ksft_exit_fail_msg("%s: %s\n", path, strerror(errno));
	}
}

static void inject_faults(void)
{
	inject("failslab");
	inject("fail_page_alloc");
	/* Pages of any order, not only larger ones. */
	if (!write_proc("/sys/kernel/debug/fail_page_alloc/min-order", "0"))
		ksft_exit_fail_msg("min-order: %s\n", strerror(errno));
}

/* ---- processes ----------------------------------------------------------- */

static void child(unsigned int process, unsigned long mappings)
{
	struct tally *tally = &tallies[process];
	struct files files = {
		.fd = open_driver("test_mmap_proto"),
		.other_fd = open_driver("test_mmap_proto"),
	};

	files.number = count(files.fd).file;
	files.other_number = count(files.other_fd).file;
	if (with_faults && !write_proc(MAKE_IT_FAIL, "1"))
		_exit(1);
	tally->good = run(&files, process, mappings, tally);
	/* Until it succeeds: it needs memory too. */
	while (with_faults && !write_proc(MAKE_IT_FAIL, "0"))
		tally->good &= errno == ENOMEM;
	fflush(stdout);
	_exit(0);
}

static bool run_processes(unsigned long mappings)
{
	unsigned int process;
	bool good = true;
	int status;

	fflush(stdout);
	for (process = 0; process < PROCESSES; process++) {
		const pid_t pid = fork();

		if (pid < 0)
			ksft_exit_fail_msg("fork: %s\n", strerror(errno));
		if (!pid)
			child(process, mappings / PROCESSES);
	}
	for (process = 0; process < PROCESSES; process++) {
		if (wait(&status) < 0 || status) {
			ksft_print_msg("a process ended with %x\n", status);
			good = false;
		}
	}

	return good;
}

static bool add_up(unsigned long mappings)
{
	struct tally sum = { .good = true };
	unsigned int process;

	for (process = 0; process < PROCESSES; process++) {
		const struct tally *tally = &tallies[process];

		sum.good &= tally->good;
		sum.mapped += tally->mapped;
		sum.failed += tally->failed;
		sum.out_of_memory += tally->out_of_memory;
		sum.pages_read += tally->pages_read;
	}
	ksft_print_msg("%lu mapped, and %lu pages read\n", sum.mapped,
		       sum.pages_read);
	ksft_print_msg("%lu failed as asked for, %lu for want of memory\n",
		       sum.failed, sum.out_of_memory);

	return sum.good &&
	       sum.mapped + sum.failed + sum.out_of_memory == mappings &&
	       sum.mapped > mappings / 2 && sum.failed > mappings / 10 &&
	       (!with_faults || sum.out_of_memory > mappings / 100);
}

static void same(const char *what, long found, long expected)
{
	if (found != expected)
		ksft_print_msg("%ld, not %ld\n", found, expected);
	ksft_test_result(found == expected, "%s\n", what);
}

int main(void)
{
	struct test_mmap_proto_counters counters, now;
	unsigned long mappings = MAPPINGS;
	long charged, mapped;
	int fd;

	tallies = mmap(NULL, sizeof(*tallies) * PROCESSES, RW,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (tallies == MAP_FAILED)
		ksft_exit_fail_msg("mmap: %s\n", strerror(errno));
	make_window();
	fd = open_driver("test_mmap_proto");
	with_faults = !access(MAKE_IT_FAIL, F_OK) &&
		      (!getenv(FAULTS) || strcmp(getenv(FAULTS), "no"));
	if (with_faults) {
		mappings = MAPPINGS_WITH_FAULTS;
		inject_faults();
		keep_page_table(true);
	}

	ksft_print_header();
	ksft_set_plan(5);
	bring_in();
	/* The first reading is for what it takes itself. */
	nr_mapped();
	committed();
	mapped = nr_mapped();
	charged = committed();
	counters = count(fd);

	ksft_test_result(run_processes(mappings) && add_up(mappings),
			 "%lu times mmap()%s\n", mappings,
			 with_faults ? ", allocations fail" : "");

	now = count(fd);
	same("Committed_AS", committed(), charged);
	same("nr_mapped", nr_mapped(), mapped);
	same("files", now.all_files, counters.all_files);
	same("objects", now.all_objects, counters.all_objects);
	ksft_finished();
}
