// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <linux/capability.h>
#include <unistd.h>

#include "matrix.h"
#include "record.h"
#include "region.h"

/* Where everything is mapped: the program itself uses nothing near it. */
#define ARENA ((char *)0x100000000000UL)
#define MAPPED_MAX (8 * PAGE)
#define HUGE_PAGE (512 * PAGE)

static bool brief;

void matrix_short(void)
{
	brief = true;
}

bool matrix_is_short(void)
{
	return brief;
}

static size_t round_up(size_t size)
{
	return (size + PAGE - 1) & ~(PAGE - 1);
}

/* How much of the target an operation maps, unless that is its point. */
static size_t usual_size(const struct target *target)
{
	size_t size = target->size ? round_up(target->size) : PAGE;

	if (!target->whole && size > 4 * PAGE)
		size = 4 * PAGE;
	return size;
}

/* Whole huge pages: of one no part can be unmapped. */
static size_t arena_size(const struct target *target)
{
	size_t size = 2 * usual_size(target) + 16 * PAGE;

	return (size + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);
}

static void clear(const struct target *target)
{
	munmap(ARENA, arena_size(target));
}

/* Of a failure it is said apart what it has left of what was mapped before. */
__printf(2, 3)
static void say(const struct target *target, const char *format, ...)
{
	char operation[240], text[3600];
	int error = errno, len = 0;
	va_list args;

	if (target->label)
		len = snprintf(operation, sizeof(operation), "%s ",
			       target->label);
	va_start(args, format);
	len += vsnprintf(operation + len, 200 - len, format, args);
	va_end(args);
	region_describe(ARENA, arena_size(target), target->base, text,
			sizeof(text));
	if (!error) {
		record(operation, "ok %s", text);
	} else {
		record(operation, "%s", strerrorname_np(error));
		strcat(operation, ", leaves");
		record(operation, "%s", text);
	}
	errno = error;
}

/* mmap() that sets errno to 0 if it succeeds. */
static char *map_at(const struct target *target, char *where, size_t len,
		    int prot, int flags, off_t offset)
{
	char *got = mmap(where, len, prot, flags | MAP_FIXED, target->fd,
			 target->base + offset);

	if (got != MAP_FAILED) {
		errno = 0;
		return got;
	}
	return NULL;
}

static char *map(const struct target *target, int prot, int flags)
{
	return map_at(target, ARENA, usual_size(target), prot, flags, 0);
}

static const char *prot_name(int prot)
{
	static const char *const names[] = {
		"none", "r", "w", "rw", "x", "rx", "wx", "rwx"
	};

	return names[prot & 7];
}

static const char *share_name(int flags)
{
	switch (flags & MAP_TYPE) {
	case MAP_SHARED:
		return "shared";
	case MAP_PRIVATE:
		return "private";
	}
	return "validate";
}

/* Reads every page of what is mapped and, if that does no harm, writes. */
static void access_pages(const struct target *target, const char *operation,
			 char *at, size_t len, int prot, int flags)
{
	unsigned int sum = 0;
	int got = 0, wrote = 0;
	char text[100], name[200];
	size_t page, good = 0;

	if (target->quiet || !(prot & (PROT_READ | PROT_WRITE)))
		return;
	if (len > MAPPED_MAX)
		len = MAPPED_MAX;
	for (page = 0; page < len / PAGE; page++) {
		got = target->contents ?
			region_read(at + page * PAGE, &sum) :
			region_touch(at + page * PAGE);
		if (got)
			break;
		good++;
	}
	snprintf(text, sizeof(text), "%zu pages, %s", good,
		 region_signal(got));
	if (target->contents)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
			 ", sum %08x", sum);
	if (prot & PROT_WRITE &&
	    (target->write || (flags & MAP_TYPE) == MAP_PRIVATE)) {
		wrote = region_write(at, 0x5a);
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
			 ", write %s", region_signal(wrote));
		if (!wrote && region_touch(at) == 0)
			snprintf(text + strlen(text),
				 sizeof(text) - strlen(text), ", is %02x",
				 (unsigned char)at[0]);
		/* The next operation finds what this one found. */
		if (!wrote)
			region_write(at, 0);
	}
	snprintf(name, sizeof(name), "%s%s%s", target->label ?: "",
		 target->label ? " " : "", operation);
	record(name, "%s", text);
}

static void try_protections(const struct target *target)
{
	static const int shares[] = { MAP_SHARED, MAP_PRIVATE,
				      MAP_SHARED_VALIDATE };
	char name[64];
	size_t i;
	int prot;

	for (i = 0; i < ARRAY_SIZE(shares); i++) {
		for (prot = 0; prot < 8; prot++) {
			if (shares[i] == MAP_SHARED_VALIDATE &&
			    prot != PROT_READ)
				continue;
			if (brief && prot & PROT_EXEC && prot != 5)
				continue;
			map(target, prot, shares[i]);
			say(target, "map %s %s", share_name(shares[i]),
			    prot_name(prot));
			snprintf(name, sizeof(name), "access %s %s",
				 share_name(shares[i]), prot_name(prot));
			if (!errno)
				access_pages(target, name, ARENA,
					     usual_size(target), prot,
					     shares[i]);
			clear(target);
		}
	}
}

static void try_offsets(const struct target *target)
{
	size_t size = target->size ? round_up(target->size) : PAGE;
	const off_t offsets[] = {
		0, PAGE, size - PAGE, size, size + PAGE, 123, 1L << 40,
		(off_t)(1UL << 62), -(off_t)PAGE - target->base,
	};
	const size_t lengths[] = { 0, 1, PAGE, size, size + PAGE };
	size_t i, j;
	char name[64];

	for (i = 0; i < ARRAY_SIZE(offsets); i++) {
		for (j = 0; j < ARRAY_SIZE(lengths); j++) {
			if (lengths[j] > arena_size(target))
				continue;
			if (brief && i && lengths[j] != PAGE &&
			    lengths[j] != size)
				continue;
			map_at(target, ARENA, lengths[j], PROT_READ,
			       MAP_SHARED, offsets[i]);
			say(target, "map offset %zu length %zu", i, j);
			snprintf(name, sizeof(name),
				 "access offset %zu length %zu", i, j);
			if (!errno && lengths[j])
				access_pages(target, name, ARENA,
					     round_up(lengths[j]), PROT_READ,
					     MAP_SHARED);
			clear(target);
		}
	}
}

/* Memory, and the target over its second page if @itself. */
static void set_victim(const struct target *target, int prot, int share,
		       bool itself)
{
	size_t size = usual_size(target);

	clear(target);
	mmap(ARENA, size + 4 * PAGE, PROT_READ | PROT_WRITE,
	     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	memset(ARENA, 7, 4 * PAGE);
	if (itself)
		map_at(target, ARENA + PAGE, size, prot, share, 0);
}

/* Over memory, over the target itself, and where nothing may be replaced. */
static void try_fixed(const struct target *target, int prot, int share)
{
	const size_t size = usual_size(target);
	const struct {
		const char *name;
		bool itself;
		size_t at, len;
		off_t offset;
	} cases[] = {
		{ "over memory", false, PAGE, size, 0 },
		{ "over itself", true, PAGE, size, 0 },
		{ "over its head", true, 0, size, 0 },
		{ "over its end", true, 2 * PAGE, size, 0 },
		{ "unaligned", true, PAGE, PAGE, 123 },
		{ "far", true, PAGE, PAGE, 1L << 50 },
		{ "too long", true, 0, size + 4 * PAGE, 0 },
	};
	char *got;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		set_victim(target, prot, share, cases[i].itself);
		map_at(target, ARENA + cases[i].at, cases[i].len, prot, share,
		       cases[i].offset);
		say(target, "fixed %s %s", share_name(share), cases[i].name);
	}
	set_victim(target, prot, share, true);
	got = mmap(ARENA, PAGE, prot, share | MAP_FIXED_NOREPLACE, target->fd,
		   target->base);
	errno = got == MAP_FAILED ? errno : 0;
	say(target, "fixed %s no replacement", share_name(share));
	clear(target);
}

static void try_neighbours(const struct target *target, int prot, int share)
{
	size_t size = usual_size(target);

	map_at(target, ARENA, PAGE, prot, share, 0);
	map_at(target, ARENA + PAGE, PAGE, prot, share, PAGE);
	say(target, "neighbour %s behind", share_name(share));
	map_at(target, ARENA + 3 * PAGE, PAGE, prot, share, 3 * PAGE);
	map_at(target, ARENA + 2 * PAGE, PAGE, prot, share, 2 * PAGE);
	say(target, "neighbour %s between", share_name(share));
	clear(target);

	map_at(target, ARENA + PAGE, PAGE, prot, share, PAGE);
	map_at(target, ARENA, PAGE, prot, share, 0);
	say(target, "neighbour %s before", share_name(share));
	clear(target);

	map_at(target, ARENA, size, prot, share, 0);
	map_at(target, ARENA + size, size, prot, share, 0);
	say(target, "neighbour %s of the same offset", share_name(share));
	clear(target);
}

static void try_locking(const struct target *target, int prot)
{
	size_t size = usual_size(target);

	map(target, prot, MAP_SHARED | MAP_LOCKED);
	say(target, "map locked");
	clear(target);
	map(target, prot, MAP_SHARED | MAP_POPULATE);
	say(target, "map populate");
	clear(target);
	map(target, prot, MAP_PRIVATE | MAP_POPULATE);
	say(target, "map private populate");
	clear(target);
	map(target, prot, MAP_SHARED | MAP_NORESERVE);
	say(target, "map noreserve");
	clear(target);
	if (map(target, prot, MAP_SHARED)) {
		errno = mlock(ARENA, size) ? errno : 0;
		say(target, "mlock");
		errno = munlock(ARENA, size) ? errno : 0;
		say(target, "munlock");
		clear(target);
	}
	if (brief)
		return;
	errno = mlockall(MCL_FUTURE) ? errno : 0;
	say(target, "mlockall");
	map(target, prot, MAP_SHARED);
	say(target, "map after mlockall");
	clear(target);
	map(target, prot, MAP_PRIVATE);
	say(target, "map private after mlockall");
	munlockall();
	clear(target);
	errno = mlockall(MCL_FUTURE | MCL_ONFAULT) ? errno : 0;
	map(target, prot, MAP_SHARED);
	say(target, "map after mlockall onfault");
	munlockall();
	clear(target);
}

static void try_fork(const struct target *target, int prot)
{
	pid_t pid;
	int status;

	if (!map(target, prot, MAP_SHARED))
		return;
	pid = fork();
	if (!pid) {
		errno = 0;
		say(target, "in the child");
		access_pages(target, "access in the child", ARENA,
			     usual_size(target), PROT_READ, MAP_SHARED);
		errno = munmap(ARENA, PAGE) ? errno : 0;
		say(target, "unmap in the child");
		_exit(0);
	}
	waitpid(pid, &status, 0);
	errno = 0;
	say(target, "after the child, which ended with %x", status);
	access_pages(target, "access after the child", ARENA,
		     usual_size(target), PROT_READ, MAP_SHARED);
	clear(target);
}

static void try_mremap(const struct target *target, int prot, int share)
{
	size_t size = usual_size(target);
	char *far = ARENA + size + 8 * PAGE;

	if (!map(target, prot, share))
		return;
	errno = mremap(ARENA, size, size + PAGE, 0) == MAP_FAILED ? errno : 0;
	say(target, "grow %s in place", share_name(share));
	clear(target);

	map(target, prot, share);
	errno = mremap(ARENA, size, size, MREMAP_MAYMOVE | MREMAP_FIXED,
		       far) == MAP_FAILED ? errno : 0;
	say(target, "move %s", share_name(share));
	if (!errno)
		access_pages(target, "access moved", far, size, PROT_READ,
			     share);
	clear(target);

	map(target, prot, share);
	errno = mremap(ARENA, size, size + PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
		       far) == MAP_FAILED ? errno : 0;
	say(target, "grow %s and move", share_name(share));
	clear(target);

	map(target, prot, share);
	errno = mremap(ARENA, 0, size, MREMAP_MAYMOVE | MREMAP_FIXED, far) ==
		MAP_FAILED ? errno : 0;
	say(target, "double %s", share_name(share));
	clear(target);

	map(target, prot, share);
	errno = mremap(ARENA, size, PAGE, 0) == MAP_FAILED ? errno : 0;
	say(target, "shrink %s", share_name(share));
	clear(target);
}

static void try_munmap(const struct target *target, int prot, int share)
{
	size_t size = usual_size(target);

	if (size < 3 * PAGE || !map(target, prot, share))
		return;
	errno = munmap(ARENA + PAGE, PAGE) ? errno : 0;
	say(target, "unmap %s in the middle", share_name(share));
	errno = munmap(ARENA, PAGE) ? errno : 0;
	say(target, "unmap %s at the head", share_name(share));
	errno = munmap(ARENA + size - PAGE, PAGE) ? errno : 0;
	say(target, "unmap %s at the tail", share_name(share));
	/* What was taken out is put back. */
	map_at(target, ARENA, PAGE, prot, share, 0);
	map_at(target, ARENA + PAGE, PAGE, prot, share, PAGE);
	say(target, "map %s again into the hole", share_name(share));
	clear(target);
}

static void try_mprotect(const struct target *target, int share)
{
	int from, prot;

	for (from = 0; from < 4; from++) {
		if (brief && from != PROT_READ)
			continue;
		for (prot = 0; prot < 8; prot++) {
			if (!map(target, from, share))
				continue;
			errno = mprotect(ARENA, PAGE, prot) ? errno : 0;
			say(target, "protect %s %s as %s", share_name(share),
			    prot_name(from), prot_name(prot));
			clear(target);
		}
	}
}

static void drop_capabilities(void)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { };

	syscall(SYS_capset, &header, data);
}

/* Each in a child, for which the limit lasts. */
static void try_limit(const struct target *target, int prot, const char *name,
		      int resource, rlim_t limit)
{
	const struct rlimit limits = { limit, limit };
	pid_t pid = fork();
	int status;

	if (!pid) {
		/* The file of a child is its own. */
		setrlimit(resource, &limits);
		if (resource == RLIMIT_MEMLOCK)
			drop_capabilities();
		map(target, prot, MAP_SHARED);
		say(target, "limit %s shared", name);
		clear(target);
		map(target, prot, MAP_PRIVATE);
		say(target, "limit %s private", name);
		clear(target);
		map(target, prot, MAP_SHARED | MAP_LOCKED);
		say(target, "limit %s locked", name);
		clear(target);
		map(target, PROT_READ, MAP_SHARED);
		say(target, "limit %s read", name);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	if (status)
		record(name, "the child ended with %x", status);
}

static void try_limits(const struct target *target, int prot)
{
	try_limit(target, prot, "address space", RLIMIT_AS, 0);
	try_limit(target, prot, "locked memory", RLIMIT_MEMLOCK, 0);
	try_limit(target, prot, "locked page", RLIMIT_MEMLOCK, PAGE);
	try_limit(target, prot, "data", RLIMIT_DATA, 0);
}

static void try_advice(const struct target *target, int prot, int share)
{
	static const int advice[] = { MADV_DONTNEED, MADV_DONTFORK,
		MADV_DOFORK, MADV_DONTDUMP, MADV_DODUMP, MADV_SEQUENTIAL,
		MADV_RANDOM, MADV_NORMAL, MADV_WIPEONFORK, MADV_HUGEPAGE,
		MADV_NOHUGEPAGE, MADV_POPULATE_READ, MADV_MERGEABLE };
	size_t i;

	if (!map(target, prot, share))
		return;
	for (i = 0; i < ARRAY_SIZE(advice); i++) {
		if (target->quiet && advice[i] == MADV_POPULATE_READ)
			continue;
		errno = madvise(ARENA, PAGE, advice[i]) ? errno : 0;
		say(target, "advise %s %d", share_name(share), advice[i]);
	}
	errno = msync(ARENA, usual_size(target), MS_SYNC) ? errno : 0;
	say(target, "sync %s", share_name(share));
	clear(target);
}

/* Is it only readable, or not at all? */
static int usual_prot(const struct target *target)
{
	static const int prots[] = { PROT_READ | PROT_WRITE, PROT_READ,
				     PROT_WRITE };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(prots); i++) {
		bool mapped = map(target, prots[i], MAP_SHARED);

		clear(target);
		if (mapped)
			return prots[i];
	}
	return PROT_READ;
}

/* What is left when everything was unmapped. */
static void record_rest(const struct target *target)
{
	char line[128], text[300] = "";
	unsigned long value;
	FILE *status = fopen("/proc/self/status", "re");

	while (status && fgets(line, sizeof(line), status)) {
		if (sscanf(line, "VmLck: %lu", &value) == 1 ||
		    sscanf(line, "VmPin: %lu", &value) == 1)
			snprintf(text + strlen(text),
				 sizeof(text) - strlen(text), "%.5s %lu ",
				 line, value);
	}
	if (status)
		fclose(status);
	errno = 0;
	say(target, "afterwards %s", text);
}

void matrix_few(const struct target *target)
{
	int prot = usual_prot(target);

	map(target, prot, MAP_SHARED);
	say(target, "map shared %s", prot_name(prot));
	if (!errno)
		access_pages(target, "access shared", ARENA,
			     usual_size(target), prot, MAP_SHARED);
	clear(target);
	map(target, prot, MAP_PRIVATE);
	say(target, "map private %s", prot_name(prot));
	if (!errno)
		access_pages(target, "access private", ARENA,
			     usual_size(target), prot, MAP_PRIVATE);
	clear(target);
	record_rest(target);
}

void matrix_run(const struct target *target)
{
	static const int shares[] = { MAP_SHARED, MAP_PRIVATE };
	int prot = usual_prot(target);
	size_t i;

	record(target->label ?: "usual", "%s", prot_name(prot));
	try_protections(target);
	try_offsets(target);
	for (i = 0; i < 2; i++) {
		try_fixed(target, prot, shares[i]);
		try_neighbours(target, prot, shares[i]);
		try_mremap(target, prot, shares[i]);
		try_munmap(target, prot, shares[i]);
		try_mprotect(target, shares[i]);
		try_advice(target, prot, shares[i]);
	}
	try_locking(target, prot);
	try_fork(target, prot);
	if (!brief)
		try_limits(target, prot);
	record_rest(target);
}

/* One mapping where the kernel wants it, and what can be done with it. */
static void map_anywhere(const struct target *target, size_t len, int prot,
			 int flags)
{
	char text[2000], operation[200];
	char *got = mmap(NULL, len, prot, flags, target->fd, target->base);
	const char *error = got == MAP_FAILED ? strerrorname_np(errno) : "ok";
	pid_t pid;

	snprintf(operation, sizeof(operation), "%s anywhere %s %s %zu%s",
		 target->label, share_name(flags), prot_name(prot),
		 len / PAGE, flags & MAP_POPULATE ? " populated" :
		 flags & MAP_LOCKED ? " locked" : "");
	if (got == MAP_FAILED) {
		record(operation, "%s", error);
		return;
	}
	region_describe(got, len, target->base, text, sizeof(text));
	record(operation, "ok %s", text);
	access_pages(target, operation + strlen(target->label) + 1, got, len,
		     prot, flags);
	pid = fork();
	if (!pid) {
		strcat(operation, " in the child");
		region_describe(got, len, target->base, text, sizeof(text));
		record(operation, "%s", text);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	strcat(operation, " protected");
	error = mprotect(got, PAGE, PROT_READ) ? strerrorname_np(errno) : "ok";
	region_describe(got, len, target->base, text, sizeof(text));
	record(operation, "%s %s", error, text);
	strcat(operation, " and unmapped");
	error = munmap(got, PAGE) ? strerrorname_np(errno) : "ok";
	region_describe(got, len, target->base, text, sizeof(text));
	record(operation, "%s %s", error, text);
	munmap(got, len);
}

void matrix_anywhere(const struct target *target)
{
	static const int shares[] = { MAP_SHARED, MAP_PRIVATE };
	size_t size = target->size ? round_up(target->size) : PAGE;
	size_t i;
	int prot;

	for (i = 0; i < ARRAY_SIZE(shares); i++) {
		for (prot = 0; prot < 8; prot++)
			map_anywhere(target, size, prot, shares[i]);
		map_anywhere(target, size, PROT_READ,
			     shares[i] | MAP_POPULATE);
		map_anywhere(target, size, PROT_READ, shares[i] | MAP_LOCKED);
		map_anywhere(target, size + PAGE, PROT_READ, shares[i]);
	}
	record_rest(target);
}
