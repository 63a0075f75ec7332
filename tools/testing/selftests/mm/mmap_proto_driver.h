/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests that use lib/test_mmap_proto.c share: its files, a window of
 * the address space that nothing else maps into, and what /proc says.
 */
#ifndef MMAP_PROTO_DRIVER_H
#define MMAP_PROTO_DRIVER_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/capability.h>

#include "../kselftest.h"
#include "../../../../lib/test_mmap_proto_uapi.h"

#define RW (PROT_READ | PROT_WRITE)
#define WINDOW_PAGES TEST_MMAP_PROTO_PAGES

/* Of include/linux/mm.h: flags for test_mmap_proto_settings. */
#define VM_WRITE 0x2ULL
#define VM_EXEC 0x4ULL
#define VM_MAYWRITE 0x20ULL
#define VM_PFNMAP 0x400ULL
#define VM_LOCKED 0x2000ULL
#define VM_IO 0x4000ULL
#define VM_DONTCOPY 0x20000ULL
#define VM_DONTEXPAND 0x40000ULL
#define VM_NORESERVE 0x200000ULL
#define VM_DONTDUMP 0x4000000ULL

/* Does page N of a mapping show page N ^ 1 of the file? */
static inline bool is_swapped(unsigned int memory)
{
	return memory == TEST_MMAP_PROTO_REMAP_PARTS ||
	       memory == TEST_MMAP_PROTO_INSERT_PAGES ||
	       memory == TEST_MMAP_PROTO_MAP_PAGES ||
	       memory == TEST_MMAP_PROTO_MAP_PAGES_ZERO;
}

/* Are pages inserted, so that one can be made to fail? */
static inline bool is_inserted(unsigned int memory)
{
	return memory == TEST_MMAP_PROTO_INSERT_PAGE ||
	       memory == TEST_MMAP_PROTO_INSERT_PAGES ||
	       memory == TEST_MMAP_PROTO_MAP_PAGES ||
	       memory == TEST_MMAP_PROTO_MAP_PAGES_ZERO;
}

/* ---- files of the driver ------------------------------------------------- */

static inline int open_driver(const char *device)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/dev/%s", device);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0 && (errno == ENOENT || errno == ENXIO || errno == ENODEV))
		ksft_exit_skip("%s: %s (CONFIG_TEST_MMAP_PROTO)\n", path,
			       strerror(errno));
	if (fd < 0)
		ksft_exit_fail_msg("%s: %s\n", path, strerror(errno));

	return fd;
}

static inline void set(int fd, struct test_mmap_proto_settings settings)
{
	if (ioctl(fd, TEST_MMAP_PROTO_SET, &settings))
		ksft_exit_fail_msg("TEST_MMAP_PROTO_SET: %s\n",
				   strerror(errno));
}

static inline struct test_mmap_proto_counters count(int fd)
{
	struct test_mmap_proto_counters counters;

	if (ioctl(fd, TEST_MMAP_PROTO_COUNT, &counters))
		ksft_exit_fail_msg("TEST_MMAP_PROTO_COUNT: %s\n",
				   strerror(errno));

	return counters;
}

/*
 * Was everything given back that the mappings and the calls of file @fd took?
 * Says what was not, if @references to the file are not what is left.
 */
static inline bool balanced(int fd, unsigned long references)
{
	const struct test_mmap_proto_counters now = count(fd);

	if (now.mapped + now.opened == now.closed &&
	    now.held == now.released && now.references == references)
		return true;

	ksft_print_msg("mapped %llu, opened %llu, closed %llu\n",
		       (unsigned long long)now.mapped,
		       (unsigned long long)now.opened,
		       (unsigned long long)now.closed);
	ksft_print_msg("held %llu, released %llu, references %llu\n",
		       (unsigned long long)now.held,
		       (unsigned long long)now.released,
		       (unsigned long long)now.references);
	return false;
}

/* ---- the window ---------------------------------------------------------- */

static size_t page_size;
static char *window;

/* What one page table maps, here and almost everywhere. */
#define TABLE_SIZE (2UL << 20)

/* Nothing else is near: when all of it is unmapped, so are its page tables. */
static inline void make_window(void)
{
	char *area;

	page_size = sysconf(_SC_PAGESIZE);
	area = mmap(NULL, 4 * TABLE_SIZE, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (area == MAP_FAILED)
		ksft_exit_fail_msg("mmap: %s\n", strerror(errno));
	munmap(area, 4 * TABLE_SIZE);
	window = (char *)(((unsigned long)area + 2 * TABLE_SIZE) & -TABLE_SIZE);
}

static inline char *at(unsigned long page)
{
	return window + page * page_size;
}

/*
 * Have the window keep its page table, by a page behind it. On x86 a shared
 * mapping of physical memory needs that when allocations fail: without a page
 * table remap_pfn_range() cannot undo, and warns, whoever calls it.
 */
static inline void keep_page_table(bool keep)
{
	char *const page = at(WINDOW_PAGES + 1);

	if (!keep) {
		munmap(page, page_size);
	} else if (mmap(page, page_size, RW,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == page) {
		*page = 1;
	} else {
		ksft_exit_fail_msg("mmap: %s\n", strerror(errno));
	}
}

/* In pages; @offset is that of the file. */
static inline void *map(int fd, unsigned long page, unsigned long nr_pages,
			int prot, int flags, unsigned long offset)
{
	return mmap(at(page), nr_pages * page_size, prot, flags | MAP_FIXED, fd,
		    offset * page_size);
}

static inline bool maps(int fd, unsigned long page, unsigned long nr_pages,
			int prot, int flags, unsigned long offset)
{
	if (map(fd, page, nr_pages, prot, flags, offset) == at(page))
		return true;

	ksft_print_msg("mmap: %s\n", strerror(errno));
	return false;
}

static inline bool map_fails(int fd, unsigned long page, unsigned long nr_pages,
			     int prot, int flags, unsigned long offset,
			     int error)
{
	void *result = map(fd, page, nr_pages, prot, flags, offset);

	if (result == MAP_FAILED && errno == error)
		return true;

	ksft_print_msg("mmap: %s, not %s\n", result == MAP_FAILED ?
		       strerror(errno) : "it succeeds", strerror(error));
	return false;
}

static inline bool unmap(unsigned long page, unsigned long nr_pages)
{
	return !munmap(at(page), nr_pages * page_size);
}

/* Does the page of the window show page @number of the area of the file? */
static inline bool shows(unsigned long page, unsigned long number,
			 unsigned int area, unsigned long file)
{
	struct test_mmap_proto_page found;

	memcpy(&found, at(page), sizeof(found));
	if (found.number == number && found.area == area && found.file == file)
		return true;

	ksft_print_msg("page %lu shows page %u of area %u of file %llu\n", page,
		       found.number, found.area,
		       (unsigned long long)found.file);
	ksft_print_msg("not page %lu of area %u of file %lu\n", number, area,
		       file);
	return false;
}

/* ---- this process -------------------------------------------------------- */

/* Bring in all of this program: what it maps of itself changes no more. */
static inline void bring_in(void)
{
	if (mlockall(MCL_CURRENT) || munlockall())
		ksft_exit_fail_msg("mlockall: %s\n", strerror(errno));
}

/* A limit for locked memory, which root would not have. */
static inline bool lower_lock_limit(unsigned long bytes)
{
	const struct rlimit limit = { bytes, RLIM_INFINITY };
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data))
		return false;
	data[0].effective &= ~(1U << CAP_IPC_LOCK);

	return !syscall(SYS_capset, &header, data) &&
	       !setrlimit(RLIMIT_MEMLOCK, &limit);
}

/* ---- /proc --------------------------------------------------------------- */

/* Read a file of /proc whole into @text. */
static inline void read_proc(const char *path, char *text, size_t size)
{
	size_t length = 0;
	ssize_t got;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		ksft_exit_fail_msg("%s: %s\n", path, strerror(errno));
	do {
		got = read(fd, text + length, size - 1 - length);
		if (got > 0)
			length += got;
	} while (got > 0);
	close(fd);
	if (length == size - 1)
		ksft_exit_fail_msg("%s is longer than expected\n", path);
	text[length] = 0;
}

static inline bool write_proc(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool good;

	if (fd < 0)
		return false;
	good = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	close(fd);

	return good;
}

/* The number behind a name at the start of a line of a file of /proc. */
static inline long proc_number(const char *path, const char *name)
{
	static char text[1 << 16];
	char *line;

	read_proc(path, text, sizeof(text));
	for (line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		if (!strncmp(line, name, strlen(name)) &&
		    strchr(": \t", line[strlen(name)]))
			return strtol(line + strlen(name) + 1, NULL, 10);
	}
	ksft_exit_fail_msg("%s has no %s\n", path, name);
}

/* Memory that is charged, in kB. */
static inline long committed(void)
{
	return proc_number("/proc/meminfo", "Committed_AS");
}

/* Pages of files that are mapped, of all processes. */
static inline long nr_mapped(void)
{
	/* What the processors count on their own comes into the sum. */
	if (!write_proc("/proc/sys/vm/stat_refresh", "1"))
		ksft_exit_fail_msg("/proc/sys/vm/stat_refresh: %s\n",
				   strerror(errno));

	return proc_number("/proc/vmstat", "nr_mapped");
}

#endif /* MMAP_PROTO_DRIVER_H */
