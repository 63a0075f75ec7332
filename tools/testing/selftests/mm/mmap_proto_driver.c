// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mappings of /dev/test_mmap_proto (lib/test_mmap_proto.c): what each kind of
 * memory shows, what a mapping that fails leaves behind, which limits hold, and
 * which operations of a mapping are called when.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "mmap_proto_driver.h"

#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#define PR_MDWE_REFUSE_EXEC_GAIN 1
#endif

#define SMAPS_SIZE 0x40000
#define BOTH_OPS (TEST_MMAP_PROTO_MAPPED | TEST_MMAP_PROTO_CLOSE)

static int fd;
static unsigned long file;

/* Run a case in a child: what it changes cannot be changed back. */
static bool in_child(bool (*run)(void))
{
	int status;
	pid_t child;

	fflush(stdout);
	child = fork();
	if (!child) {
		bool good;

		bring_in();
		good = run();

		fflush(stdout);
		_exit(!good);
	}

	return child > 0 && waitpid(child, &status, 0) == child && !status;
}

static bool is(const char *what, long long found, long long expected)
{
	if (found == expected)
		return true;

	ksft_print_msg("%s: %lld, not %lld\n", what, found, expected);
	return false;
}

/* ---- what is mapped ------------------------------------------------------ */

static bool memory_shows(unsigned int memory, unsigned int area)
{
	const unsigned long offset = 6, nr_pages = 8;
	unsigned long i, number;
	int prot, flags;

	set(fd, (struct test_mmap_proto_settings){ .memory = memory });
	for (i = 0; i < 4; i++) {
		prot = i & 1 ? RW : PROT_READ;
		flags = i & 2 ? MAP_PRIVATE : MAP_SHARED;
		/* The offset of a COW mapping can name one range alone. */
		if (memory == TEST_MMAP_PROTO_REMAP_PARTS && flags == MAP_PRIVATE) {
			if (!map_fails(fd, 1, nr_pages, prot, flags, offset, EINVAL))
				return false;
			continue;
		}
		if (!maps(fd, 1, nr_pages, prot, flags, offset))
			return false;
		for (number = 0; number < nr_pages; number++) {
			unsigned long shown = number;

			if (memory != TEST_MMAP_PROTO_MAP_PAGES_ZERO)
				shown += offset;
			if (is_swapped(memory))
				shown ^= 1;
			if (!shows(1 + number, shown, area, file))
				return false;
		}
		if (!unmap(1, nr_pages))
			return false;
	}

	return true;
}

static bool fault(void)
{
	return memory_shows(TEST_MMAP_PROTO_FAULT, TEST_MMAP_PROTO_BLOCK);
}

static bool remap(void)
{
	return memory_shows(TEST_MMAP_PROTO_REMAP, TEST_MMAP_PROTO_BLOCK);
}

static bool remap_parts(void)
{
	return memory_shows(TEST_MMAP_PROTO_REMAP_PARTS, TEST_MMAP_PROTO_BLOCK);
}

static bool remap_io(void)
{
	return memory_shows(TEST_MMAP_PROTO_REMAP_IO, TEST_MMAP_PROTO_BLOCK);
}

static bool iomap(void)
{
	return memory_shows(TEST_MMAP_PROTO_IOMAP, TEST_MMAP_PROTO_BLOCK);
}

static bool insert_page(void)
{
	return memory_shows(TEST_MMAP_PROTO_INSERT_PAGE, TEST_MMAP_PROTO_BLOCK);
}

static bool insert_pages(void)
{
	return memory_shows(TEST_MMAP_PROTO_INSERT_PAGES,
			    TEST_MMAP_PROTO_BLOCK);
}

static bool map_pages(void)
{
	return memory_shows(TEST_MMAP_PROTO_MAP_PAGES, TEST_MMAP_PROTO_BLOCK);
}

static bool map_pages_zero(void)
{
	return memory_shows(TEST_MMAP_PROTO_MAP_PAGES_ZERO,
			    TEST_MMAP_PROTO_BLOCK);
}

static bool remap_vmalloc(void)
{
	return memory_shows(TEST_MMAP_PROTO_REMAP_VMALLOC,
			    TEST_MMAP_PROTO_VMALLOC);
}

static bool dma_mmap(void)
{
	return memory_shows(TEST_MMAP_PROTO_DMA_MMAP, TEST_MMAP_PROTO_DMA);
}

static bool anonymous(void)
{
	unsigned long i;

	set(fd, (struct test_mmap_proto_settings){
		.memory = TEST_MMAP_PROTO_ANONYMOUS });
	if (!map_fails(fd, 1, 4, RW, MAP_SHARED, 0, EINVAL) ||
	    !maps(fd, 1, 4, RW, MAP_PRIVATE, 0))
		return false;
	for (i = 0; i < 4 * page_size; i++) {
		if (at(1)[i])
			return false;
	}
	memset(at(1), 1, 4 * page_size);

	return at(4)[page_size - 1] == 1;
}

/*
 * One file stands for another: it shows the other's memory, counts with it, and
 * no reference to either is left.
 */
static bool other_file(void)
{
	const int other = open_driver("test_mmap_proto");
	struct test_mmap_proto_counters before = count(other), now;
	unsigned long own = count(fd).references;
	bool good;

	set(fd, (struct test_mmap_proto_settings){
		.memory = TEST_MMAP_PROTO_OTHER_FILE, .other_fd = other,
		.options = BOTH_OPS });
	if (!maps(fd, 1, 4, RW, MAP_SHARED, 3) ||
	    !shows(2, 4, TEST_MMAP_PROTO_BLOCK, before.file))
		return false;
	now = count(other);
	/* The settings of fd have one, and the mapping. */
	good = is("references of the other file", now.references,
		  before.references + 2) &&
	       is("references of the file", count(fd).references, own) &&
	       is("mapped", now.mapped, 1) && is("hooks", now.hooks, 0);
	if (!unmap(1, 4))
		return false;
	set(fd, (struct test_mmap_proto_settings){ .memory = 0 });
	now = count(other);
	good = good &&
	       is("references of the other file in the end", now.references,
		  before.references) &&
	       is("closed", now.closed, 1);
	close(other);

	return good && is("files", count(fd).all_files, 1);
}

static bool other_file_fails(void)
{
	const int other = open_driver("test_mmap_proto");
	struct test_mmap_proto_settings settings = {
		.memory = TEST_MMAP_PROTO_OTHER_FILE, .other_fd = other,
		.error = -EIO,
	};
	unsigned long before = count(other).references;
	bool good;

	set(fd, settings);
	good = map_fails(fd, 1, 4, RW, MAP_SHARED, 0, EIO);
	settings.error = 0;
	settings.options = BOTH_OPS;
	set(fd, settings);
	set(other, (struct test_mmap_proto_settings){ .mapped_error = -ENXIO });
	good = good && map_fails(fd, 1, 4, RW, MAP_SHARED, 0, ENXIO);
	good = good && is("references of the other file",
			  count(other).references, before + 1);
	set(fd, (struct test_mmap_proto_settings){ .memory = 0 });
	close(other);

	return good && is("files", count(fd).all_files, 1);
}

/* What is written through one kind of mapping shows through another. */
static bool same_memory(void)
{
	set(fd, (struct test_mmap_proto_settings){
		.memory = TEST_MMAP_PROTO_REMAP });
	if (!maps(fd, 1, 4, RW, MAP_SHARED, 0))
		return false;
	set(fd, (struct test_mmap_proto_settings){
		.memory = TEST_MMAP_PROTO_INSERT_PAGES });
	if (!maps(fd, 11, 4, RW, MAP_SHARED, 0))
		return false;
	set(fd, (struct test_mmap_proto_settings){ .memory = 0 });
	if (!maps(fd, 21, 4, RW, MAP_SHARED, 0))
		return false;

	at(1)[100] = 1;
	at(11)[101] = 2;
	at(21)[102] = 3;

	return at(21)[100] == 1 && at(12)[100] == 1 && at(2)[101] == 2 &&
	       at(22)[101] == 2 && at(1)[102] == 3 && at(12)[102] == 3;
}

static bool private_copies(void)
{
	static const unsigned int memories[] = {
		TEST_MMAP_PROTO_FAULT, TEST_MMAP_PROTO_REMAP,
		TEST_MMAP_PROTO_IOMAP, TEST_MMAP_PROTO_INSERT_PAGE,
		TEST_MMAP_PROTO_MAP_PAGES, TEST_MMAP_PROTO_REMAP_VMALLOC,
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(memories); i++) {
		set(fd, (struct test_mmap_proto_settings){
			.memory = memories[i] });
		if (!maps(fd, 1, 4, RW, MAP_PRIVATE, 0) ||
		    !maps(fd, 11, 4, PROT_READ, MAP_SHARED, 0))
			return false;
		at(2)[200] = 5;
		if (at(2)[200] != 5 || at(12)[200] == 5) {
			ksft_print_msg("memory %u is not copied\n", memories[i]);
			return false;
		}
		if (!unmap(1, 4) || !unmap(11, 4))
			return false;
	}

	return true;
}

/* ---- failure ------------------------------------------------------------- */

static char smaps_before[SMAPS_SIZE], smaps_after[SMAPS_SIZE];

static void take_smaps(char *text)
{
	read_proc("/proc/self/smaps", text, SMAPS_SIZE);
}

static void note_smaps(void)
{
	/* So that none of it is brought in later. */
	memset(smaps_after, 1, SMAPS_SIZE);
	take_smaps(smaps_before);
	take_smaps(smaps_after);
	take_smaps(smaps_before);
}

static bool smaps_same(void)
{
	const char *before = smaps_before, *after = smaps_after;

	take_smaps(smaps_after);
	if (!strcmp(before, after))
		return true;

	while (*before == *after)
		before++, after++;
	ksft_print_msg("smaps differs: '%.40s', not '%.40s'\n", after, before);
	return false;
}

/*
 * Victims for MAP_FIXED: pages 10 to 20 of anonymous memory, 20 to 24 of the
 * driver, both written to, a hole up to 30, and anonymous memory up to 34.
 */
static bool make_victims(void)
{
	unsigned long page;

	set(fd, (struct test_mmap_proto_settings){ .options = BOTH_OPS });
	if (mmap(at(10), 10 * page_size, RW,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != at(10) ||
	    mmap(at(30), 4 * page_size, RW,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != at(30) ||
	    !maps(fd, 20, 4, RW, MAP_SHARED, 40))
		return false;
	for (page = 10; page < 34; page++) {
		if (page < 24 || page >= 30)
			at(page)[500] = page;
	}

	return true;
}

static bool victims_live(void)
{
	unsigned long page;

	if (!smaps_same())
		return false;
	for (page = 10; page < 34; page++) {
		if ((page < 24 || page >= 30) && at(page)[500] != (char)page) {
			ksft_print_msg("page %lu has changed\n", page);
			return false;
		}
	}

	return true;
}

/*
 * Maps over all of the victims, and over parts of two, with hooks that fail
 * with @error: nothing may change, and nothing may be closed.
 */
static bool fails_unseen(struct test_mmap_proto_settings settings, int error)
{
	struct test_mmap_proto_counters before, after;

	if (!make_victims())
		return false;
	note_smaps();
	before = count(fd);
	set(fd, settings);
	if (!map_fails(fd, 10, 24, RW, MAP_SHARED, 0, error) ||
	    !map_fails(fd, 12, 10, RW, MAP_SHARED, 0, error) ||
	    !victims_live())
		return false;
	after = count(fd);

	return is("hooks", after.hooks, before.hooks + 2) &&
	       is("mapped", after.mapped, before.mapped) &&
	       is("opened", after.opened, before.opened) &&
	       is("closed", after.closed, before.closed) &&
	       is("references", after.references, before.references) &&
	       is("held", after.held - before.held, 2 * settings.holds) &&
	       is("released", after.released, after.held);
}

static bool hook_fails(void)
{
	return fails_unseen((struct test_mmap_proto_settings){
		.error = -EIO, .holds = 3 }, EIO);
}

static bool hook_with_actions_fails(void)
{
	return fails_unseen((struct test_mmap_proto_settings){
		.memory = TEST_MMAP_PROTO_REMAP_PARTS, .error = -EBUSY,
		.options = BOTH_OPS }, EBUSY);
}

static bool request_beyond_fails(void)
{
	return fails_unseen((struct test_mmap_proto_settings){
		.memory = TEST_MMAP_PROTO_INSERT_PAGE, .holds = 1,
		.options = BOTH_OPS | TEST_MMAP_PROTO_BEYOND }, EFAULT);
}

/* The file has 64 pages. */
static bool offset_beyond_fails(void)
{
	if (!make_victims())
		return false;
	note_smaps();
	set(fd, (struct test_mmap_proto_settings){
		.memory = TEST_MMAP_PROTO_MAP_PAGES });

	return map_fails(fd, 10, 24, RW, MAP_SHARED, 41, ENXIO) &&
	       victims_live();
}

static bool limit_address_space(unsigned long bytes)
{
	const struct rlimit limit = { bytes, RLIM_INFINITY };

	return !setrlimit(RLIMIT_AS, &limit);
}

static bool locked_fails_unseen_here(void)
{
	return lower_lock_limit(2 * page_size) &&
	       fails_unseen((struct test_mmap_proto_settings){
			.set_flags = VM_LOCKED, .holds = 1 }, EAGAIN);
}

static bool locked_fails_unseen(void)
{
	return in_child(locked_fails_unseen_here);
}

static bool exec_fails_unseen_here(void)
{
	return !prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0) &&
	       fails_unseen((struct test_mmap_proto_settings){
			.set_flags = VM_EXEC, .holds = 1 }, EACCES);
}

static bool exec_fails_unseen(void)
{
	return in_child(exec_fails_unseen_here);
}

static bool address_space_fails_unseen_here(void)
{
	long pages;

	if (!make_victims())
		return false;
	note_smaps();
	set(fd, (struct test_mmap_proto_settings){
		.memory = TEST_MMAP_PROTO_REMAP, .options = BOTH_OPS,
		.holds = 1 });
	pages = proc_number("/proc/self/status", "VmSize") * 1024 / page_size;

	/* 24 pages in place of 18: 6 more, of which 5 are free. */
	return limit_address_space((pages + 5) * page_size) &&
	       map_fails(fd, 10, 24, RW, MAP_SHARED, 0, ENOMEM) &&
	       is("limit", limit_address_space((pages + 6) * page_size), true) &&
	       victims_live() && is("held", count(fd).held, 1) &&
	       is("released", count(fd).released, 1) &&
	       maps(fd, 10, 24, RW, MAP_SHARED, 0);
}

static bool address_space_fails_unseen(void)
{
	return in_child(address_space_fails_unseen_here);
}

/*
 * A step fails for which the victims had to go: they stay gone, and all else is
 * as munmap() would have left it.
 */
static bool fails_with_gap_as(struct test_mmap_proto_settings settings,
			      int error, int flags)
{
	struct test_mmap_proto_counters before, after;
	long charged;

	if (!make_victims() || !unmap(12, 20))
		return false;
	note_smaps();
	charged = committed();

	unmap(0, WINDOW_PAGES);
	if (!make_victims())
		return false;
	before = count(fd);
	set(fd, settings);
	if (!map_fails(fd, 12, 20, RW, flags, 0, error) || !smaps_same())
		return false;
	after = count(fd);

	return is("page 11", at(11)[500], 11) &&
	       is("page 32", at(32)[500], 32) &&
	       is("Committed_AS", committed(), charged) &&
	       is("mapped", after.mapped, before.mapped) &&
	       is("opened", after.opened, before.opened) &&
	       is("closed", after.closed, before.closed + 1) &&
	       is("references", after.references, before.references - 1) &&
	       is("held", after.held - before.held, settings.holds) &&
	       is("released", after.released, after.held);
}

/* A private mapping takes over what the victims are charged. */
static bool fails_with_gap(struct test_mmap_proto_settings settings, int error)
{
	if (!fails_with_gap_as(settings, error, MAP_SHARED))
		return false;
	unmap(0, WINDOW_PAGES);

	return fails_with_gap_as(settings, error, MAP_PRIVATE);
}

static bool action_fails(void)
{
	return fails_with_gap((struct test_mmap_proto_settings){
		.memory = TEST_MMAP_PROTO_INSERT_PAGE, .failing_page = 9,
		.options = BOTH_OPS, .holds = 2 }, EINVAL);
}

static bool batch_fails(void)
{
	return fails_with_gap((struct test_mmap_proto_settings){
		.memory = TEST_MMAP_PROTO_MAP_PAGES, .failing_page = 9,
		.options = BOTH_OPS }, EINVAL);
}

static bool mapped_fails(void)
{
	return fails_with_gap((struct test_mmap_proto_settings){
		.memory = TEST_MMAP_PROTO_REMAP, .mapped_error = -EUSERS,
		.options = BOTH_OPS, .holds = 2 }, EUSERS);
}

/* ---- limits -------------------------------------------------------------- */

static long locked_kb(void)
{
	return proc_number("/proc/self/status", "VmLck");
}

static bool locked_here(void)
{
	const long page_kb = page_size / 1024;

	if (!lower_lock_limit(4 * page_size))
		return false;
	set(fd, (struct test_mmap_proto_settings){ .set_flags = VM_LOCKED });
	if (!maps(fd, 1, 4, RW, MAP_SHARED, 0) ||
	    !is("VmLck", locked_kb(), 4 * page_kb) ||
	    !map_fails(fd, 11, 1, RW, MAP_SHARED, 0, EAGAIN) ||
	    !unmap(2, 1) || !is("VmLck", locked_kb(), 3 * page_kb) ||
	    !maps(fd, 11, 1, RW, MAP_SHARED, 0) ||
	    !is("VmLck", locked_kb(), 4 * page_kb))
		return false;

	/* This is locked anyway: it counts for nothing. */
	set(fd, (struct test_mmap_proto_settings){
		.memory = TEST_MMAP_PROTO_REMAP,
		.set_flags = VM_LOCKED | VM_PFNMAP });
	if (!maps(fd, 20, 30, RW, MAP_SHARED, 0) ||
	    !is("VmLck", locked_kb(), 4 * page_kb) || !unmap(20, 30))
		return false;

	return unmap(0, WINDOW_PAGES) && is("VmLck", locked_kb(), 0);
}

static bool locked(void)
{
	return in_child(locked_here);
}

static bool exec_here(void)
{
	if (prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0))
		return false;
	set(fd, (struct test_mmap_proto_settings){ .set_flags = VM_EXEC });

	return map_fails(fd, 1, 4, RW, MAP_SHARED, 0, EACCES) &&
	       maps(fd, 1, 4, PROT_READ, MAP_SHARED, 0);
}

static bool exec(void)
{
	set(fd, (struct test_mmap_proto_settings){ .set_flags = VM_EXEC });

	return maps(fd, 1, 4, RW, MAP_SHARED, 0) && unmap(1, 4) &&
	       in_child(exec_here);
}

static bool charges(unsigned long long set_flags,
		    unsigned long long clear_flags, long expected_kb)
{
	const long before = committed();

	set(fd, (struct test_mmap_proto_settings){
		.set_flags = set_flags, .clear_flags = clear_flags });

	return maps(fd, 0, 64, RW, MAP_PRIVATE, 0) &&
	       is("charged", committed() - before, expected_kb) &&
	       unmap(0, 64) && is("charged in the end", committed(), before);
}

static bool charged(void)
{
	const long all_kb = 64 * page_size / 1024;

	return charges(0, 0, all_kb) && charges(VM_DONTDUMP, 0, all_kb) &&
	       charges(VM_NORESERVE, 0, 0) &&
	       charges(0, VM_WRITE | VM_MAYWRITE, 0);
}

/* Not mapped: returns the error, 0 for none. Nothing is left to be charged. */
static int map_when_full(void)
{
	char *result;
	int error;

	if (!write_proc("/proc/sys/vm/overcommit_memory", "2"))
		return -1;
	result = map(fd, 0, 64, RW, MAP_PRIVATE, 0);
	error = result == MAP_FAILED ? errno : 0;
	if (!write_proc("/proc/sys/vm/overcommit_memory", "0"))
		return -1;

	return error;
}

static bool overcommit(void)
{
	static const struct {
		unsigned long long set_flags, clear_flags;
		int error;
	} cases[] = {
		{ 0, 0, ENOMEM },
		{ VM_DONTDUMP, 0, ENOMEM },
		{ VM_NORESERVE, 0, 0 },
		{ 0, VM_WRITE | VM_MAYWRITE, 0 },
	};
	const long before = committed();
	char ratio[32];
	bool good = true;
	size_t i;

	read_proc("/proc/sys/vm/overcommit_ratio", ratio, sizeof(ratio));
	if (!write_proc("/proc/sys/vm/overcommit_kbytes", "1"))
		return false;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		set(fd, (struct test_mmap_proto_settings){
			.set_flags = cases[i].set_flags,
			.clear_flags = cases[i].clear_flags });
		good &= is("error", map_when_full(), cases[i].error);
		unmap(0, 64);
	}
	if (!write_proc("/proc/sys/vm/overcommit_ratio", ratio))
		return false;

	return good && is("Committed_AS", committed(), before);
}

/* A charge that is taken over from the victim is given back with the rest. */
static bool overcommit_fails_unseen(void)
{
	const long before = committed();
	long with_victims;
	bool good;

	if (!make_victims())
		return false;
	note_smaps();
	with_victims = committed();
	set(fd, (struct test_mmap_proto_settings){ .holds = 1 });
	if (!write_proc("/proc/sys/vm/overcommit_kbytes", "1") ||
	    !write_proc("/proc/sys/vm/overcommit_memory", "2"))
		return false;
	good = map_fails(fd, 10, 24, RW, MAP_PRIVATE, 0, ENOMEM);
	if (!write_proc("/proc/sys/vm/overcommit_memory", "0") ||
	    !write_proc("/proc/sys/vm/overcommit_ratio", "50"))
		return false;
	good = good && victims_live() &&
	       is("Committed_AS", committed(), with_victims);
	unmap(0, WINDOW_PAGES);

	return good && is("Committed_AS in the end", committed(), before);
}

/* ---- operations ---------------------------------------------------------- */

static bool counted(long long mapped, long long opened, long long closed)
{
	const struct test_mmap_proto_counters now = count(fd);

	return is("mapped", now.mapped, mapped) &&
	       is("opened", now.opened, opened) &&
	       is("closed", now.closed, closed);
}

static bool over_fork(void)
{
	int status;
	pid_t child;

	set(fd, (struct test_mmap_proto_settings){ .options = BOTH_OPS });
	if (!maps(fd, 1, 4, RW, MAP_SHARED, 0) || !counted(1, 0, 0))
		return false;
	child = fork();
	if (!child) {
		at(1)[1000] = 7;
		_exit(!counted(1, 1, 0));
	}

	return waitpid(child, &status, 0) == child && !status &&
	       counted(1, 1, 1) && at(1)[1000] == 7 && unmap(1, 4) &&
	       counted(1, 1, 2);
}

/* A mapping of physical memory has its entries copied; with VM_DONTCOPY not. */
static bool remap_over_fork(void)
{
	int status;
	pid_t child;

	set(fd, (struct test_mmap_proto_settings){
		.memory = TEST_MMAP_PROTO_REMAP, .options = BOTH_OPS });
	if (!maps(fd, 1, 4, RW, MAP_SHARED, 0))
		return false;
	set(fd, (struct test_mmap_proto_settings){
		.memory = TEST_MMAP_PROTO_REMAP, .options = BOTH_OPS,
		.set_flags = VM_DONTCOPY });
	if (!maps(fd, 11, 4, RW, MAP_SHARED, 0))
		return false;
	fflush(stdout);
	child = fork();
	if (!child)
		_exit(!counted(2, 1, 0) ||
		      !shows(2, 1, TEST_MMAP_PROTO_BLOCK, file) ||
		      madvise(at(11), page_size, MADV_NORMAL) != -1 ||
		      errno != ENOMEM);

	return waitpid(child, &status, 0) == child && !status &&
	       counted(2, 1, 1);
}

static bool partial_munmap(void)
{
	set(fd, (struct test_mmap_proto_settings){
		.memory = TEST_MMAP_PROTO_INSERT_PAGES,
		.options = BOTH_OPS });

	/* In the middle: split twice, and one of the three closed. */
	return maps(fd, 1, 10, RW, MAP_SHARED, 0) && unmap(4, 2) &&
	       counted(1, 2, 1) && shows(3, 3, TEST_MMAP_PROTO_BLOCK, file) &&
	       shows(6, 4, TEST_MMAP_PROTO_BLOCK, file) && unmap(1, 1) &&
	       counted(1, 3, 2) && unmap(0, WINDOW_PAGES) && counted(1, 3, 4);
}

static bool over_mremap(void)
{
	set(fd, (struct test_mmap_proto_settings){
		.memory = TEST_MMAP_PROTO_REMAP, .options = BOTH_OPS });
	if (!maps(fd, 1, 4, RW, MAP_SHARED, 8))
		return false;
	if (mremap(at(1), 4 * page_size, 4 * page_size,
		   MREMAP_MAYMOVE | MREMAP_FIXED, at(21)) != at(21) ||
	    !counted(1, 1, 1) || !shows(22, 9, TEST_MMAP_PROTO_BLOCK, file))
		return false;

	/* It is VM_DONTEXPAND: it may shrink, and not grow. */
	if (mremap(at(21), 4 * page_size, 5 * page_size, 0) != MAP_FAILED ||
	    errno != EFAULT ||
	    mremap(at(21), 4 * page_size, 3 * page_size, 0) != at(21))
		return false;

	return counted(1, 2, 2) && unmap(21, 3) && counted(1, 2, 3);
}

static bool over_mprotect(void)
{
	set(fd, (struct test_mmap_proto_settings){ .options = BOTH_OPS });
	if (!maps(fd, 1, 6, RW, MAP_SHARED, 0) ||
	    mprotect(at(3), 2 * page_size, PROT_READ) || !counted(1, 2, 0))
		return false;
	at(1)[8] = 1;

	return shows(3, 2, TEST_MMAP_PROTO_BLOCK, file) &&
	       unmap(0, WINDOW_PAGES) && counted(1, 2, 3);
}

/* What the hook has taken away, mprotect() does not bring back. */
static bool mprotect_is_limited(void)
{
	set(fd, (struct test_mmap_proto_settings){
		.clear_flags = VM_WRITE | VM_MAYWRITE });

	return maps(fd, 1, 4, RW, MAP_SHARED, 0) &&
	       is("mprotect", mprotect(at(1), page_size, RW), -1) &&
	       is("errno", errno, EACCES) &&
	       shows(1, 0, TEST_MMAP_PROTO_BLOCK, file);
}

static bool over_mlock(void)
{
	const unsigned long page_kb = page_size / 1024;

	set(fd, (struct test_mmap_proto_settings){ .options = BOTH_OPS });
	if (!maps(fd, 1, 4, RW, MAP_SHARED, 0) || mlock(at(1), 4 * page_size) ||
	    !is("VmLck", locked_kb(), 4 * page_kb) ||
	    !is("faults", count(fd).faults, 4) || !unmap(1, 4))
		return false;
	set(fd, (struct test_mmap_proto_settings){
		.memory = TEST_MMAP_PROTO_REMAP, .options = BOTH_OPS });

	return maps(fd, 1, 4, RW, MAP_SHARED, 0) &&
	       !mlock(at(1), 4 * page_size) && is("VmLck", locked_kb(), 0);
}

static bool merges(void)
{
	set(fd, (struct test_mmap_proto_settings){ .set_flags = VM_DONTDUMP });
	if (!maps(fd, 1, 2, RW, MAP_SHARED, 0) ||
	    !maps(fd, 5, 2, RW, MAP_SHARED, 4) ||
	    !is("references", count(fd).references, 3) ||
	    !maps(fd, 3, 2, RW, MAP_SHARED, 2))
		return false;

	return is("references of one mapping", count(fd).references, 2) &&
	       is("hooks", count(fd).hooks, 3) &&
	       shows(1, 0, TEST_MMAP_PROTO_BLOCK, file) &&
	       shows(4, 3, TEST_MMAP_PROTO_BLOCK, file) &&
	       shows(6, 5, TEST_MMAP_PROTO_BLOCK, file);
}

static bool never_merges(struct test_mmap_proto_settings settings)
{
	set(fd, settings);

	return maps(fd, 1, 2, RW, MAP_SHARED, 0) &&
	       maps(fd, 3, 2, RW, MAP_SHARED, 2) &&
	       is("references", count(fd).references, 3) && unmap(1, 4) &&
	       is("references in the end", count(fd).references, 1);
}

static bool merges_alike_alone(void)
{
	return never_merges((struct test_mmap_proto_settings){
			.options = TEST_MMAP_PROTO_DISTINCT }) &&
	       never_merges((struct test_mmap_proto_settings){
			.options = TEST_MMAP_PROTO_MAPPED }) &&
	       never_merges((struct test_mmap_proto_settings){
			.memory = TEST_MMAP_PROTO_INSERT_PAGES });
}

/* ---- objects ------------------------------------------------------------- */

static void *drop_object(void *result)
{
	*(int *)result = ioctl(fd, TEST_MMAP_PROTO_DROP) ? errno : 0;

	return NULL;
}

/*
 * Another thread lets go of the object after the hook has found it, and before
 * mapped() takes the reference of the mapping.
 */
static bool object_is_held(void)
{
	pthread_t thread;
	int dropped;
	bool good;

	set(fd, (struct test_mmap_proto_settings){
		.options = BOTH_OPS | TEST_MMAP_PROTO_OBJECT |
			   TEST_MMAP_PROTO_RENDEZVOUS, .holds = 2 });
	if (pthread_create(&thread, NULL, drop_object, &dropped))
		return false;
	good = maps(fd, 1, 4, RW, MAP_SHARED, 0);
	pthread_join(thread, NULL);

	return good && is("dropped", dropped, 0) &&
	       is("held", count(fd).held, 2) &&
	       is("released", count(fd).released, 2) &&
	       is("objects", count(fd).all_objects, 1) && unmap(1, 2) &&
	       is("objects", count(fd).all_objects, 1) && unmap(3, 2) &&
	       is("objects in the end", count(fd).all_objects, 0);
}

static bool object_is_released(void)
{
	set(fd, (struct test_mmap_proto_settings){
		.memory = TEST_MMAP_PROTO_INSERT_PAGE, .failing_page = 2,
		.options = BOTH_OPS | TEST_MMAP_PROTO_OBJECT, .holds = 3 });

	return map_fails(fd, 1, 4, RW, MAP_SHARED, 0, EINVAL) &&
	       is("released", count(fd).released, 3) &&
	       is("objects", count(fd).all_objects, 1) &&
	       !ioctl(fd, TEST_MMAP_PROTO_DROP) &&
	       is("objects in the end", count(fd).all_objects, 0);
}

/* ---- balance ------------------------------------------------------------- */

/* All kinds of memory, mapped and unmapped, leave no page counted. */
static bool pages_mapped(void)
{
	unsigned int memory;
	long before, with;

	/* Once before, for what this program itself maps. */
	before = nr_mapped();
	before = nr_mapped();
	for (memory = 0; memory < TEST_MMAP_PROTO_ANONYMOUS; memory++) {
		set(fd, (struct test_mmap_proto_settings){ .memory = memory });
		if (!maps(fd, 1, 8, RW, MAP_SHARED, 0))
			return false;
		with = nr_mapped();
		if (is_inserted(memory) && !is("mapped pages", with, before + 8))
			return false;
		if (!unmap(1, 8) ||
		    !is("mapped pages in the end", nr_mapped(), before))
			return false;
	}

	return true;
}

static bool references(void)
{
	const int other = open_driver("test_mmap_proto");
	unsigned long files = count(fd).all_files;

	set(other, (struct test_mmap_proto_settings){ .options = BOTH_OPS });
	if (!maps(other, 1, 4, RW, MAP_SHARED, 0) ||
	    !is("references", count(other).references, 2))
		return false;
	close(other);
	if (!is("files", count(fd).all_files, files) || !unmap(2, 3) ||
	    !is("files", count(fd).all_files, files) || !unmap(1, 1))
		return false;

	return is("files in the end", count(fd).all_files, files - 1);
}

static const struct {
	const char *name;
	bool (*run)(void);
} tests[] = {
	{ "shows: a fault handler's pages", fault },
	{ "shows: remap_pfn_range()", remap },
	{ "shows: several of them", remap_parts },
	{ "shows: io_remap_pfn_range()", remap_io },
	{ "shows: vm_iomap_memory()", iomap },
	{ "shows: vm_insert_page() for each page", insert_page },
	{ "shows: vm_insert_pages()", insert_pages },
	{ "shows: vm_map_pages()", map_pages },
	{ "shows: vm_map_pages_zero()", map_pages_zero },
	{ "shows: remap_vmalloc_range()", remap_vmalloc },
	{ "shows: dma_mmap_coherent()", dma_mmap },
	{ "shows: anonymous memory", anonymous },
	{ "shows: another file", other_file },
	{ "another file, and failure", other_file_fails },
	{ "all kinds show the same memory", same_memory },
	{ "private mappings copy", private_copies },
	{ "nothing changes: the hook fails", hook_fails },
	{ "nothing changes: it fails with actions", hook_with_actions_fails },
	{ "nothing changes: a request is refused", request_beyond_fails },
	{ "nothing changes: beyond the memory", offset_beyond_fails },
	{ "nothing changes: RLIMIT_MEMLOCK", locked_fails_unseen },
	{ "nothing changes: memory to write and to execute",
	  exec_fails_unseen },
	{ "nothing changes: RLIMIT_AS", address_space_fails_unseen },
	{ "nothing changes: too much is committed", overcommit_fails_unseen },
	{ "a gap alone: an action fails", action_fails },
	{ "a gap alone: a batch of pages fails", batch_fails },
	{ "a gap alone: mapped() fails", mapped_fails },
	{ "limits: RLIMIT_MEMLOCK, and what is never charged", locked },
	{ "limits: memory to write and to execute", exec },
	{ "limits: flags decide what is charged", charged },
	{ "limits: strict overcommit", overcommit },
	{ "operations: fork", over_fork },
	{ "operations: fork, physical memory", remap_over_fork },
	{ "operations: partial munmap", partial_munmap },
	{ "operations: mremap", over_mremap },
	{ "operations: mprotect", over_mprotect },
	{ "operations: mprotect of what the hook forbids",
	  mprotect_is_limited },
	{ "operations: mlock", over_mlock },
	{ "merge: alike", merges },
	{ "merge: never what differs or has more to come",
	  merges_alike_alone },
	{ "an object that is held stays", object_is_held },
	{ "an object that is held is released on failure",
	  object_is_released },
	{ "mapped pages are counted", pages_mapped },
	{ "references to files", references },
};

int main(void)
{
	size_t i;

	make_window();
	close(open_driver("test_mmap_proto"));
	ksft_print_header();
	ksft_set_plan(ARRAY_SIZE(tests));
	bring_in();
	for (i = 0; i < ARRAY_SIZE(tests); i++) {
		fd = open_driver("test_mmap_proto");
		file = count(fd).file;
		ksft_test_result(tests[i].run(), "%s\n", tests[i].name);
		unmap(0, WINDOW_PAGES);
		close(fd);
	}
	ksft_finished();
}
