// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory failures in pages of a guest_memfd: what the guest and the host see of
 * them, what the kernel counts, and that they and a hole that is being punched
 * never wait for one another.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <unistd.h>

#include <linux/falloc.h>
#include <linux/sizes.h>

#include "kvm_test_harness.h"
#include "kvm_util.h"
#include "processor.h"
#include "test_util.h"

#define TRACEFS "/sys/kernel/tracing"
#define TRACE TRACEFS "/instances/guest_memfd_poison"
#define TRACE_ADD TRACE "/events/filemap/mm_filemap_add_to_page_cache"
#define TRACE_DELETE TRACE "/events/filemap/mm_filemap_delete_from_page_cache"
#define CORRUPT_PFN "/sys/kernel/debug/hwpoison/corrupt-pfn"
#define UNPOISON_PFN "/sys/kernel/debug/hwpoison/unpoison-pfn"
#define SOFT_OFFLINE "/sys/devices/system/memory/soft_offline_page"
#define FAILURE_COUNTERS "/sys/devices/system/node/node*/memory_failure/"

#define TEST_GPA SZ_4G
#define TEST_GVA 0xc0000000UL
#define TEST_SLOT 10
#define TEST_PAGES 4UL
#define TEST_SIZE (TEST_PAGES * PAGE_SIZE)
/* The page that the tests poison: it has neighbours on both sides. */
#define POISONED 1UL

#define HOLE_SIZE SZ_32M
#define HOLE_ROUNDS 2

/* ---- files ---- */

static int read_file(const char *path, char *text, size_t size)
{
	size_t len = 0;
	ssize_t got;
	int fd;

	fd = open(path, O_RDONLY);
	if (fd < 0)
		return -errno;
	while (len < size - 1) {
		got = read(fd, text + len, size - 1 - len);
		if (got <= 0)
			break;
		len += got;
	}
	close(fd);
	text[len] = '\0';
	return 0;
}

static int __printf(2, 3) write_file(const char *path, const char *format, ...)
{
	int fd, len, err = 0;
	char text[256];
	va_list args;

	va_start(args, format);
	len = vsnprintf(text, sizeof(text), format, args);
	va_end(args);

	fd = open(path, O_WRONLY | O_TRUNC);
	if (fd < 0)
		return -errno;
	if (len && write(fd, text, len) != len)
		err = -errno;
	close(fd);
	return err;
}

static void must_write(const char *path, const char *text)
{
	int err = write_file(path, "%s", text);

	TEST_ASSERT(!err, "writing '%s' to %s: %s", text, path, strerror(-err));
}

/* ---- what the kernel knows about pages ---- */

/* A trace of its own: whatever else is traced on this machine is left alone. */
static bool trace_available(void)
{
	if (access(TRACEFS "/instances", F_OK))
		mount("tracefs", TRACEFS, "tracefs", 0, NULL);
	if (mkdir(TRACE, 0700) && errno != EEXIST)
		return false;
	return !access(TRACE_ADD "/enable", W_OK);
}

/* Begin to trace @event for the file @fd and for no other. */
static void trace_begin(const char *event, int fd)
{
	char path[256], filter[128];
	struct stat st;

	TEST_ASSERT(!fstat(fd, &st), "fstat");
	snprintf(filter, sizeof(filter), "i_ino == %lu && s_dev == %u",
		 (unsigned long)st.st_ino,
		 major(st.st_dev) << 20 | minor(st.st_dev));
	snprintf(path, sizeof(path), "%s/filter", event);
	must_write(path, filter);
	must_write(TRACE "/trace", "");
	snprintf(path, sizeof(path), "%s/enable", event);
	must_write(path, "1");
}

static void trace_end(const char *event)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/enable", event);
	must_write(path, "0");
}

/* Populate the page @index of the file, and return its page frame number. */
static unsigned long allocate_page(int fd, unsigned long index)
{
	unsigned long pfn;
	char text[16384];
	char *found;
	int ret;

	trace_begin(TRACE_ADD, fd);
	ret = fallocate(fd, FALLOC_FL_KEEP_SIZE, index * PAGE_SIZE, PAGE_SIZE);
	TEST_ASSERT(!ret, "fallocate: %s", strerror(errno));
	trace_end(TRACE_ADD);

	ret = read_file(TRACE "/trace", text, sizeof(text));
	TEST_ASSERT(!ret, "reading the trace: %s", strerror(-ret));
	found = strstr(text, " pfn=0x");
	TEST_ASSERT(found && sscanf(found, " pfn=%lx", &pfn) == 1,
		    "no page was allocated");
	return pfn;
}

static int poison(unsigned long pfn)
{
	return write_file(CORRUPT_PFN, "%#lx", pfn);
}

static int unpoison(unsigned long pfn)
{
	return write_file(UNPOISON_PFN, "%#lx", pfn);
}

/* How many memory failures ended with @result, on all nodes. */
static long failures(const char *result)
{
	char pattern[256], text[64];
	long sum = 0;
	glob_t nodes;
	size_t i;

	snprintf(pattern, sizeof(pattern), FAILURE_COUNTERS "%s", result);
	TEST_ASSERT(!glob(pattern, 0, NULL, &nodes), "no %s", pattern);
	for (i = 0; i < nodes.gl_pathc; i++) {
		TEST_ASSERT(!read_file(nodes.gl_pathv[i], text, sizeof(text)),
			    "cannot read %s", nodes.gl_pathv[i]);
		sum += atol(text);
	}
	globfree(&nodes);
	return sum;
}

static long corrupted_kb(void)
{
	char text[8192];
	char *found;

	TEST_ASSERT(!read_file("/proc/meminfo", text, sizeof(text)),
		    "cannot read /proc/meminfo");
	found = strstr(text, "HardwareCorrupted:");
	TEST_ASSERT(found, "/proc/meminfo has no HardwareCorrupted");
	return atol(found + strlen("HardwareCorrupted:"));
}

/**
 * struct counters - what the kernel has counted.
 * @delayed: failures that will be handled when the page is accessed.
 * @failed: failures that could not be handled.
 * @corrupted_kb: memory that is out of use.
 */
struct counters {
	long delayed;
	long failed;
	long corrupted_kb;
};

static struct counters counters_read(void)
{
	return (struct counters) {
		.delayed = failures("delayed"),
		.failed = failures("failed"),
		.corrupted_kb = corrupted_kb(),
	};
}

/* ---- the guest ---- */

static struct {
	uint64_t index;
	uint64_t value;
	uint64_t store;
} request;

static void guest_code(void)
{
	uint64_t *page = (void *)(TEST_GVA + READ_ONCE(request.index) * PAGE_SIZE);

	if (READ_ONCE(request.store))
		WRITE_ONCE(*page, READ_ONCE(request.value));
	GUEST_SYNC(READ_ONCE(*page));
}

FIXTURE(gmem) {
	struct kvm_vm *vm;
	struct kvm_vcpu *vcpu;
	/* What the vCPU begins each access with. */
	struct kvm_regs regs;
	int fd;
};

FIXTURE_VARIANT(gmem) {
	uint32_t vm_type;
	uint64_t flags;
	bool private;
};

FIXTURE_VARIANT_ADD(gmem, private) {
	.vm_type = KVM_X86_SW_PROTECTED_VM,
	.private = true,
};

FIXTURE_VARIANT_ADD(gmem, mappable_private) {
	.vm_type = KVM_X86_SW_PROTECTED_VM,
	.flags = GUEST_MEMFD_FLAG_MMAP,
	.private = true,
};

FIXTURE_VARIANT_ADD(gmem, mappable_shared) {
	.vm_type = KVM_X86_SW_PROTECTED_VM,
	.flags = GUEST_MEMFD_FLAG_MMAP | GUEST_MEMFD_FLAG_INIT_SHARED,
};

FIXTURE_VARIANT_ADD(gmem, ordinary_vm) {
	.vm_type = KVM_X86_DEFAULT_VM,
	.flags = GUEST_MEMFD_FLAG_MMAP | GUEST_MEMFD_FLAG_INIT_SHARED,
};

FIXTURE_SETUP(gmem) {
	struct vm_shape shape = {
		.mode = VM_MODE_DEFAULT,
		.type = variant->vm_type,
	};

	if (variant->flags & ~kvm_check_cap(KVM_CAP_GUEST_MEMFD_FLAGS))
		SKIP(return, "guest_memfd cannot be mapped");

	self->vm = vm_create_shape_with_one_vcpu(shape, &self->vcpu,
						 guest_code);
	vcpu_regs_get(self->vcpu, &self->regs);
	self->fd = vm_create_guest_memfd(self->vm, TEST_SIZE, variant->flags);
	vm_mem_add(self->vm, VM_MEM_SRC_ANONYMOUS, TEST_GPA, TEST_SLOT,
		   TEST_PAGES, KVM_MEM_GUEST_MEMFD, self->fd, 0);
	virt_map(self->vm, TEST_GVA, TEST_GPA, TEST_PAGES);
	if (!variant->flags)
		vm_mem_set_private(self->vm, TEST_GPA, TEST_SIZE);
}

FIXTURE_TEARDOWN(gmem) {
	close(self->fd);
	kvm_vm_free(self->vm);
}

/* Let the guest access a page. Returns what it read there, or -errno. */
static int64_t guest_access(FIXTURE_DATA(gmem) *self)
{
	struct ucall uc;

	sync_global_to_guest(self->vm, request);
	vcpu_regs_set(self->vcpu, &self->regs);
	if (_vcpu_run(self->vcpu))
		return -errno;
	TEST_ASSERT_EQ(get_ucall(self->vcpu, &uc), UCALL_SYNC);
	return uc.args[1];
}

static int64_t guest_read(FIXTURE_DATA(gmem) *self, unsigned long index)
{
	request = (typeof(request)) { .index = index };
	return guest_access(self);
}

static int64_t guest_write(FIXTURE_DATA(gmem) *self, unsigned long index,
			   uint64_t value)
{
	request = (typeof(request)) {
		.index = index, .value = value, .store = true
	};
	return guest_access(self);
}

/* ---- the host ---- */

static sigjmp_buf after_access;
static siginfo_t signal_info;

static void on_sigbus(int signal, siginfo_t *info, void *context)
{
	signal_info = *info;
	siglongjmp(after_access, 1);
}

static void catch_sigbus(void)
{
	struct sigaction action = {
		.sa_sigaction = on_sigbus,
		.sa_flags = SA_SIGINFO,
	};

	TEST_ASSERT(!sigaction(SIGBUS, &action, NULL), "sigaction");
}

/* Read from the host's mapping. Returns 0, or the si_code of a SIGBUS. */
static int host_read(void *page, uint64_t *value)
{
	if (sigsetjmp(after_access, 1))
		return signal_info.si_code;
	*value = READ_ONCE(*(uint64_t *)page);
	return 0;
}

static char *map(int fd, size_t size)
{
	char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			    0);

	TEST_ASSERT(memory != MAP_FAILED, "mmap: %s", strerror(errno));
	return memory;
}

static void punch_hole(int fd, off_t offset, off_t size)
{
	int ret = fallocate(fd, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE,
			    offset, size);

	TEST_ASSERT(!ret, "punching a hole: %s", strerror(errno));
}

/* ---- tests ---- */

/* The file is as good as new where a hole was punched, and memory comes back. */
static void expect_repaired(struct __test_metadata *_metadata,
			    FIXTURE_DATA(gmem) *self, unsigned long pfn,
			    long corrupted_before)
{
	EXPECT_EQ(-EBUSY, unpoison(pfn));
	punch_hole(self->fd, POISONED * PAGE_SIZE, PAGE_SIZE);
	EXPECT_EQ(0, guest_read(self, POISONED));
	EXPECT_EQ(77, guest_write(self, POISONED, 77));
	EXPECT_EQ(0, unpoison(pfn));
	EXPECT_EQ(corrupted_before, corrupted_kb());
	EXPECT_EQ(77, guest_read(self, POISONED));
}

TEST_F(gmem, guest_access)
{
	struct kvm_run *run = self->vcpu->run;
	struct counters before, after;
	unsigned long index, pfn;

	pfn = allocate_page(self->fd, POISONED);
	for (index = 0; index < TEST_PAGES; index++)
		ASSERT_EQ(index + 10, guest_write(self, index, index + 10));

	before = counters_read();
	EXPECT_EQ(0, poison(pfn));
	after = counters_read();
	EXPECT_EQ(before.delayed + 1, after.delayed);
	EXPECT_EQ(before.failed, after.failed);
	EXPECT_EQ(before.corrupted_kb + 4, after.corrupted_kb);

	/* Each access is told, none is let through. */
	for (index = 0; index < 2; index++) {
		memset(&run->memory_fault, 0xff, sizeof(run->memory_fault));
		EXPECT_EQ(-EHWPOISON, guest_read(self, POISONED));
		EXPECT_EQ(KVM_EXIT_MEMORY_FAULT, run->exit_reason);
		EXPECT_EQ(variant->private ? KVM_MEMORY_EXIT_FLAG_PRIVATE : 0,
			  run->memory_fault.flags);
		EXPECT_EQ(TEST_GPA + POISONED * PAGE_SIZE,
			  run->memory_fault.gpa);
		EXPECT_EQ(PAGE_SIZE, run->memory_fault.size);
	}

	/* A second failure of the same page is known, and counts for nothing. */
	EXPECT_EQ(-EHWPOISON, poison(pfn));
	EXPECT_EQ(after.corrupted_kb, corrupted_kb());

	for (index = 0; index < TEST_PAGES; index++) {
		if (index == POISONED)
			continue;
		EXPECT_EQ(index + 10, guest_read(self, index));
		EXPECT_EQ(index + 20, guest_write(self, index, index + 20));
	}
	expect_repaired(_metadata, self, pfn, before.corrupted_kb);
}

/*
 * Pages that were never accessed are not prepared for the guest; those that
 * were poisoned before the slot's first fault must be told apart too.
 */
TEST_F(gmem, guest_access_later)
{
	long corrupted_before = corrupted_kb();
	unsigned long pfn;

	pfn = allocate_page(self->fd, POISONED);
	EXPECT_EQ(0, poison(pfn));
	EXPECT_EQ(-EHWPOISON, guest_read(self, POISONED));
	EXPECT_EQ(5, guest_write(self, POISONED + 1, 5));
	expect_repaired(_metadata, self, pfn, corrupted_before);
}

TEST_F(gmem, host_access)
{
	struct kvm_memory_attributes2 attributes = {
		.size = TEST_SIZE,
		.attributes = KVM_MEMORY_ATTRIBUTE_PRIVATE,
		.error_offset = -1ULL,
	};
	struct counters before, after;
	char *memory, *other, *page;
	struct iovec local, remote;
	unsigned long pfn;
	uint64_t value;

	if (variant->private)
		SKIP(return, "the host cannot access private memory");

	catch_sigbus();
	pfn = allocate_page(self->fd, POISONED);
	memory = map(self->fd, TEST_SIZE);
	other = map(self->fd, TEST_SIZE);
	page = memory + POISONED * PAGE_SIZE;
	memory[0] = 10;
	*page = 11;
	memory[(POISONED + 1) * PAGE_SIZE] = 12;
	EXPECT_EQ(11, guest_read(self, POISONED));

	before = counters_read();
	EXPECT_EQ(0, poison(pfn));
	after = counters_read();
	EXPECT_EQ(before.delayed + 1, after.delayed);
	EXPECT_EQ(before.failed, after.failed);

	/* A mapping in which the page was, and one in which it never was. */
	EXPECT_EQ(BUS_MCEERR_AR, host_read(page, &value));
	EXPECT_EQ(page, signal_info.si_addr);
	EXPECT_EQ(PAGE_SHIFT, signal_info.si_addr_lsb);
	EXPECT_EQ(BUS_MCEERR_AR,
		  host_read(other + POISONED * PAGE_SIZE, &value));

	/* The kernel's accesses on behalf of the host fail without a signal. */
	local = (struct iovec) { &value, sizeof(value) };
	remote = (struct iovec) { page, sizeof(value) };
	EXPECT_EQ(-1, process_vm_readv(getpid(), &local, 1, &remote, 1, 0));
	EXPECT_EQ(EFAULT, errno);

	EXPECT_EQ(-EHWPOISON, guest_read(self, POISONED));
	EXPECT_EQ(0, host_read(memory, &value));
	EXPECT_EQ(10, value);
	EXPECT_EQ(0, host_read(other + (POISONED + 1) * PAGE_SIZE, &value));
	EXPECT_EQ(12, value);

	if (variant->vm_type == KVM_X86_SW_PROTECTED_VM) {
		EXPECT_EQ(-1, ioctl(self->fd, KVM_SET_MEMORY_ATTRIBUTES2,
				    &attributes));
		EXPECT_EQ(EHWPOISON, errno);
		EXPECT_EQ(POISONED * PAGE_SIZE, attributes.error_offset);
		/* Nothing was converted: the host still reads its page. */
		EXPECT_EQ(0, host_read(memory, &value));
		EXPECT_EQ(10, value);
	}

	expect_repaired(_metadata, self, pfn, before.corrupted_kb);
	EXPECT_EQ(0, host_read(page, &value));
	EXPECT_EQ(77, value);
	EXPECT_EQ(0, host_read(other + POISONED * PAGE_SIZE, &value));
	EXPECT_EQ(77, value);

	munmap(other, TEST_SIZE);
	munmap(memory, TEST_SIZE);
}

/* A page that somebody else holds has not been isolated, and is no success. */
TEST_F(gmem, held)
{
	struct counters before, after;
	struct iovec held;
	unsigned long pfn;
	char *memory;
	int pipes[2];

	if (variant->private)
		SKIP(return, "the host cannot hold private memory");

	pfn = allocate_page(self->fd, POISONED);
	memory = map(self->fd, TEST_SIZE);
	held = (struct iovec) { memory + POISONED * PAGE_SIZE, PAGE_SIZE };
	ASSERT_EQ(0, pipe(pipes));
	ASSERT_EQ(PAGE_SIZE, vmsplice(pipes[1], &held, 1, 0));

	before = counters_read();
	EXPECT_EQ(-EBUSY, poison(pfn));
	after = counters_read();
	EXPECT_EQ(before.delayed, after.delayed);
	EXPECT_EQ(before.failed + 1, after.failed);
	EXPECT_EQ(-EHWPOISON, guest_read(self, POISONED));

	close(pipes[0]);
	close(pipes[1]);
	expect_repaired(_metadata, self, pfn, before.corrupted_kb);
	munmap(memory, TEST_SIZE);
}

TEST_F(gmem, madvise)
{
	struct counters before, after;
	unsigned long pfn;
	uint64_t value;
	char *memory;

	if (variant->private)
		SKIP(return, "the host cannot map private memory");

	catch_sigbus();
	pfn = allocate_page(self->fd, POISONED);
	memory = map(self->fd, TEST_SIZE);
	before = counters_read();
	EXPECT_EQ(0, madvise(memory + POISONED * PAGE_SIZE, PAGE_SIZE,
			     MADV_HWPOISON));
	after = counters_read();
	EXPECT_EQ(before.delayed + 1, after.delayed);
	EXPECT_EQ(before.failed, after.failed);
	EXPECT_EQ(BUS_MCEERR_AR,
		  host_read(memory + POISONED * PAGE_SIZE, &value));
	EXPECT_EQ(-EHWPOISON, guest_read(self, POISONED));
	expect_repaired(_metadata, self, pfn, before.corrupted_kb);
	munmap(memory, TEST_SIZE);
}

/*
 * A page that is only suspected holds the guest's data, which is nowhere else,
 * and cannot be moved: it stays.
 */
TEST_F(gmem, soft_offline)
{
	long corrupted_before = corrupted_kb();
	unsigned long pfn;

	if (access(SOFT_OFFLINE, W_OK))
		SKIP(return, "the kernel has no memory hotplug");

	pfn = allocate_page(self->fd, POISONED);
	EXPECT_EQ(55, guest_write(self, POISONED, 55));
	EXPECT_NE(0, write_file(SOFT_OFFLINE, "%#lx", pfn << PAGE_SHIFT));
	EXPECT_EQ(corrupted_before, corrupted_kb());

	/* Another slot, so that the guest faults the page in again. */
	vm_mem_region_delete(self->vm, TEST_SLOT);
	vm_mem_add(self->vm, VM_MEM_SRC_ANONYMOUS, TEST_GPA, TEST_SLOT,
		   TEST_PAGES, KVM_MEM_GUEST_MEMFD, self->fd, 0);
	EXPECT_EQ(55, guest_read(self, POISONED));
}

/* ---- a hole that is punched meanwhile ---- */

/**
 * struct race - what the thread that poisons is to do.
 * @pfn: page to poison.
 * @events: pipe that tells when the first page is taken from the file.
 * @ready: passed by both threads before the hole is punched.
 */
struct race {
	unsigned long pfn;
	int events;
	pthread_barrier_t ready;
};

static void *poison_when_punched(void *arg)
{
	struct race *race = arg;
	char text[4096];

	pthread_barrier_wait(&race->ready);
	TEST_ASSERT(read(race->events, text, sizeof(text)) > 0,
		    "reading the trace: %s", strerror(errno));
	/*
	 * Whether the page is still there when memory_failure() gets to it is
	 * a matter of luck, and so is what it returns.
	 */
	poison(race->pfn);
	return NULL;
}

/*
 * Who punches a hole locks the pages in it, one after another; memory_failure()
 * has its page locked when it tells the file. The page is the last one of a
 * large hole, so that the failure comes after the hole was begun and before it
 * gets to the page.
 */
TEST_F_TIMEOUT(gmem, hole_meanwhile, 300)
{
	struct race race;
	pthread_t thread;
	int fd, round;

	fd = vm_create_guest_memfd(self->vm, HOLE_SIZE, variant->flags);
	vm_mem_add(self->vm, VM_MEM_SRC_ANONYMOUS, TEST_GPA + SZ_1G,
		   TEST_SLOT + 1, HOLE_SIZE / PAGE_SIZE, KVM_MEM_GUEST_MEMFD,
		   fd, 0);
	race.events = open(TRACE "/trace_pipe", O_RDONLY);
	ASSERT_LE(0, race.events);
	ASSERT_EQ(0, pthread_barrier_init(&race.ready, NULL, 2));

	for (round = 0; round < HOLE_ROUNDS; round++) {
		race.pfn = allocate_page(fd, HOLE_SIZE / PAGE_SIZE - 1);
		ASSERT_EQ(0, fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, HOLE_SIZE));

		trace_begin(TRACE_DELETE, fd);
		ASSERT_EQ(0, pthread_create(&thread, NULL, poison_when_punched,
					    &race));
		pthread_barrier_wait(&race.ready);
		punch_hole(fd, 0, HOLE_SIZE);
		ASSERT_EQ(0, pthread_join(thread, NULL));
		trace_end(TRACE_DELETE);
		unpoison(race.pfn);
	}

	pthread_barrier_destroy(&race.ready);
	close(race.events);
	close(fd);
}

int main(int argc, char *argv[])
{
	int status;

	TEST_REQUIRE(kvm_check_cap(KVM_CAP_VM_TYPES) &
		     BIT(KVM_X86_SW_PROTECTED_VM));
	__TEST_REQUIRE(!access(CORRUPT_PFN, W_OK),
		       "CONFIG_HWPOISON_INJECT, debugfs and root are needed");
	__TEST_REQUIRE(trace_available(),
		       "Trace events, tracefs and root are needed");
	status = test_harness_run(argc, argv);
	rmdir(TRACE);
	return status;
}
