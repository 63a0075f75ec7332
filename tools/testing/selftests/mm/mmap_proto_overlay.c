// SPDX-License-Identifier: GPL-2.0-only
/*
 * Map files of overlayfs whose lower files have mmap_proto(): those that
 * lib/test_mmap_proto.c has in debugfs. The same with lower files that do the
 * same in mmap().
 */
#define _GNU_SOURCE
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "mmap_proto_driver.h"

#define LOWER "/sys/kernel/debug/test_mmap_proto"
#define EMPTY "/tmp/mmap_proto_empty"
#define OVERLAY "/tmp/mmap_proto_overlay"
#define BOTH_OPS (TEST_MMAP_PROTO_MAPPED | TEST_MMAP_PROTO_CLOSE)

/* A file of the driver, for what it counts, and the mappings at first. */
static int control;
static unsigned long mappings_before;
static const char *name;

static bool is(const char *what, long long found, long long expected)
{
	if (found == expected)
		return true;

	ksft_print_msg("%s: %lld, not %lld\n", what, found, expected);
	return false;
}

static bool mappings_are(unsigned long expected)
{
	return is("mappings", count(control).all_mappings - mappings_before,
		  expected);
}

static void set_default(struct test_mmap_proto_settings settings)
{
	if (ioctl(control, TEST_MMAP_PROTO_DEFAULT, &settings))
		ksft_exit_fail_msg("TEST_MMAP_PROTO_DEFAULT: %s\n",
				   strerror(errno));
}

/* The lower file is opened with these settings; others are not. */
static int open_with(struct test_mmap_proto_settings settings)
{
	char path[64];
	int fd;

	set_default(settings);
	snprintf(path, sizeof(path), OVERLAY "/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		ksft_exit_fail_msg("%s: %s\n", path, strerror(errno));
	set_default((struct test_mmap_proto_settings){ });

	return fd;
}

/* Nothing is left of files that were closed and unmapped. */
static bool none_left(void)
{
	return is("files", count(control).all_files, 1) && mappings_are(0);
}

static unsigned long file_of(unsigned long page)
{
	return ((struct test_mmap_proto_page *)at(page))->file;
}

static bool shows_memory(unsigned int memory, unsigned int area)
{
	const unsigned int swapped = is_swapped(memory);
	int fd, flags;

	for (flags = MAP_SHARED; flags <= MAP_PRIVATE; flags++) {
		fd = open_with((struct test_mmap_proto_settings){
			.memory = memory, .options = BOTH_OPS });
		if (!maps(fd, 1, 8, PROT_READ, flags, 4) ||
		    !mappings_are(1) ||
		    !shows(1, 4 ^ swapped, area, file_of(1)) ||
		    !shows(8, 11 ^ swapped, area, file_of(1)))
			return false;
		/* The mapping has references to both files. */
		close(fd);
		if (!is("files", count(control).all_files, 2) ||
		    !shows(3, 6 ^ swapped, area, file_of(1)) || !unmap(2, 2) ||
		    !mappings_are(2) ||
		    !shows(4, 7 ^ swapped, area, file_of(1)) ||
		    !unmap(1, 8) || !none_left())
			return false;
	}

	return true;
}

static bool fault(void)
{
	return shows_memory(TEST_MMAP_PROTO_FAULT, TEST_MMAP_PROTO_BLOCK);
}

static bool remap(void)
{
	return shows_memory(TEST_MMAP_PROTO_REMAP, TEST_MMAP_PROTO_BLOCK);
}

static bool insert_pages(void)
{
	return shows_memory(TEST_MMAP_PROTO_INSERT_PAGES,
			    TEST_MMAP_PROTO_BLOCK);
}

static bool remap_vmalloc(void)
{
	return shows_memory(TEST_MMAP_PROTO_REMAP_VMALLOC,
			    TEST_MMAP_PROTO_VMALLOC);
}

static bool dma_mmap(void)
{
	return shows_memory(TEST_MMAP_PROTO_DMA_MMAP, TEST_MMAP_PROTO_DMA);
}

static bool anonymous(void)
{
	const int fd = open_with((struct test_mmap_proto_settings){
		.memory = TEST_MMAP_PROTO_ANONYMOUS });
	bool good;

	good = maps(fd, 1, 4, RW, MAP_PRIVATE, 0) && !at(2)[0];
	if (good)
		memset(at(1), 1, 4 * page_size);
	good = good && at(4)[page_size - 1] == 1 && unmap(1, 4);
	close(fd);

	return good && none_left();
}

static bool over_fork(void)
{
	const int fd = open_with((struct test_mmap_proto_settings){
		.memory = TEST_MMAP_PROTO_REMAP, .options = BOTH_OPS });
	int status = -1;
	pid_t child;
	bool good;

	good = maps(fd, 1, 4, PROT_READ, MAP_SHARED, 0);
	fflush(stdout);
	child = fork();
	if (!child)
		_exit(!mappings_are(2) ||
		      !shows(2, 1, TEST_MMAP_PROTO_BLOCK, file_of(1)));
	good = good && waitpid(child, &status, 0) == child && !status &&
	       mappings_are(1) && unmap(1, 4);
	close(fd);

	return good && none_left();
}

static bool fails_with(struct test_mmap_proto_settings settings, int error)
{
	const int fd = open_with(settings);
	const bool good = map_fails(fd, 1, 8, PROT_READ, MAP_SHARED, 0, error);

	close(fd);

	return good && none_left();
}

static bool fails(void)
{
	return fails_with((struct test_mmap_proto_settings){
			.error = -EIO, .options = BOTH_OPS }, EIO) &&
	       fails_with((struct test_mmap_proto_settings){
			.options = TEST_MMAP_PROTO_BEYOND }, EFAULT) &&
	       fails_with((struct test_mmap_proto_settings){
			.memory = TEST_MMAP_PROTO_MAP_PAGES, .failing_page = 5,
			.options = BOTH_OPS }, EINVAL) &&
	       fails_with((struct test_mmap_proto_settings){
			.memory = TEST_MMAP_PROTO_REMAP,
			.mapped_error = -EUSERS, .options = BOTH_OPS }, EUSERS);
}

static const struct {
	const char *name;
	bool (*run)(void);
} tests[] = {
	{ "a fault handler's pages", fault },
	{ "remap_pfn_range()", remap },
	{ "vm_insert_pages()", insert_pages },
	{ "remap_vmalloc_range()", remap_vmalloc },
	{ "dma_mmap_coherent()", dma_mmap },
	{ "anonymous memory", anonymous },
	{ "fork", over_fork },
	{ "failure at each step", fails },
};

/* In a mount namespace of our own, which ends with us. */
static void mount_overlay(void)
{
	if (unshare(CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		ksft_exit_skip("mount namespace: %s\n", strerror(errno));
	mkdir(EMPTY, 0700);
	mkdir(OVERLAY, 0700);
	if (mount("overlay", OVERLAY, "overlay", MS_RDONLY,
		  "lowerdir=" LOWER ":" EMPTY))
		ksft_exit_skip("overlay on debugfs: %s\n", strerror(errno));
}

int main(void)
{
	static const char *const names[] = { "mmap_proto", "mmap" };
	size_t i, which;

	make_window();
	control = open_driver("test_mmap_proto");
	mappings_before = count(control).all_mappings;
	mount_overlay();
	ksft_print_header();
	ksft_set_plan(ARRAY_SIZE(tests) * ARRAY_SIZE(names));
	for (which = 0; which < ARRAY_SIZE(names); which++) {
		name = names[which];
		for (i = 0; i < ARRAY_SIZE(tests); i++) {
			ksft_test_result(tests[i].run(), "%s: %s\n", name,
					 tests[i].name);
			unmap(0, WINDOW_PAGES);
		}
	}
	ksft_finished();
}
