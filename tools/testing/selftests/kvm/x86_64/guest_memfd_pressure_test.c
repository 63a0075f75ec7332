// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest_memfd when memory runs short: each allocation of each operation fails
 * once, and a control group reaches its limit. An operation may fail as a whole
 * but not by half, and no page may get lost.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <linux/falloc.h>
#include <linux/sizes.h>

#include "guest_memfd.h"
#include "kvm_test_harness.h"

#define NR_PAGES	16
#define SIZE		(NR_PAGES * PAGE_SIZE)
#define GPA		0x100000000ULL
#define SLOT		1
#define MOST_FAILURES	500

/* ---- failing allocations ------------------------------------------------ */

/**
 * struct failures - one allocation of this thread that fails after another.
 * @fd: fail-nth of this thread.
 * @nth: which allocation fails next, from 1 on.
 * @seen: how many have failed so far.
 * @last: the operation made fewer than @nth: there is nothing left to fail.
 */
struct failures {
	int fd;
	int nth;
	int seen;
	bool last;
};

static void write_text(const char *path, const char *text)
{
	int fd = gmem_open(path, O_WRONLY);

	TEST_ASSERT(write(fd, text, strlen(text)) == (ssize_t)strlen(text),
		    __KVM_SYSCALL_ERROR(path, -1));
	close(fd);
}

static struct failures failures_begin(void)
{
	static const char * const settings[][2] = {
		{ "/sys/kernel/debug/failslab/ignore-gfp-wait", "N" },
		{ "/sys/kernel/debug/failslab/verbose", "0" },
		{ "/sys/kernel/debug/fail_page_alloc/ignore-gfp-wait", "N" },
		{ "/sys/kernel/debug/fail_page_alloc/ignore-gfp-highmem", "N" },
		{ "/sys/kernel/debug/fail_page_alloc/min-order", "0" },
		{ "/sys/kernel/debug/fail_page_alloc/verbose", "0" },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(settings); i++)
		write_text(settings[i][0], settings[i][1]);

	return (struct failures) {
		.fd = gmem_open("/proc/thread-self/fail-nth", O_RDWR),
	};
}

static void set_fail_nth(struct failures *failures, int nth)
{
	char text[16];
	int length = sprintf(text, "%d", nth);

	TEST_ASSERT(write(failures->fd, text, length) == length,
		    "write of fail-nth");
}

/* From here on the nth allocation fails; false if that has been the last. */
static bool failures_next(struct failures *failures)
{
	if (failures->last)
		return false;
	TEST_ASSERT(failures->nth++ < MOST_FAILURES, "it fails for ever");
	set_fail_nth(failures, failures->nth);

	return true;
}

/* From here on none fails. Returns @error, an errno, for the caller. */
static int failures_pause(struct failures *failures, int error)
{
	char text[16] = "";

	TEST_ASSERT(pread(failures->fd, text, sizeof(text) - 1, 0) > 0,
		    "read of fail-nth");
	set_fail_nth(failures, 0);
	failures->last = atoi(text);
	failures->seen += !failures->last;

	return error;
}

/* What a system call returned, as 0 or an errno. */
static int errno_of(long result)
{
	return result < 0 ? errno : 0;
}

#define EXPECT_0_OR_ENOMEM(call)					\
	do {								\
		int got = call;						\
									\
		EXPECT_TRUE(!got || got == ENOMEM) {			\
			TH_LOG("errno %d", got);			\
		}							\
	} while (0)

/* ---- the cases ---------------------------------------------------------- */

/* One file of a software-protected VM, all shared and mapped. */
FIXTURE(pressure) {
	struct kvm_vm *vm;
	int fd;
	char *mem;
};

FIXTURE_SETUP(pressure)
{
	self->vm = gmem_vm(KVM_X86_SW_PROTECTED_VM);
	self->fd = vm_create_guest_memfd(self->vm, SIZE, GMEM_MAPPABLE);
	self->mem = gmem_map(self->fd, 0, SIZE);
}

FIXTURE_TEARDOWN(pressure)
{
	close(self->fd);
	kvm_vm_free(self->vm);
}

TEST_F(pressure, creation)
{
	struct failures failures = failures_begin();
	int fd, error;

	while (failures_next(&failures)) {
		fd = __vm_create_guest_memfd(self->vm, SIZE, GMEM_MAPPABLE);
		error = failures_pause(&failures, errno_of(fd));
		EXPECT_TRUE(!error || error == ENOMEM || error == ENFILE) {
			TH_LOG("errno %d", error);
		}
		if (!error)
			close(fd);
	}
	EXPECT_LT(0, failures.seen);
}

TEST_F(pressure, binding)
{
	struct failures failures = failures_begin();
	int error;

	while (failures_next(&failures)) {
		error = gmem_bind(self->vm, SLOT, GPA, SIZE, self->fd, 0, NULL);
		EXPECT_0_OR_ENOMEM(failures_pause(&failures, error));
		/* What has failed has left nothing in the way. */
		if (error)
			ASSERT_EQ(0, gmem_bind(self->vm, SLOT, GPA, SIZE,
					       self->fd, 0, NULL));
		vm_set_user_memory_region2(self->vm, SLOT, 0, GPA, 0, NULL, 0,
					   0);
	}
	EXPECT_LT(0, failures.seen);
}

TEST_F(pressure, mapping)
{
	struct failures failures = failures_begin();
	char *mem;

	memset(self->mem, 'x', SIZE);
	while (failures_next(&failures)) {
		mem = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, self->fd, 0);
		if (failures_pause(&failures, mem == MAP_FAILED ? errno : 0)) {
			EXPECT_EQ(ENOMEM, errno);
		} else {
			EXPECT_TRUE(gmem_is_filled(mem, SIZE, 'x'));
			munmap(mem, SIZE);
		}
	}
	EXPECT_LT(0, failures.seen);
}

/* It is tried again until there is memory. */
TEST_F(pressure, fault_of_the_host)
{
	struct failures failures = failures_begin();
	struct gmem_access access;

	while (failures_next(&failures)) {
		access = gmem_read(self->mem);
		failures_pause(&failures, 0);
		EXPECT_EQ(0, access.signal);
		EXPECT_TRUE(gmem_is_filled(self->mem, PAGE_SIZE, 0));
		memset(self->mem, 'x', PAGE_SIZE);
		ASSERT_EQ(0, gmem_punch(self->fd, 0, PAGE_SIZE));
	}
	EXPECT_LT(0, failures.seen);
}

TEST_F(pressure, allocation)
{
	struct failures failures = failures_begin();
	int error;

	memset(self->mem, 'x', PAGE_SIZE);
	while (failures_next(&failures)) {
		error = errno_of(fallocate(self->fd, FALLOC_FL_KEEP_SIZE, 0,
					   SIZE));
		EXPECT_0_OR_ENOMEM(failures_pause(&failures, error));
		if (!error)
			EXPECT_EQ(NR_PAGES, gmem_pages_allocated(self->fd, 0,
								 NR_PAGES));
		EXPECT_TRUE(gmem_is_filled(self->mem, PAGE_SIZE, 'x'));
		ASSERT_EQ(0, gmem_punch(self->fd, PAGE_SIZE, SIZE - PAGE_SIZE));
	}
	EXPECT_LE(NR_PAGES - 1, failures.seen);
}

/* Private pages in the middle of many shared ones, which split a range. */
TEST_F(pressure, conversion)
{
	const uint64_t size = 256 * PAGE_SIZE, start = 5 * PAGE_SIZE;
	int fd = vm_create_guest_memfd(self->vm, size, GMEM_MAPPABLE);
	struct failures failures = failures_begin();
	char *mem = gmem_map(fd, 0, size);
	struct gmem_result result;

	memset(mem, 'x', size);
	while (failures_next(&failures)) {
		result = gmem_convert(fd, start, size / 2, GMEM_PRIVATE);
		EXPECT_0_OR_ENOMEM(failures_pause(&failures, result.error));
		EXPECT_EQ(result.error ? start : GMEM_UNWRITTEN, result.offset);
		EXPECT_EQ(result.error != 0, gmem_is_shared(mem + start));
		EXPECT_EQ(result.error != 0,
			  gmem_is_shared(mem + start + size / 2 - PAGE_SIZE));
		EXPECT_TRUE(gmem_is_shared(mem + start - PAGE_SIZE));
		EXPECT_TRUE(gmem_is_shared(mem + start + size / 2));
		ASSERT_EQ(0, gmem_convert(fd, 0, size, GMEM_SHARED).error);
		EXPECT_TRUE(gmem_is_filled(mem, size, 'x'));
	}
	/* Each end of the range. */
	EXPECT_LE(2, failures.seen);
	munmap(mem, size);
	close(fd);
}

TEST_F(pressure, conversion_of_several_files_by_address)
{
	int fd = vm_create_guest_memfd(self->vm, SIZE, GMEM_MAPPABLE);
	struct failures failures = failures_begin();
	char *mem = gmem_map(fd, 0, SIZE);
	uint64_t gpa = GPA + SIZE / 2;
	int error;

	ASSERT_EQ(0, gmem_bind(self->vm, SLOT, GPA, SIZE, self->fd, 0, NULL));
	ASSERT_EQ(0, gmem_bind(self->vm, SLOT + 1, GPA + SIZE, SIZE, fd, 0,
			       NULL));
	memset(self->mem, 'x', SIZE);
	memset(mem, 'y', SIZE);
	while (failures_next(&failures)) {
		error = gmem_convert_gpa(self->vm, gpa, SIZE, GMEM_PRIVATE);
		EXPECT_0_OR_ENOMEM(failures_pause(&failures, error));
		EXPECT_EQ(error != 0,
			  gmem_is_shared(self->mem + SIZE - PAGE_SIZE));
		EXPECT_EQ(error != 0, gmem_is_shared(mem));
		ASSERT_EQ(0, gmem_convert_gpa(self->vm, gpa, SIZE,
					      GMEM_SHARED));
		EXPECT_TRUE(gmem_is_filled(self->mem, SIZE, 'x'));
		EXPECT_TRUE(gmem_is_filled(mem, SIZE, 'y'));
	}
	EXPECT_LT(0, failures.seen);
}

/* ---- a guest ------------------------------------------------------------ */

static void guest_sum(uint64_t address)
{
	uint64_t sum = 0, i;

	for (;;) {
		for (i = 0; i < NR_PAGES; i++)
			sum += READ_ONCE(*(uint64_t *)(address +
						       i * PAGE_SIZE));
		GUEST_SYNC(sum);
	}
}

/* KVM_RUN fails, and goes on when it is called again. */
TEST_F(pressure, fault_of_the_guest)
{
	const struct vm_shape shape = {
		.mode = VM_MODE_DEFAULT,
		.type = KVM_X86_SW_PROTECTED_VM,
	};
	struct failures failures;
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;
	struct ucall uc;
	int fd, error;

	vm = vm_create_shape_with_one_vcpu(shape, &vcpu, guest_sum);
	virt_map(vm, GPA, GPA, NR_PAGES);
	vcpu_args_set(vcpu, 1, GPA);
	fd = vm_create_guest_memfd(vm, SIZE, GUEST_MEMFD_FLAG_MMAP);
	ASSERT_EQ(0, gmem_bind(vm, SLOT, GPA, SIZE, fd, 0, NULL));
	failures = failures_begin();
	while (failures_next(&failures)) {
		error = errno_of(__vcpu_run(vcpu));
		EXPECT_0_OR_ENOMEM(failures_pause(&failures, error));
		if (error)
			ASSERT_EQ(0, _vcpu_run(vcpu));
		ASSERT_EQ(UCALL_SYNC, get_ucall(vcpu, &uc));
		EXPECT_EQ(0, uc.args[1]);
		EXPECT_EQ(NR_PAGES, gmem_pages_allocated(fd, 0, NR_PAGES));
		ASSERT_EQ(0, gmem_punch(fd, 0, SIZE));
	}
	EXPECT_LE(NR_PAGES, failures.seen);
	close(fd);
	kvm_vm_free(vm);
}

/* ---- a control group ---------------------------------------------------- */

#define CGROUPS		"/sys/fs/cgroup"
#define GROUP		CGROUPS "/guest_memfd"
#define LARGE		(8 * SZ_1M)

static void make_group(void)
{
	TEST_ASSERT(!mount("cgroup2", CGROUPS, "cgroup2", 0, NULL) ||
		    errno == EBUSY, __KVM_SYSCALL_ERROR("mount()", -1));
	write_text(CGROUPS "/cgroup.subtree_control", "+memory");
	TEST_ASSERT(!mkdir(GROUP, 0700) || errno == EEXIST,
		    __KVM_SYSCALL_ERROR("mkdir()", -1));
	write_text(GROUP "/memory.max", "max");
}

static void enter_group(void)
{
	write_text(GROUP "/cgroup.procs", "0");
}

static long charged(void)
{
	int fd = gmem_open(GROUP "/memory.current", O_RDONLY);
	char text[32] = "";

	TEST_ASSERT(read(fd, text, sizeof(text) - 1) > 0, "memory.current");
	close(fd);

	return atol(text);
}

TEST_F(pressure, memory_is_charged_to_the_group)
{
	int shared = vm_create_guest_memfd(self->vm, LARGE, GMEM_MAPPABLE);
	int private = vm_create_guest_memfd(self->vm, LARGE, 0);
	long before;

	make_group();
	enter_group();
	before = charged();
	memset(gmem_map(shared, 0, LARGE), 'x', LARGE);
	EXPECT_LE(before + LARGE - SZ_1M, charged());
	ASSERT_EQ(0, fallocate(private, FALLOC_FL_KEEP_SIZE, 0, LARGE));
	EXPECT_LE(before + 2 * LARGE - SZ_1M, charged());
	ASSERT_EQ(0, gmem_punch(shared, 0, LARGE));
	ASSERT_EQ(0, gmem_punch(private, 0, LARGE));
	EXPECT_GE(before + SZ_1M, charged());
}

/* Nothing of it can be reclaimed: who wants more than the limit is killed. */
TEST_F(pressure, limit_of_the_group_loses_no_page)
{
	int fd = vm_create_guest_memfd(self->vm, LARGE, GMEM_MAPPABLE);
	char *mem = gmem_map(fd, 0, LARGE), limit[32];
	int status;
	pid_t child;

	make_group();
	child = fork();
	if (!child) {
		enter_group();
		memset(mem, 'x', LARGE / 4);
		snprintf(limit, sizeof(limit), "%ld", charged() + LARGE / 4);
		write_text(GROUP "/memory.max", limit);
		fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, LARGE);
		_exit(0);
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));
	EXPECT_EQ(SIGKILL, WTERMSIG(status));
	write_text(GROUP "/memory.max", "max");
	EXPECT_GE(LARGE * 3 / 4 / PAGE_SIZE,
		  gmem_pages_allocated(fd, 0, LARGE / PAGE_SIZE));
	EXPECT_TRUE(gmem_is_filled(mem, LARGE / 4, 'x'));
	EXPECT_TRUE(gmem_is_filled(mem + LARGE / 4, LARGE / 4 * 3, 0));
	EXPECT_EQ(0, gmem_convert(fd, 0, LARGE, GMEM_PRIVATE).error);
}

int main(int argc, char *argv[])
{
	gmem_keep_kvm_on();

	return test_harness_run(argc, argv);
}
