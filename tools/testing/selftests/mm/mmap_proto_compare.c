// SPDX-License-Identifier: GPL-2.0-only
/*
 * The same program against both devices of lib/test_mmap_proto.c, of which one
 * has mmap_proto() and the other does the same in mmap(). Whatever a program can
 * see must be the same, but for what is listed here with its reason.
 *
 * Everything that is done is noted as a value under a name, for either device;
 * then the notes are compared. A difference that is listed and not there is an
 * error too.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "mmap_proto_driver.h"

#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#define PR_MDWE_REFUSE_EXEC_GAIN 1
#endif

#define NOTES 4096
#define BOTH_OPS (TEST_MMAP_PROTO_MAPPED | TEST_MMAP_PROTO_CLOSE)

/* What a program may see differ: the name of the note, and why. */
static const struct {
	const char *name, *reason;
} differences[] = {
	{ "failing hook: what was there",
	  "mmap() is called when it is gone already" },
	{ "failing hook: closed",
	  "mmap() is called when it is gone already" },
	{ "refused request: what was there",
	  "mmap() is called when it is gone already" },
	{ "refused request: closed",
	  "mmap() is called when it is gone already" },
	{ "merge, alike: hooks",
	  "mmap() is not called for a mapping that merges" },
	{ "merge, private data differ: references",
	  "before mmap() nobody knows the private data" },
	{ "merge, private data differ: hooks",
	  "mmap() is not called for a mapping that merges" },
	{ "merge, mapped(): references",
	  "before mmap() nobody knows vm_ops" },
	{ "merge, mapped(): hooks",
	  "mmap() is not called for a mapping that merges" },
	{ "merge, mapped(): mapped",
	  "mmap() is not called for a mapping that merges" },
	{ "write forbidden, faults: charged",
	  "mmap() is called after it was charged" },
	{ "write forbidden, remapped: write",
	  "mmap() remaps with the access that the flags were about to lose" },
	{ "write forbidden, faults: flags",
	  "mmap() is called after it was charged: ac" },
	{ "not reserved: charged",
	  "mmap() is called after it was charged" },
	{ "not reserved: flags",
	  "mmap() is called after it was charged: ac" },
	{ "locked beyond the limit: error",
	  "mmap() is called after the limit was checked" },
	{ "execution gained: error",
	  "mmap() is called after the flags were checked" },
};

static bool difference_seen[ARRAY_SIZE(differences)];

struct note {
	char name[64];
	char value[256];
};

struct notes {
	struct note list[NOTES];
	size_t count;
};

static struct notes of_proto, of_mmap;

/* The device that is looked at. */
static struct notes *notes;
static const char *device;
static int fd;
static unsigned long physical_offset;

static __printf(3, 4)
void note(const char *group, const char *what, const char *format, ...)
{
	struct note *note = &notes->list[notes->count++];
	va_list args;

	if (notes->count == NOTES)
		ksft_exit_fail_msg("more than %d notes\n", NOTES);
	snprintf(note->name, sizeof(note->name), "%s: %s", group, what);
	va_start(args, format);
	vsnprintf(note->value, sizeof(note->value), format, args);
	va_end(args);
}

static void begin(struct test_mmap_proto_settings settings)
{
	fd = open_driver(device);
	physical_offset = 0;
	set(fd, settings);
}

static void end(void)
{
	unmap(0, WINDOW_PAGES);
	close(fd);
}

/* The errno that an expression that is -1 on failure leaves; 0 for success. */
#define error_of(call) ((call) == -1 ? errno : 0)

static int map_error(unsigned long page, unsigned long nr_pages, int prot,
		     int flags, unsigned long offset)
{
	return map(fd, page, nr_pages, prot, flags, offset) == MAP_FAILED ?
	       errno : 0;
}

/* ---- what there is to be seen -------------------------------------------- */

static sigjmp_buf after_signal;

static void on_signal(int number)
{
	siglongjmp(after_signal, number);
}

/* Read the first words of a page, or note the signal. */
static void note_page(const char *group, unsigned long page)
{
	struct test_mmap_proto_page found;
	char what[32];
	int number;

	snprintf(what, sizeof(what), "page %lu", page);
	number = sigsetjmp(after_signal, 1);
	if (number) {
		note(group, what, "signal %d", number);
		return;
	}
	memcpy(&found, at(page), sizeof(found));
	note(group, what, "%u of area %u", found.number, found.area);
}

static void note_write(const char *group, unsigned long page)
{
	const int number = sigsetjmp(after_signal, 1);

	if (!number)
		at(page)[2048] = 1;
	note(group, "write", number ? "signal %d" : "good", number);
}

/*
 * The offset of a private mapping of physical memory tells where that is, which
 * differs: it is noted as counted from the first mapping of the block.
 */
static void note_mapping(const char *group, unsigned long start,
			 unsigned long last, const char *access,
			 unsigned long offset)
{
	const unsigned long first_page = (start - (unsigned long)window) /
					 page_size;
	const unsigned long last_page = (last - (unsigned long)window) /
					page_size;
	const bool physical = offset >= TEST_MMAP_PROTO_PAGES * page_size;

	if (!physical_offset)
		physical_offset = offset;
	note(group, "mapping", "%lu to %lu %s at %s%lx", first_page, last_page,
	     access, physical ? "physical " : "",
	     physical ? offset - physical_offset : offset);
}

/* The lines of smaps that say what a mapping is, not how it is used. */
static void note_smaps(const char *group)
{
	static char text[0x40000];
	unsigned long start, last, offset;
	char access[5], flags[128];
	bool inside = false;
	char *line;

	read_proc("/proc/self/smaps", text, sizeof(text));
	for (line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		if (sscanf(line, "%lx-%lx %4s %lx", &start, &last, access,
			   &offset) == 4) {
			inside = start >= (unsigned long)window &&
				 last <= (unsigned long)at(WINDOW_PAGES);
			if (inside)
				note_mapping(group, start, last, access,
					     offset);
		} else if (inside && sscanf(line, "VmFlags: %127[^\n]",
					    flags) == 1) {
			note(group, "flags", "%s", flags);
		} else if (inside && !strncmp(line, "Rss:", 4)) {
			note(group, "Rss", "%s", line);
		}
	}
}

static void note_counters(const char *group)
{
	const struct test_mmap_proto_counters now = count(fd);

	note(group, "references", "%llu", (unsigned long long)now.references);
	note(group, "hooks", "%llu", (unsigned long long)now.hooks);
	note(group, "mapped", "%llu", (unsigned long long)now.mapped);
	note(group, "opened", "%llu", (unsigned long long)now.opened);
	note(group, "closed", "%llu", (unsigned long long)now.closed);
	note(group, "faults", "%llu", (unsigned long long)now.faults);
}

/* ---- what is done -------------------------------------------------------- */

static const char *const memories[] = {
	[TEST_MMAP_PROTO_FAULT] = "faults",
	[TEST_MMAP_PROTO_REMAP] = "remap",
	[TEST_MMAP_PROTO_REMAP_PARTS] = "remap parts",
	[TEST_MMAP_PROTO_REMAP_IO] = "remap I/O",
	[TEST_MMAP_PROTO_IOMAP] = "iomap",
	[TEST_MMAP_PROTO_INSERT_PAGE] = "insert page",
	[TEST_MMAP_PROTO_INSERT_PAGES] = "insert pages",
	[TEST_MMAP_PROTO_MAP_PAGES] = "map pages",
	[TEST_MMAP_PROTO_MAP_PAGES_ZERO] = "map pages zero",
	[TEST_MMAP_PROTO_REMAP_VMALLOC] = "vmalloc",
	[TEST_MMAP_PROTO_DMA_MMAP] = "DMA",
	[TEST_MMAP_PROTO_ANONYMOUS] = "anonymous",
};

static void in_a_child(const char *group)
{
	int status = -1;
	pid_t child;

	fflush(stdout);
	child = fork();
	if (!child) {
		const int number = sigsetjmp(after_signal, 1);

		if (number)
			_exit(number);
		_exit(at(2)[0] ? 100 : 101);
	}
	if (child > 0)
		waitpid(child, &status, 0);
	note(group, "child", "%x", status);
}

/* One mapping of a kind, and all that is done with mappings. */
static void do_mapping(const char *group, unsigned int memory, int prot,
		       int flags)
{
	begin((struct test_mmap_proto_settings){
		.memory = memory, .set_flags = VM_DONTDUMP,
		.options = memory == TEST_MMAP_PROTO_ANONYMOUS ? 0 : BOTH_OPS });
	note(group, "too long", "%d", map_error(1, 8, prot, flags, 60));
	note(group, "error", "%d", map_error(1, 8, prot, flags, 6));
	note_smaps(group);
	note_page(group, 1);
	note_page(group, 2);
	note_page(group, 8);
	note_write(group, 3);
	note_counters(group);
	in_a_child(group);
	note_counters(group);

	note(group, "munmap", "%d", error_of(munmap(at(4), page_size)));
	note(group, "mprotect", "%d",
	     error_of(mprotect(at(5), page_size, PROT_READ)));
	note(group, "mlock", "%d", error_of(mlock(at(1), page_size)));
	note(group, "grow", "%d", mremap(at(7), 2 * page_size, 3 * page_size,
					 0) == MAP_FAILED ? errno : 0);
	note(group, "move", "%d", mremap(at(1), page_size, page_size,
					 MREMAP_MAYMOVE | MREMAP_FIXED,
					 at(20)) == MAP_FAILED ? errno : 0);
	note(group, "discard", "%d",
	     error_of(madvise(at(2), page_size, MADV_DONTNEED)));
	note_smaps(group);
	note_page(group, 2);
	note_page(group, 5);
	note_page(group, 20);
	note_counters(group);
	unmap(0, WINDOW_PAGES);
	note_counters(group);
	end();
}

static void do_mappings(void)
{
	char group[48];
	size_t i, way;

	for (i = 0; i < ARRAY_SIZE(memories); i++) {
		for (way = 0; way < 4; way++) {
			snprintf(group, sizeof(group), "%s, %s, %s",
				 memories[i], way & 1 ? "private" : "shared",
				 way & 2 ? "read" : "write");
			do_mapping(group, i, way & 2 ? PROT_READ : RW,
				   way & 1 ? MAP_PRIVATE : MAP_SHARED);
		}
	}
}

/* Something fails, over a mapping that is there. */
static void do_failure(const char *group,
		       struct test_mmap_proto_settings settings)
{
	begin((struct test_mmap_proto_settings){ .options = BOTH_OPS });
	map(fd, 10, 4, RW, MAP_SHARED, 0);
	set(fd, settings);
	note(group, "error", "%d", map_error(10, 4, RW, MAP_SHARED, 0));
	note(group, "what was there", "%d",
	     error_of(madvise(at(10), page_size, MADV_NORMAL)));
	note(group, "mapped", "%llu", (unsigned long long)count(fd).mapped);
	note(group, "closed", "%llu", (unsigned long long)count(fd).closed);
	unmap(10, 4);
	note(group, "references", "%llu",
	     (unsigned long long)count(fd).references);
	end();
}

static void do_failures(void)
{
	do_failure("failing hook", (struct test_mmap_proto_settings){
		.error = -EIO });
	do_failure("refused request", (struct test_mmap_proto_settings){
		.options = TEST_MMAP_PROTO_BEYOND });
	do_failure("failing action", (struct test_mmap_proto_settings){
		.memory = TEST_MMAP_PROTO_INSERT_PAGE, .failing_page = 3 });
	do_failure("failing batch", (struct test_mmap_proto_settings){
		.memory = TEST_MMAP_PROTO_MAP_PAGES, .failing_page = 3 });
	do_failure("failing mapped()", (struct test_mmap_proto_settings){
		.options = BOTH_OPS, .mapped_error = -EUSERS });
}

static void do_merge(const char *group,
		     struct test_mmap_proto_settings settings)
{
	begin(settings);
	note(group, "error", "%d", map_error(1, 2, RW, MAP_SHARED, 0));
	note(group, "error", "%d", map_error(3, 2, RW, MAP_SHARED, 2));
	note_counters(group);
	unmap(1, 4);
	note(group, "references in the end", "%llu",
	     (unsigned long long)count(fd).references);
	end();
}

static void do_merges(void)
{
	do_merge("merge, alike", (struct test_mmap_proto_settings){ });
	do_merge("merge, flags set", (struct test_mmap_proto_settings){
		.set_flags = VM_DONTDUMP });
	do_merge("merge, private data differ",
		 (struct test_mmap_proto_settings){
		.options = TEST_MMAP_PROTO_DISTINCT });
	do_merge("merge, mapped()", (struct test_mmap_proto_settings){
		.options = TEST_MMAP_PROTO_MAPPED });
	do_merge("merge, inserted", (struct test_mmap_proto_settings){
		.memory = TEST_MMAP_PROTO_INSERT_PAGES });
}

static void do_flags(const char *group,
		     struct test_mmap_proto_settings settings, int flags)
{
	const long before = committed();

	begin(settings);
	note(group, "error", "%d", map_error(0, 64, RW, flags, 0));
	note(group, "charged", "%ld kB", committed() - before);
	note_smaps(group);
	note_page(group, 2);
	note_write(group, 2);
	unmap(0, 64);
	note(group, "charged in the end", "%ld kB", committed() - before);
	end();
}

static void do_all_flags(void)
{
	do_flags("write forbidden, faults", (struct test_mmap_proto_settings){
		.clear_flags = VM_WRITE | VM_MAYWRITE }, MAP_PRIVATE);
	do_flags("write forbidden, remapped",
		 (struct test_mmap_proto_settings){
		.memory = TEST_MMAP_PROTO_REMAP,
		.clear_flags = VM_WRITE | VM_MAYWRITE }, MAP_SHARED);
	do_flags("not reserved", (struct test_mmap_proto_settings){
		.set_flags = VM_NORESERVE }, MAP_PRIVATE);
	do_flags("not copied, not expanded", (struct test_mmap_proto_settings){
		.set_flags = VM_DONTCOPY | VM_DONTEXPAND }, MAP_SHARED);
	do_flags("I/O", (struct test_mmap_proto_settings){
		.set_flags = VM_IO }, MAP_SHARED);
}

/* In a child, which gives up what it cannot get back: returns errno. */
static int map_restricted(bool exec)
{
	int status;
	pid_t child;

	fflush(stdout);
	child = fork();
	if (!child) {
		if (exec ? prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0)
			 : !lower_lock_limit(2 * page_size))
			_exit(255);
		_exit(map_error(1, 4, RW, MAP_SHARED, 0));
	}

	return waitpid(child, &status, 0) == child && WIFEXITED(status) ?
	       WEXITSTATUS(status) : 254;
}

static void do_limits(void)
{
	begin((struct test_mmap_proto_settings){ .set_flags = VM_LOCKED });
	note("locked beyond the limit", "error", "%d", map_restricted(false));
	end();
	begin((struct test_mmap_proto_settings){ .set_flags = VM_EXEC });
	note("execution gained", "error", "%d", map_restricted(true));
	end();
}

static void do_other_file(void)
{
	const char *group = "other file";
	int other = open_driver(device);

	begin((struct test_mmap_proto_settings){
		.memory = TEST_MMAP_PROTO_OTHER_FILE, .other_fd = other,
		.options = BOTH_OPS });
	note(group, "error", "%d", map_error(1, 4, RW, MAP_SHARED, 3));
	note_smaps(group);
	note_page(group, 2);
	note_counters(group);
	note(group, "references of it", "%llu",
	     (unsigned long long)count(other).references);
	unmap(1, 4);
	note(group, "references of it", "%llu",
	     (unsigned long long)count(other).references);
	end();
	note(group, "references of it in the end", "%llu",
	     (unsigned long long)count(other).references);
	close(other);
}

static void do_all(const char *name, struct notes *where)
{
	device = name;
	notes = where;
	do_mappings();
	do_failures();
	do_merges();
	do_all_flags();
	do_limits();
	do_other_file();
}

/* ---- comparison ---------------------------------------------------------- */

/* Is this difference listed? */
static bool is_expected(const struct note *proto, const struct note *mmap)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(differences); i++) {
		if (strcmp(differences[i].name, proto->name))
			continue;
		difference_seen[i] = true;
		ksft_print_msg("%s: %s, with mmap() %s: %s\n", proto->name,
			       proto->value, mmap->value,
			       differences[i].reason);
		return true;
	}
	ksft_print_msg("%s: %s, with mmap() %s\n", proto->name, proto->value,
		       mmap->value);

	return false;
}

/* Compare the notes from @i on that have the same group; returns the next. */
static size_t compare_group(size_t i)
{
	const size_t length = strchr(of_proto.list[i].name, ':') -
			      of_proto.list[i].name + 1;
	const char *group = of_proto.list[i].name;
	const size_t first = i;
	bool good = true;

	for (; i < of_proto.count &&
	     !strncmp(of_proto.list[i].name, group, length); i++) {
		const struct note *proto = &of_proto.list[i];
		const struct note *mmap = &of_mmap.list[i];

		if (strcmp(proto->name, mmap->name)) {
			ksft_print_msg("%s, but %s with mmap()\n", proto->name,
				       mmap->name);
			good = false;
			break;
		}
		if (strcmp(proto->value, mmap->value))
			good &= is_expected(proto, mmap);
	}
	ksft_test_result(good, "%.*s the same but for what is listed, %zu values\n",
			 (int)length, group, i - first);
	/* After a break the rest cannot be compared. */
	while (i < of_proto.count &&
	       !strncmp(of_proto.list[i].name, group, length))
		i++;

	return i;
}

static unsigned int count_groups(const struct notes *of)
{
	unsigned int groups = 0;
	size_t i, length = 0;

	for (i = 0; i < of->count; i++) {
		if (i && !strncmp(of->list[i].name, of->list[i - 1].name,
				  length))
			continue;
		length = strchr(of->list[i].name, ':') - of->list[i].name + 1;
		groups++;
	}

	return groups;
}

int main(void)
{
	const struct sigaction action = { .sa_handler = on_signal };
	bool good = true;
	size_t i;

	make_window();
	close(open_driver("test_mmap_proto"));
	sigaction(SIGBUS, &action, NULL);
	sigaction(SIGSEGV, &action, NULL);
	ksft_print_header();
	do_all("test_mmap_proto", &of_proto);
	do_all("test_mmap", &of_mmap);

	ksft_set_plan(count_groups(&of_proto) + 2);
	ksft_test_result(of_proto.count == of_mmap.count,
			 "as much is seen of both\n");
	for (i = 0; i < of_proto.count;)
		i = compare_group(i);
	for (i = 0; i < ARRAY_SIZE(differences); i++) {
		if (!difference_seen[i])
			ksft_print_msg("not seen: %s\n", differences[i].name);
		good &= difference_seen[i];
	}
	ksft_test_result(good, "every difference that is listed is there\n");
	ksft_finished();
}
