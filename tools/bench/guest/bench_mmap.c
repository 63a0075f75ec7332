// SPDX-License-Identifier: GPL-2.0-only
/*
 * What mmap() costs in the machine of tools/testing/qemu, in ticks of the time
 * stamp counter, which are instructions when QEMU runs with -icount shift=0.
 *
 * Prints a line "bench NAME TICKS" for each case, and says "missing NAME" of
 * those that this kernel has no file for.
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <x86intrin.h>

#include "test_mmap_proto_uapi.h"

#define PAGE		4096UL
/* Of the median of ROUNDS, each is the mean of so many operations. */
#define ROUNDS		5
#define OPERATIONS	4000
/* Mappings that merge with one before them. */
#define BATCH		(TEST_MMAP_PROTO_PAGES - 1)

#define VM_DONTDUMP	0x04000000

/* One case, and what its mappings are of. */
struct file {
	const char *name;
	/* Returns a file descriptor, or -1 when this kernel has no such file. */
	int (*open)(const struct file *file);
	int flags;
	/* For a file of the test driver. */
	const char *device;
	unsigned long set_flags;
};

static int open_nothing(const struct file *file)
{
	return STDIN_FILENO;
}

static int open_memfd(const struct file *file)
{
	return memfd_create("bench", 0);
}

static int open_zero(const struct file *file)
{
	return open("/dev/zero", O_RDWR);
}

static int open_secretmem(const struct file *file)
{
	return syscall(SYS_memfd_secret, 0);
}

static int open_driver(const struct file *file)
{
	const struct test_mmap_proto_settings settings = {
		.set_flags = file->set_flags,
		.memory = TEST_MMAP_PROTO_FAULT,
	};
	int fd = open(file->device, O_RDWR);

	if (fd >= 0 && ioctl(fd, TEST_MMAP_PROTO_SET, &settings))
		err(1, "%s", file->device);

	return fd;
}

static void *map(const struct file *file, int fd, unsigned long page)
{
	void *addr = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, file->flags,
			  file->flags & MAP_ANONYMOUS ? -1 : fd, page * PAGE);

	if (addr == MAP_FAILED)
		err(1, "%s", file->name);

	return addr;
}

static void unmap(void *addr, unsigned long pages)
{
	if (munmap(addr, pages * PAGE))
		err(1, "munmap");
}

static unsigned long count_mappings(void)
{
	unsigned long lines = 0;
	char text[4096];
	ssize_t len, i;
	int fd;

	fd = open("/proc/self/maps", O_RDONLY);
	if (fd < 0)
		err(1, "/proc/self/maps");
	while ((len = read(fd, text, sizeof(text))) > 0) {
		for (i = 0; i < len; i++)
			lines += text[i] == '\n';
	}
	close(fd);

	return lines;
}

/* Ticks that @count mappings take that are made and unmapped again. */
static unsigned long new_ones(const struct file *file, int fd, int count)
{
	unsigned long begun = __rdtsc();

	while (count--)
		unmap(map(file, fd, 0), 1);

	return __rdtsc() - begun;
}

/*
 * Ticks that BATCH mappings take, each of which comes before the one before it,
 * in the address space as in the file.
 */
static unsigned long merging_batch(const struct file *file, int fd)
{
	unsigned long begun, ticks, page = BATCH;
	void *addr = map(file, fd, page);

	begun = __rdtsc();
	while (page--)
		addr = map(file, fd, page);
	ticks = __rdtsc() - begun;

	unmap(addr, BATCH + 1);

	return ticks;
}

static double new_round(const struct file *file, int fd)
{
	return (double)new_ones(file, fd, OPERATIONS) / OPERATIONS;
}

static double merging_round(const struct file *file, int fd)
{
	unsigned long ticks = 0;
	int i;

	for (i = 0; i < OPERATIONS / BATCH; i++)
		ticks += merging_batch(file, fd);

	return (double)ticks / (OPERATIONS / BATCH * BATCH);
}

/* Is it measured what the names say? */
static void check(const struct file *file, int fd)
{
	const unsigned long before = count_mappings();
	unsigned long page = BATCH;
	void *addr = map(file, fd, page);

	if (count_mappings() != before + 1)
		errx(1, "%s: a new mapping has merged", file->name);
	while (page--)
		addr = map(file, fd, page);
	if (count_mappings() != before + 1)
		errx(1, "%s: mappings have not merged", file->name);
	unmap(addr, BATCH + 1);
	if (count_mappings() != before)
		errx(1, "%s: mappings are left", file->name);
}

static int compare(const void *one, const void *other)
{
	const double difference = *(double *)one - *(double *)other;

	return (difference > 0) - (difference < 0);
}

static void measure(const struct file *file, int fd, const char *what,
		    double (*round)(const struct file *file, int fd))
{
	double ticks[ROUNDS];
	int i;

	round(file, fd);
	for (i = 0; i < ROUNDS; i++)
		ticks[i] = round(file, fd);
	qsort(ticks, ROUNDS, sizeof(ticks[0]), compare);
	printf("bench %s-%s %.1f\n", file->name, what, ticks[ROUNDS / 2]);
	fflush(stdout);
}

static const struct file files[] = {
	{ "anonymous", open_nothing, MAP_PRIVATE | MAP_ANONYMOUS },
	{ "memfd", open_memfd, MAP_SHARED },
	{ "zero", open_zero, MAP_PRIVATE },
	{ "secretmem", open_secretmem, MAP_SHARED },
	{ "mmap", open_driver, MAP_SHARED, "/dev/test_mmap" },
	{ "mmap_proto", open_driver, MAP_SHARED, "/dev/test_mmap_proto" },
	{ "mmap-flags", open_driver, MAP_SHARED, "/dev/test_mmap",
	  VM_DONTDUMP },
	{ "mmap_proto-flags", open_driver, MAP_SHARED, "/dev/test_mmap_proto",
	  VM_DONTDUMP },
};

int main(void)
{
	unsigned int i;

	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		const struct file *file = &files[i];
		int fd = file->open(file);

		if (fd < 0) {
			printf("missing %s\n", file->name);
			continue;
		}
		check(file, fd);
		measure(file, fd, "new", new_round);
		measure(file, fd, "merging", merging_round);
		if (fd != STDIN_FILENO)
			close(fd);
	}

	return 0;
}
