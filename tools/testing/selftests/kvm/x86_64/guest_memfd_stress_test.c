// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random operations on guest_memfd by several threads at once, beside a guest
 * that keeps secrets (see gmem_oracle.h) in one file and wanders about in
 * another.
 *
 * Each thread has pages of the second file that nobody else changes: it knows
 * which of them are private, what is in them and which it has pinned, and so
 * what each operation must do. In pages that belong to all, anything may
 * happen but what must never happen.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/falloc.h>
#include <linux/mman.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "gmem_attack.h"

#define RW		(PROT_READ | PROT_WRITE)
#define ZONE_PAGES	16
#define COMMON_PAGES	16
#define MAX_THREADS	16
#define ZONE_GPA	(8ULL << 30)
#define ZONE_SLOT	(GMEM_SLOT + 1)
#define MAX_PINS	2
#define STUCK_EXITS	200
#define PRESSURE_BYTES	(64 << 20)

enum operation {
	OP_READ,
	OP_WRITE,
	OP_TO_PRIVATE,
	OP_TO_SHARED,
	OP_GFN_TO_PRIVATE,
	OP_GFN_TO_SHARED,
	OP_PUNCH,
	OP_ALLOCATE,
	OP_PIN,
	OP_PIN_REFUSES,
	OP_UNPIN,
	OP_FORK,
	OP_MAP,
	OP_REMAP,
	OP_ADVISE,
	OP_COMMON_CONVERT,
	OP_COMMON_TOUCH,
	OP_COMMON_PUNCH,
	OP_LOOK_FOR_SECRETS,
	OP_SLOT,
	OP_RUN_GUEST,
	OP_PRESSURE,
	OP_NR
};

static const char *const names[OP_NR] = {
	[OP_READ] = "read or be refused",
	[OP_WRITE] = "write or be refused",
	[OP_TO_PRIVATE] = "convert to private",
	[OP_TO_SHARED] = "convert to shared",
	[OP_GFN_TO_PRIVATE] = "convert guest addresses to private",
	[OP_GFN_TO_SHARED] = "convert guest addresses to shared",
	[OP_PUNCH] = "punch a hole",
	[OP_ALLOCATE] = "allocate",
	[OP_PIN] = "pin",
	[OP_PIN_REFUSES] = "convert what is pinned: EAGAIN",
	[OP_UNPIN] = "let a pin go",
	[OP_FORK] = "fork",
	[OP_MAP] = "map and unmap",
	[OP_REMAP] = "mremap",
	[OP_ADVISE] = "madvise",
	[OP_COMMON_CONVERT] = "convert pages of all",
	[OP_COMMON_TOUCH] = "touch pages of all",
	[OP_COMMON_PUNCH] = "punch holes into pages of all",
	[OP_LOOK_FOR_SECRETS] = "look for secrets",
	[OP_SLOT] = "delete and create the slot",
	[OP_RUN_GUEST] = "guest touches pages of all",
	[OP_PRESSURE] = "memory pressure",
};

/**
 * struct count - how often an operation was done.
 * @tried: times it was tried.
 * @done: of these, times it had its effect.
 */
static struct count {
	unsigned long tried;
	unsigned long done;
} counts[OP_NR];

/* EAGAIN without a pin of ours: somebody looked at the page just then. */
static unsigned long busy_by_others;

/**
 * struct page_state - what a thread knows of a page of its own.
 * @private: it is private.
 * @word: what it begins with.
 */
struct page_state {
	bool private;
	uint64_t word;
};

/**
 * struct pin - a page held in a pipe.
 * @fds: the pipe.
 * @page: page of the zone, -1 if there is none.
 * @punched: the file has another page there since.
 */
struct pin {
	int fds[2];
	int page;
	bool punched;
};

/**
 * struct worker - a thread that does random operations.
 * @thread: the thread.
 * @number: its number; its zone begins at that many times ZONE_PAGES.
 * @random: state of its sequence of random numbers.
 * @writes: words written so far.
 * @mem: its mapping of the zone.
 * @pages: what it knows of it.
 * @pins: what it holds.
 */
static struct worker {
	pthread_t thread;
	unsigned int number;
	uint64_t random;
	uint32_t writes;
	uint64_t *mem;
	struct page_state pages[ZONE_PAGES];
	struct pin pins[MAX_PINS];
} workers[MAX_THREADS];

static struct gmem_oracle oracle;
static int zone_fd;
static uint64_t *zone_mem;
static unsigned int zone_pages;
static unsigned int nr_threads = 3;
static bool stop;
static unsigned long faults;

/* Read by who needs the slot, written by who deletes it. */
static pthread_rwlock_t slot_lock = PTHREAD_RWLOCK_INITIALIZER;

/* Only the first failure is told: the others come of it. */
static void __printf(1, 2) fail(const char *format, ...)
{
	va_list args;
	char text[256];

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (!__atomic_fetch_add(&faults, 1, __ATOMIC_SEQ_CST))
		ksft_print_msg("%s\n", text);
	WRITE_ONCE(stop, true);
}

static void count(enum operation op, bool done)
{
	__atomic_fetch_add(&counts[op].tried, 1, __ATOMIC_RELAXED);
	if (done)
		__atomic_fetch_add(&counts[op].done, 1, __ATOMIC_RELAXED);
}

static unsigned int next_random(struct worker *w, unsigned int below)
{
	w->random = w->random * 6364136223846793005ULL + 1442695040888963407ULL;
	return (w->random >> 33) % below;
}

static unsigned int common_page(struct worker *w)
{
	return nr_threads * ZONE_PAGES + next_random(w, COMMON_PAGES);
}

static uint64_t *page_of(struct worker *w, unsigned int page)
{
	return w->mem + page * GMEM_PAGE_WORDS;
}

static uint64_t file_offset(struct worker *w, unsigned int page)
{
	return (w->number * ZONE_PAGES + page) * PAGE_SIZE;
}

/* ---- what must be ---- */

/* Reads the first word: is it what it must be, or refused as it must be? */
static bool page_is_right(struct worker *w, uint64_t *addr, unsigned int page,
			  const char *during)
{
	const struct page_state *state = &w->pages[page];
	uint64_t word = 0;
	int ret;

	ret = gmem_guarded(word = READ_ONCE(*addr));
	if (!!ret != state->private) {
		fail("%s: page %u of thread %u is %s, and a read is %s", during,
		     page, w->number, state->private ? "private" : "shared",
		     ret ? "refused" : "not refused");
		return false;
	}
	if (!ret && word != state->word) {
		fail("%s: page %u of thread %u has %lx instead of %lx", during,
		     page, w->number, word, state->word);
		return false;
	}
	return true;
}

static struct pin *find_pin(struct worker *w, unsigned int first,
			    unsigned int nr)
{
	struct pin *pin;

	for (pin = w->pins; pin < w->pins + MAX_PINS; pin++)
		if (!pin->punched && pin->page >= (int)first &&
		    pin->page < (int)(first + nr))
			return pin;
	return NULL;
}

/* ---- operations on pages of the thread ---- */

static void do_read(struct worker *w)
{
	unsigned int page = next_random(w, ZONE_PAGES);

	count(OP_READ, page_is_right(w, page_of(w, page), page, "read"));
}

static void do_write(struct worker *w)
{
	unsigned int page = next_random(w, ZONE_PAGES);
	struct page_state *state = &w->pages[page];
	uint64_t word = GMEM_WORD(GMEM_HOST, w->number << 24 | ++w->writes);
	int ret;

	ret = gmem_guarded(WRITE_ONCE(*page_of(w, page), word));
	if (!!ret != state->private)
		fail("write: page %u of thread %u is %s, and a write is %s",
		     page, w->number, state->private ? "private" : "shared",
		     ret ? "refused" : "not refused");
	if (!ret)
		state->word = word;
	count(OP_WRITE, !ret);
}

static int convert_gfns(struct worker *w, unsigned int first, unsigned int nr,
			bool private)
{
	struct kvm_memory_attributes attributes = {
		.address = ZONE_GPA + file_offset(w, first),
		.size = nr * PAGE_SIZE,
		.attributes = private ? KVM_MEMORY_ATTRIBUTE_PRIVATE : 0,
	};
	int ret;

	pthread_rwlock_rdlock(&slot_lock);
	ret = __vm_ioctl(oracle.vm, KVM_SET_MEMORY_ATTRIBUTES, &attributes);
	ret = ret ? -errno : 0;
	pthread_rwlock_unlock(&slot_lock);
	return ret;
}

static void do_convert(struct worker *w, bool private, bool by_gfn)
{
	int first = next_random(w, ZONE_PAGES);
	int nr = 1 + next_random(w, ZONE_PAGES - first);
	uint64_t begin = file_offset(w, first), where = begin;
	enum operation op;
	bool held;
	int ret, i;

	if (by_gfn) {
		ret = convert_gfns(w, first, nr, private);
		op = private ? OP_GFN_TO_PRIVATE : OP_GFN_TO_SHARED;
	} else {
		ret = gmem_try_set(zone_fd, begin, nr * PAGE_SIZE, private,
				   &where);
		op = private ? OP_TO_PRIVATE : OP_TO_SHARED;
	}
	held = private && find_pin(w, first, nr);
	count(op, !ret);
	if (held)
		count(OP_PIN_REFUSES, ret == -EAGAIN);
	if (held && !ret)
		fail("convert: a pinned page of thread %u became private",
		     w->number);
	if (ret && ret != -EAGAIN)
		fail("convert: errno %d", -ret);
	if (ret == -EAGAIN && !private)
		fail("convert: refused to shared");
	if (ret == -EAGAIN && (where < begin || where % PAGE_SIZE ||
			       where >= begin + nr * PAGE_SIZE))
		fail("convert: %lx of %lx is no place for EAGAIN", where,
		     begin);
	if (ret == -EAGAIN && !held)
		__atomic_fetch_add(&busy_by_others, 1, __ATOMIC_RELAXED);
	for (i = first; i < first + nr && !ret; i++)
		w->pages[i].private = private;

	/* The page next to it, too: it has not changed. */
	for (i = first - 1; i <= first + nr; i++)
		if (i >= 0 && i < ZONE_PAGES)
			page_is_right(w, page_of(w, i), i, private ?
				      "to private" : "to shared");
}

static void do_punch(struct worker *w)
{
	unsigned int first = next_random(w, ZONE_PAGES);
	unsigned int nr = 1 + next_random(w, ZONE_PAGES - first);
	struct pin *pin;
	int ret, i;

	ret = fallocate(zone_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			file_offset(w, first), nr * PAGE_SIZE);
	if (ret)
		fail("punch: errno %d", errno);
	for (i = first; i < first + nr; i++) {
		w->pages[i].word = 0;
		while ((pin = find_pin(w, i, 1)))
			pin->punched = true;
		page_is_right(w, page_of(w, i), i, "punch");
	}
	count(OP_PUNCH, !ret);
}

static void do_allocate(struct worker *w)
{
	unsigned int first = next_random(w, ZONE_PAGES);
	unsigned int nr = 1 + next_random(w, ZONE_PAGES - first);
	int ret;

	ret = fallocate(zone_fd, FALLOC_FL_KEEP_SIZE, file_offset(w, first),
			nr * PAGE_SIZE);
	if (ret && errno != EINTR)
		fail("allocate: errno %d", errno);
	page_is_right(w, page_of(w, first), first, "allocate");
	count(OP_ALLOCATE, !ret);
}

static void do_pin(struct worker *w)
{
	struct pin *pin = &w->pins[next_random(w, MAX_PINS)];
	unsigned int page = next_random(w, ZONE_PAGES);
	struct iovec where = { page_of(w, page), PAGE_SIZE };
	ssize_t ret;

	if (pin->page >= 0)
		return;
	ret = vmsplice(pin->fds[1], &where, 1, SPLICE_F_NONBLOCK);
	if (w->pages[page].private ? ret >= 0 : ret < 0)
		fail("pin: page %u of thread %u is %s, and vmsplice returns %zd",
		     page, w->number, w->pages[page].private ? "private" :
		     "shared", ret);
	if (ret > 0) {
		pin->page = page;
		pin->punched = false;
	}
	count(OP_PIN, ret > 0);
}

static void unpin(struct worker *w, struct pin *pin)
{
	uint64_t buf[GMEM_PAGE_WORDS];
	ssize_t ret = read(pin->fds[0], buf, sizeof(buf));

	if (ret != sizeof(buf))
		fail("a pin's pipe has %zd bytes", ret);
	else if (!pin->punched && buf[0] != w->pages[pin->page].word)
		fail("a pinned page has %lx instead of %lx", buf[0],
		     w->pages[pin->page].word);
	pin->page = -1;
	pin->punched = false;
	count(OP_UNPIN, ret == sizeof(buf));
}

static void do_unpin(struct worker *w)
{
	struct pin *pin = &w->pins[next_random(w, MAX_PINS)];

	if (pin->page >= 0)
		unpin(w, pin);
}

/* ---- operations on address spaces ---- */

/* The child of a process with threads: no printing here. */
static void __noreturn child_looks(struct worker *w)
{
	uint64_t word;
	int ret, i;

	for (i = 0; i < ZONE_PAGES; i++) {
		word = 0;
		ret = gmem_guarded(word = READ_ONCE(*page_of(w, i)));
		if (!!ret != w->pages[i].private ||
		    (!ret && word != w->pages[i].word))
			_exit(1 + i);
	}
	_exit(0);
}

static void do_fork(struct worker *w)
{
	pid_t pid = fork();
	int status;

	if (pid < 0)
		return;
	if (!pid)
		child_looks(w);
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		fail("fork: the child ends with %x", status);
	else if (WEXITSTATUS(status))
		fail("fork: the child does not see what it must in page %d",
		     WEXITSTATUS(status) - 1);
	count(OP_FORK, !status);
}

static uint64_t *map_zone(struct worker *w, int flags)
{
	return mmap(NULL, ZONE_PAGES * PAGE_SIZE, RW, MAP_SHARED | flags,
		    zone_fd, file_offset(w, 0));
}

static void do_map(struct worker *w)
{
	unsigned int page = next_random(w, ZONE_PAGES);
	uint64_t *mem = map_zone(w, next_random(w, 2) ? MAP_POPULATE : 0);
	bool good;

	if (mem == MAP_FAILED) {
		fail("map: errno %d", errno);
		return;
	}
	good = page_is_right(w, mem + page * GMEM_PAGE_WORDS, page, "map");
	munmap(mem, ZONE_PAGES * PAGE_SIZE);
	count(OP_MAP, good);
}

static void do_remap(struct worker *w)
{
	size_t size = ZONE_PAGES * PAGE_SIZE;
	void *place = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
			   -1, 0);
	uint64_t *moved = mremap(w->mem, size, size, MREMAP_MAYMOVE |
				 MREMAP_FIXED, place);
	int i;

	if (moved == MAP_FAILED) {
		fail("mremap: errno %d", errno);
		return;
	}
	w->mem = moved;
	for (i = 0; i < ZONE_PAGES; i++)
		page_is_right(w, page_of(w, i), i, "mremap");
	count(OP_REMAP, true);
}

static void do_advise(struct worker *w)
{
	static const int advice[] = {
		MADV_DONTNEED, MADV_COLD, MADV_PAGEOUT, MADV_WILLNEED,
		MADV_POPULATE_READ, MADV_POPULATE_WRITE,
	};
	unsigned int page = next_random(w, ZONE_PAGES);
	int ret;

	ret = madvise(page_of(w, page), PAGE_SIZE,
		      advice[next_random(w, ARRAY_SIZE(advice))]);
	page_is_right(w, page_of(w, page), page, "madvise");
	count(OP_ADVISE, !ret);
}

/* ---- operations on what belongs to all ---- */

static void do_common_convert(struct worker *w)
{
	unsigned int first = common_page(w);
	unsigned int nr = 1 + next_random(w, zone_pages - first);
	uint64_t begin = first * PAGE_SIZE, where;
	bool private = next_random(w, 2);
	int ret;

	ret = gmem_try_set(zone_fd, begin, nr * PAGE_SIZE, private, &where);
	if (ret && !(ret == -EAGAIN && private))
		fail("convert pages of all: errno %d", -ret);
	count(OP_COMMON_CONVERT, !ret);
}

static void do_common_touch(struct worker *w)
{
	uint64_t *addr = zone_mem + common_page(w) * GMEM_PAGE_WORDS;
	uint64_t word = GMEM_WORD(GMEM_HOST, w->number);
	int ret;

	if (next_random(w, 2))
		ret = gmem_guarded(WRITE_ONCE(*addr, word));
	else
		ret = gmem_guarded(word = READ_ONCE(*addr));
	if (word && GMEM_KIND(word) != GMEM_HOST &&
	    GMEM_KIND(word) != GMEM_PUBLIC)
		fail("page of all: %lx is nobody's", word);
	count(OP_COMMON_TOUCH, !ret);
}

static void do_common_punch(struct worker *w)
{
	int ret;

	ret = fallocate(zone_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			common_page(w) * PAGE_SIZE, PAGE_SIZE);
	if (ret)
		fail("punch pages of all: errno %d", errno);
	count(OP_COMMON_PUNCH, !ret);
}

static int copy_guest_page(unsigned int page, uint64_t *buf, bool by_call)
{
	struct iovec theirs = { gmem_page_addr(&oracle, page), PAGE_SIZE };
	struct iovec ours = { buf, PAGE_SIZE };

	if (!by_call)
		return gmem_copy(buf, theirs.iov_base);
	return process_vm_readv(getpid(), &ours, 1, &theirs, 1, 0);
}

/* In the pages that the guest keeps its secrets in when they are private. */
static void do_look(struct worker *w)
{
	bool by_call = next_random(w, 2);
	uint64_t buf[GMEM_PAGE_WORDS];
	unsigned int page, seen = 0;

	for (page = GMEM_PAGE_CHURN; page < oracle.pages; page++) {
		memset(buf, 0, sizeof(buf));
		seen += copy_guest_page(page, buf, by_call) > 0;
		if (gmem_find_secret(buf, sizeof(buf)))
			fail("a secret is seen: %lx in page %u",
			     gmem_find_secret(buf, sizeof(buf)), page);
	}
	count(OP_LOOK_FOR_SECRETS, seen);
}

/* @mem: a mapping of the file, or NULL: KVM knows it by the file alone. */
static void create_slot(uint64_t *mem)
{
	vm_set_user_memory_region2(oracle.vm, ZONE_SLOT, KVM_MEM_GUEST_MEMFD,
				   ZONE_GPA, zone_pages * PAGE_SIZE, mem,
				   zone_fd, 0);
}

static void delete_slot(void)
{
	vm_set_user_memory_region2(oracle.vm, ZONE_SLOT, 0, ZONE_GPA, 0, NULL,
				   0, 0);
}

static void do_slot(struct worker *w)
{
	pthread_rwlock_wrlock(&slot_lock);
	delete_slot();
	if (next_random(w, 2))
		usleep(next_random(w, 3000));
	create_slot(next_random(w, 2) ? zone_mem : NULL);
	pthread_rwlock_unlock(&slot_lock);
	count(OP_SLOT, true);
}

static void write_proc(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0)
		return;
	if (write(fd, text, strlen(text)) < 0)
		ksft_print_msg("%s: %s\n", path, strerror(errno));
	close(fd);
}

/* Most of what is free, as far as it is quick; then caches have to go. */
static void do_pressure(struct worker *w)
{
	size_t size = min_t(size_t, PRESSURE_BYTES, PAGE_SIZE * 3 / 4 *
			    sysconf(_SC_AVPHYS_PAGES));
	char *mem = mmap(NULL, size, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int ret;

	if (mem == MAP_FAILED)
		return;
	ret = madvise(mem, size & -PAGE_SIZE, MADV_POPULATE_WRITE);
	write_proc("/proc/sys/vm/drop_caches", "3");
	write_proc("/proc/sys/vm/compact_memory", "1");
	munmap(mem, size);
	count(OP_PRESSURE, !ret);
}

/* ---- threads ---- */

/* How often each is chosen, of the sum of all. */
static const struct {
	void (*run)(struct worker *w);
	unsigned int weight;
} operations[] = {
	{ do_read, 200 },
	{ do_write, 200 },
	{ do_punch, 40 },
	{ do_allocate, 40 },
	{ do_pin, 60 },
	{ do_unpin, 60 },
	{ do_fork, 4 },
	{ do_map, 60 },
	{ do_remap, 30 },
	{ do_advise, 60 },
	{ do_common_convert, 60 },
	{ do_common_touch, 100 },
	{ do_common_punch, 20 },
	{ do_look, 150 },
	{ do_slot, 4 },
};

static void do_random(struct worker *w)
{
	unsigned int sum = 0, chosen, i;

	for (i = 0; i < ARRAY_SIZE(operations); i++)
		sum += operations[i].weight;
	/* One in four is a conversion. */
	if (!next_random(w, 4)) {
		do_convert(w, next_random(w, 2), !next_random(w, 4));
		return;
	}
	chosen = next_random(w, sum);
	for (i = 0; chosen >= operations[i].weight; i++)
		chosen -= operations[i].weight;
	operations[i].run(w);
}

static void *work(void *arg)
{
	struct worker *w = arg;
	int i;

	while (!READ_ONCE(stop))
		do_random(w);
	for (i = 0; i < MAX_PINS; i++)
		if (w->pins[i].page >= 0)
			unpin(w, &w->pins[i]);
	return NULL;
}

static void *press(void *arg)
{
	struct worker *w = arg;

	while (!READ_ONCE(stop)) {
		do_pressure(w);
		usleep(1000000);
	}
	return NULL;
}

/* ---- the guest that wanders about ---- */

static void wander(unsigned int first, unsigned int nr)
{
	uint64_t random = rdtsc() | 1, *word, found, i = 0;

	for (;;) {
		random = random * 6364136223846793005ULL + 1442695040888963407ULL;
		word = (uint64_t *)(ZONE_GPA + (first + (random >> 33) % nr) *
				    PAGE_SIZE);
		found = READ_ONCE(*word);
		__GUEST_ASSERT(GMEM_KIND(found) != GMEM_SECRET, "a secret");
		if (random & (1ULL << 40))
			WRITE_ONCE(*word, GMEM_WORD(GMEM_PUBLIC, i));
		if (!(++i % 64))
			GUEST_SYNC(i);
	}
}

/*
 * A conversion that comes just then lets an access fail: once, maybe twice, as
 * conversions are rare beside accesses.
 */
static void check_progress(const struct kvm_run *run, unsigned int *stuck)
{
	static uint64_t last;

	if (run->exit_reason != KVM_EXIT_MEMORY_FAULT)
		fail("guest: errno %d, exit %s", errno,
		     exit_reason_str(run->exit_reason));
	*stuck = run->memory_fault.gpa == last ? *stuck + 1 : 0;
	last = run->memory_fault.gpa;
	if (*stuck > STUCK_EXITS)
		fail("guest: stuck at %llx, flags %llx",
		     run->memory_fault.gpa, run->memory_fault.flags);
}

/* Without a slot an address is a device's; on a conversion one tries again. */
static void *run_wanderer(void *arg)
{
	struct kvm_vcpu *vcpu = oracle.vcpus[oracle.nr_vcpus];
	struct kvm_run *run = vcpu->run;
	unsigned int stuck = 0;
	struct ucall uc;

	while (!READ_ONCE(stop)) {
		if (__vcpu_run(vcpu)) {
			if (errno != EINTR)
				check_progress(run, &stuck);
			count(OP_RUN_GUEST, false);
			continue;
		}
		stuck = 0;
		if (run->exit_reason == KVM_EXIT_MMIO) {
			memset(run->mmio.data, 0, sizeof(run->mmio.data));
			continue;
		}
		switch (get_ucall(vcpu, &uc)) {
		case UCALL_SYNC:
			count(OP_RUN_GUEST, true);
			break;
		case UCALL_ABORT:
			fail("guest: %s", uc.buffer);
			break;
		default:
			fail("guest: exit %s",
			     exit_reason_str(run->exit_reason));
		}
	}
	return NULL;
}

/* ---- setup and results ---- */

static void setup_zones(void)
{
	struct kvm_vcpu *wanderer = oracle.vcpus[oracle.nr_vcpus];
	size_t size;

	zone_pages = nr_threads * ZONE_PAGES + COMMON_PAGES;
	size = zone_pages * PAGE_SIZE;
	zone_fd = vm_create_guest_memfd(oracle.vm, size,
					GUEST_MEMFD_FLAG_MMAP |
					GUEST_MEMFD_FLAG_INIT_SHARED);
	zone_mem = mmap(NULL, size, RW, MAP_SHARED, zone_fd, 0);
	TEST_ASSERT(zone_mem != MAP_FAILED, "mmap: errno %d", errno);
	create_slot(NULL);
	virt_map(oracle.vm, ZONE_GPA, ZONE_GPA, zone_pages);
	vcpu_args_set(wanderer, 2, nr_threads * ZONE_PAGES, COMMON_PAGES);
}

static void setup_worker(unsigned int number, uint64_t seed)
{
	struct worker *w = &workers[number];
	int i;

	w->number = number;
	w->random = seed + number;
	w->mem = map_zone(w, 0);
	TEST_ASSERT(w->mem != MAP_FAILED, "mmap: errno %d", errno);
	for (i = 0; i < MAX_PINS; i++) {
		w->pins[i].page = -1;
		TEST_ASSERT(!pipe2(w->pins[i].fds, O_NONBLOCK), "pipe");
	}
}

static bool all_were_done(void)
{
	int op;

	for (op = 0; op < OP_NR; op++)
		if (!READ_ONCE(counts[op].done))
			return false;
	return true;
}

/* On a slow machine longer, until each operation was done once. */
static void run_for(unsigned int seconds)
{
	static struct worker presser;
	time_t end = time(NULL) + seconds;
	time_t limit = end + 3 * seconds;
	pthread_t wanderer, pressure;
	int i;

	pthread_create(&wanderer, NULL, run_wanderer, NULL);
	pthread_create(&pressure, NULL, press, &presser);
	for (i = 0; i < nr_threads; i++)
		pthread_create(&workers[i].thread, NULL, work, &workers[i]);
	while (!READ_ONCE(stop) && time(NULL) < limit &&
	       (time(NULL) < end || !all_were_done()))
		usleep(100000);
	WRITE_ONCE(stop, true);
	for (i = 0; i < nr_threads; i++)
		pthread_join(workers[i].thread, NULL);
	pthread_join(wanderer, NULL);
	pthread_join(pressure, NULL);
}

static void judge(void)
{
	struct gmem_guest sum;
	int op;

	for (op = 0; op < OP_NR; op++)
		ksft_test_result(counts[op].done, "%s: %lu of %lu\n", names[op],
				 counts[op].done, counts[op].tried);
	ksft_print_msg("%lu conversions met somebody else's reference\n",
		       busy_by_others);
	ksft_test_result(!faults, "all is as the model says\n");

	TEST_ASSERT(gmem_oracle_settle(&oracle), "The guest is stuck");
	gmem_oracle_sum(&oracle, &sum);
	if (oracle.errors)
		ksft_print_msg("%s\n", oracle.error);
	if (sum.violations)
		ksft_print_msg("page %lu word %lu: %lx instead of %lx\n",
			       sum.page, sum.index, sum.found, sum.wanted);
	ksft_test_result(!sum.violations && !oracle.errors && sum.to_private,
			 "the guest's secrets: %lu conversions, %lu busy, %lu private words looked at\n",
			 sum.to_private, sum.busy, sum.words);
}

/* A number of the command line, or of the environment, or the usual one. */
static unsigned int from_environment(const char *name, unsigned int usual)
{
	const char *value = getenv(name);

	return value ? atoi_positive(name, value) : usual;
}

static void print_options(const char *program)
{
	printf("usage: %s [-s seconds] [-t threads] [-v vCPUs] [-r seed]\n"
	       "Without -s and -r, gmem_stress_seconds and gmem_stress_seed of the environment.\n",
	       program);
	exit(KSFT_FAIL);
}

int main(int argc, char *argv[])
{
	unsigned int seconds = from_environment("gmem_stress_seconds", 45);
	unsigned int seed = from_environment("gmem_stress_seed", time(NULL));
	unsigned int vcpus = 2, i;
	int opt;

	while ((opt = getopt(argc, argv, "s:t:v:r:")) != -1) {
		switch (opt) {
		case 's':
			seconds = atoi_positive("seconds", optarg);
			break;
		case 't':
			nr_threads = atoi_positive("threads", optarg);
			break;
		case 'v':
			vcpus = atoi_positive("vCPUs", optarg);
			break;
		case 'r':
			seed = atoi_positive("seed", optarg);
			break;
		default:
			print_options(argv[0]);
		}
	}
	if (nr_threads > MAX_THREADS)
		print_options(argv[0]);

	gmem_require_kernel();
	ksft_print_header();
	ksft_set_plan(OP_NR + 2);
	ksft_print_msg("seed %u, %u threads, %u vCPUs, %u seconds\n", seed,
		       nr_threads, vcpus, seconds);
	gmem_catch_sigbus();
	gmem_oracle_create(&oracle, vcpus, wander);
	setup_zones();
	for (i = 0; i < nr_threads; i++)
		setup_worker(i, seed);
	gmem_oracle_start(&oracle);
	run_for(seconds);
	judge();
	gmem_oracle_stop(&oracle);
	ksft_finished();
}
