// SPDX-License-Identifier: GPL-2.0-only
/*
 * memfd_secret() areas are mapped through mmap_proto(): map them alone, next to
 * one another, over one another and where it must fail, and look at what
 * /proc/self/maps and smaps say.
 *
 * All of it happens in a window of NR_PAGES pages. A layout is written as the
 * mappings in it, each "first-last:offset access", in pages from the start of
 * the window (last is not part of it) and of the file.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../kselftest.h"

#ifndef __NR_memfd_secret
#define __NR_memfd_secret 447
#endif
#ifndef __NR_mseal
#define __NR_mseal 462
#endif

#define NR_PAGES 64
#define RW (PROT_READ | PROT_WRITE)

static size_t page_size;
static char *window;
static int fd;

static char *at(unsigned long page)
{
	return window + page * page_size;
}

static void *map_as(unsigned long page, unsigned long nr_pages, int prot,
		    int flags, unsigned long offset)
{
	return mmap(at(page), nr_pages * page_size, prot, flags | MAP_FIXED, fd,
		    offset * page_size);
}

static bool map(unsigned long page, unsigned long nr_pages,
		unsigned long offset)
{
	return map_as(page, nr_pages, RW, MAP_SHARED, offset) == at(page);
}

static void unmap(unsigned long page, unsigned long nr_pages)
{
	if (munmap(at(page), nr_pages * page_size))
		ksft_exit_fail_msg("munmap: %s\n", strerror(errno));
}

/* Read a file of /proc whole; the result is overwritten by the next call. */
static char *read_proc(const char *path)
{
	static char text[1 << 18];
	size_t length = 0;
	ssize_t got;
	int proc = open(path, O_RDONLY);

	if (proc < 0)
		ksft_exit_fail_msg("%s: %s\n", path, strerror(errno));
	do {
		got = read(proc, text + length, sizeof(text) - 1 - length);
		if (got > 0)
			length += got;
	} while (got > 0);
	close(proc);
	text[length] = 0;

	return text;
}

/* Parse a line of maps; true if it is of a mapping in the window. */
static bool parse(const char *line, unsigned long *first, unsigned long *last,
		  unsigned long *offset, char access[5])
{
	unsigned long start, end, bytes;

	if (sscanf(line, "%lx-%lx %4s %lx", &start, &end, access, &bytes) != 4)
		return false;
	if (end <= (unsigned long)window || start >= (unsigned long)at(NR_PAGES))
		return false;
	*first = (start - (unsigned long)window) / page_size;
	*last = (end - (unsigned long)window) / page_size;
	*offset = bytes / page_size;

	return true;
}

static const char *layout(void)
{
	static char text[1024];
	char *line = read_proc("/proc/self/maps");
	unsigned long first, last, offset;
	char access[5];
	size_t length = 0;

	text[0] = 0;
	for (line = strtok(line, "\n"); line; line = strtok(NULL, "\n")) {
		if (!parse(line, &first, &last, &offset, access))
			continue;
		length += snprintf(text + length, sizeof(text) - length,
				   "%s%lu-%lu:%lu %s", length ? ", " : "",
				   first, last, offset, access);
	}

	return text;
}

/* Does the mapping that begins at this page have this flag in smaps? */
static bool has_flag(unsigned long page, const char *flag)
{
	char *line = read_proc("/proc/self/smaps");
	unsigned long first, last, offset;
	bool found = false;
	char access[5];
	char word[8];

	snprintf(word, sizeof(word), " %s ", flag);
	for (line = strtok(line, "\n"); line; line = strtok(NULL, "\n")) {
		if (parse(line, &first, &last, &offset, access))
			found = first == page;
		else if (found && !strncmp(line, "VmFlags:", 8))
			return strstr(line, word);
	}

	return false;
}

static bool same(const char *expected)
{
	const char *found = layout();

	if (!strcmp(found, expected))
		return true;

	ksft_print_msg("layout is    %s\n", found);
	ksft_print_msg("          not %s\n", expected);
	return false;
}

static bool fails(void *result, int error)
{
	if (result == MAP_FAILED && errno == error)
		return true;

	ksft_print_msg("mmap() returned %p, errno %d (%s), not errno %d\n",
		       result, errno, strerror(errno), error);
	return false;
}

static bool new_mapping(void)
{
	if (!map(1, 2, 5))
		return false;
	memset(at(1), 0x5a, 2 * page_size);

	return same("1-3:5 rw-s") && at(2)[page_size - 1] == 0x5a;
}

static bool flags_in_smaps(void)
{
	return map(1, 1, 0) && has_flag(1, "dd") && has_flag(1, "sh") &&
	       has_flag(1, "rd") && has_flag(1, "wr") && !has_flag(1, "ac");
}

static bool not_for_gup(void)
{
	struct iovec remote, local;
	char byte;

	if (!map(1, 1, 0))
		return false;
	*at(1) = 1;
	remote = (struct iovec){ at(1), 1 };
	local = (struct iovec){ &byte, 1 };

	return process_vm_readv(getpid(), &local, 1, &remote, 1, 0) == -1 &&
	       errno == EFAULT;
}

static bool merge_behind(void)
{
	return map(1, 1, 0) && map(2, 2, 1) && same("1-4:0 rw-s") &&
	       has_flag(1, "dd");
}

static bool merge_before(void)
{
	return map(5, 2, 4) && map(1, 4, 0) && same("1-7:0 rw-s");
}

static bool merge_both(void)
{
	return map(1, 1, 1) && map(3, 1, 3) && same("1-2:1 rw-s, 3-4:3 rw-s") &&
	       map(2, 1, 2) && same("1-4:1 rw-s");
}

static bool merge_keeps_contents(void)
{
	if (!map(1, 1, 0) || !map(3, 1, 2))
		return false;
	*at(1) = 1;
	*at(3) = 3;
	if (!map(2, 1, 1))
		return false;
	*at(2) = 2;

	return same("1-4:0 rw-s") && *at(1) == 1 && *at(2) == 2 && *at(3) == 3;
}

static bool no_merge_across_offsets(void)
{
	return map(1, 1, 0) && map(2, 1, 7) && same("1-2:0 rw-s, 2-3:7 rw-s");
}

static bool no_merge_across_access(void)
{
	return map(1, 1, 0) &&
	       map_as(2, 1, PROT_READ, MAP_SHARED, 1) == at(2) &&
	       same("1-2:0 rw-s, 2-3:1 r--s");
}

static bool no_merge_across_files(void)
{
	int other = syscall(__NR_memfd_secret, 0);
	bool good;

	if (other < 0 || ftruncate(other, NR_PAGES * page_size))
		return false;
	good = map(1, 1, 0) &&
	       mmap(at(2), page_size, RW, MAP_SHARED | MAP_FIXED, other,
		    page_size) == at(2) &&
	       same("1-2:0 rw-s, 2-3:1 rw-s");
	close(other);

	return good;
}

static bool fixed_in_the_middle(void)
{
	if (!map(1, 5, 0))
		return false;
	*at(2) = 2;
	*at(4) = 4;

	return map(3, 1, 20) &&
	       same("1-3:0 rw-s, 3-4:20 rw-s, 4-6:3 rw-s") &&
	       *at(2) == 2 && *at(3) == 0 && *at(4) == 4;
}

static bool fixed_over_several(void)
{
	return map(1, 2, 0) && map(4, 2, 10) && map(7, 2, 20) &&
	       map(2, 6, 40) &&
	       same("1-2:0 rw-s, 2-8:40 rw-s, 8-9:21 rw-s");
}

static bool fixed_and_merge(void)
{
	return map(1, 6, 0) && map(3, 1, 20) && map(3, 1, 2) &&
	       same("1-7:0 rw-s");
}

static bool private_fails(void)
{
	return fails(map_as(1, 1, RW, MAP_PRIVATE, 0), EINVAL) && same("");
}

/* The hook refuses: what MAP_FIXED was to replace has to be as it was. */
static bool failure_keeps_victims(void)
{
	char before[256];

	if (!map(1, 4, 0) || !map(6, 2, 9))
		return false;
	*at(2) = 2;
	*at(6) = 6;
	snprintf(before, sizeof(before), "%s", layout());

	return fails(map_as(2, 5, RW, MAP_PRIVATE, 0), EINVAL) &&
	       same(before) && *at(2) == 2 && *at(6) == 6;
}

static bool bad_arguments(void)
{
	return fails(mmap(at(1), 0, RW, MAP_SHARED, fd, 0), EINVAL) &&
	       fails(mmap(at(1), page_size, RW, MAP_SHARED, fd, 1), EINVAL) &&
	       fails(map_as(1, 4, RW, MAP_SHARED, ~0UL / page_size - 1),
		     EOVERFLOW) &&
	       same("");
}

static bool protect(unsigned long page, unsigned long nr_pages, int prot)
{
	return !mprotect(at(page), nr_pages * page_size, prot);
}

static bool mprotect_splits_and_merges(void)
{
	return map(1, 6, 0) && protect(3, 2, PROT_READ) &&
	       same("1-3:0 rw-s, 3-5:2 r--s, 5-7:4 rw-s") &&
	       protect(3, 2, RW) && same("1-7:0 rw-s");
}

static bool mremap_moves_and_merges(void)
{
	if (!map(1, 2, 0) || !map(20, 2, 2))
		return false;
	*at(20) = 20;

	return mremap(at(20), 2 * page_size, 2 * page_size,
		      MREMAP_MAYMOVE | MREMAP_FIXED, at(3)) == at(3) &&
	       same("1-5:0 rw-s") && *at(3) == 20;
}

static bool mremap_grows(void)
{
	return map(1, 2, 0) &&
	       mremap(at(1), 2 * page_size, 4 * page_size, 0) == at(1) &&
	       same("1-5:0 rw-s");
}

static bool partial_munmap(void)
{
	if (!map(1, 5, 0))
		return false;
	*at(5) = 5;
	unmap(2, 2);

	return same("1-2:0 rw-s, 4-6:3 rw-s") && map(2, 2, 1) &&
	       same("1-6:0 rw-s") && *at(5) == 5;
}

static bool fork_shares(void)
{
	int status;
	pid_t child;

	if (!map(1, 1, 0))
		return false;
	*at(1) = 1;
	child = fork();
	if (!child) {
		*at(1) = 2;
		_exit(same("1-2:0 rw-s") ? 0 : 1);
	}

	return waitpid(child, &status, 0) == child && status == 0 &&
	       *at(1) == 2;
}

static sigjmp_buf after_fault;

static void on_sigbus(int number)
{
	siglongjmp(after_fault, number);
}

static bool sigbus_past_the_end(void)
{
	struct sigaction action = { .sa_handler = on_sigbus }, old;
	int got;

	if (!map(1, 1, NR_PAGES + 3))
		return false;
	sigaction(SIGBUS, &action, &old);
	got = sigsetjmp(after_fault, 1);
	if (!got)
		*at(1) = 1;
	sigaction(SIGBUS, &old, NULL);

	return got == SIGBUS;
}

/*
 * In a child, for a seal cannot be taken off again. The hook would refuse with
 * EINVAL: EPERM shows that the seal was looked at first.
 */
static bool sealed_victim(void)
{
	int status;
	pid_t child;

	if (!map(1, 4, 0))
		return false;
	child = fork();
	if (!child) {
		if (syscall(__NR_mseal, at(2), page_size, 0))
			_exit(1);
		_exit(fails(map_as(1, 3, RW, MAP_PRIVATE, 0), EPERM) &&
		      fails(map_as(1, 3, RW, MAP_SHARED, 20), EPERM) ? 0 : 1);
	}
	if (waitpid(child, &status, 0) != child || status)
		return false;

	return same("1-5:0 rw-s");
}

static const struct {
	const char *name;
	bool (*run)(void);
} tests[] = {
	{ "a new mapping", new_mapping },
	{ "flags in smaps", flags_in_smaps },
	{ "no access by other ways", not_for_gup },
	{ "merge with the mapping before", merge_behind },
	{ "merge with the mapping behind", merge_before },
	{ "merge with both", merge_both },
	{ "merging keeps contents", merge_keeps_contents },
	{ "no merge: offsets", no_merge_across_offsets },
	{ "no merge: access", no_merge_across_access },
	{ "no merge: files", no_merge_across_files },
	{ "MAP_FIXED in the middle of a mapping", fixed_in_the_middle },
	{ "MAP_FIXED over several mappings", fixed_over_several },
	{ "MAP_FIXED and merge", fixed_and_merge },
	{ "MAP_PRIVATE fails", private_fails },
	{ "failure leaves what MAP_FIXED was to replace",
	  failure_keeps_victims },
	{ "bad arguments", bad_arguments },
	{ "mprotect splits and merges", mprotect_splits_and_merges },
	{ "mremap moves and merges", mremap_moves_and_merges },
	{ "mremap grows", mremap_grows },
	{ "partial munmap, and map again", partial_munmap },
	{ "fork shares", fork_shares },
	{ "SIGBUS past the end", sigbus_past_the_end },
	{ "a sealed mapping in the way", sealed_victim },
};

static void set_up(void)
{
	fd = syscall(__NR_memfd_secret, 0);
	if (fd < 0)
		ksft_exit_skip("memfd_secret: %s\n", strerror(errno));
	if (ftruncate(fd, NR_PAGES * page_size))
		ksft_exit_fail_msg("ftruncate: %s\n", strerror(errno));
}

static void tear_down(void)
{
	unmap(0, NR_PAGES);
	close(fd);
}

int main(void)
{
	size_t i;

	page_size = sysconf(_SC_PAGESIZE);
	/* A hole that nobody else maps into: this program does not allocate. */
	window = mmap(NULL, NR_PAGES * page_size, PROT_NONE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (window == MAP_FAILED)
		ksft_exit_fail_msg("mmap: %s\n", strerror(errno));
	unmap(0, NR_PAGES);

	ksft_print_header();
	ksft_set_plan(ARRAY_SIZE(tests));
	for (i = 0; i < ARRAY_SIZE(tests); i++) {
		set_up();
		ksft_test_result(tests[i].run(), "%s\n", tests[i].name);
		tear_down();
	}
	ksft_finished();
}
