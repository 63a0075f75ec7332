// SPDX-License-Identifier: GPL-2.0-only
/*
 * Conversion of a guest_memfd in place: KVM_SET_MEMORY_ATTRIBUTES2 on the file
 * and KVM_SET_MEMORY_ATTRIBUTES on guest addresses: what is refused, with which
 * error and error_offset, and what states and contents are afterwards.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <linux/falloc.h>
#include <linux/sizes.h>

#include "guest_memfd.h"
#include "kvm_test_harness.h"

#define NR_PAGES	16
#define SIZE		(NR_PAGES * PAGE_SIZE)
#define RW		(PROT_READ | PROT_WRITE)
#define GPA		0x100000000ULL
#define SLOT		1

/* One file of a software-protected VM, all shared and mapped. */
FIXTURE(gmem) {
	struct kvm_vm *vm;
	int fd;
	char *mem;
};

FIXTURE_SETUP(gmem)
{
	self->vm = gmem_vm(KVM_X86_SW_PROTECTED_VM);
	self->fd = vm_create_guest_memfd(self->vm, SIZE, GMEM_MAPPABLE);
	self->mem = gmem_map(self->fd, 0, SIZE);
}

FIXTURE_TEARDOWN(gmem)
{
	close(self->fd);
	kvm_vm_free(self->vm);
}

#define EXPECT_RESULT(expected_error, expected_offset, call)		\
	do {								\
		struct gmem_result got = call;				\
									\
		EXPECT_EQ(expected_error, got.error);			\
		EXPECT_EQ(expected_offset, got.offset);			\
	} while (0)

/* In pages; what succeeds leaves error_offset alone. */
#define EXPECT_CONVERTED(fd, first, nr, attributes)			\
	EXPECT_RESULT(0, GMEM_UNWRITTEN,				\
		      gmem_convert(fd, (first) * PAGE_SIZE,		\
				   (nr) * PAGE_SIZE, attributes))

/* Which pages are private: one character each, 'p' or '-'. */
static const char *states(const char *mem, size_t nr_pages)
{
	static char text[NR_PAGES + 1];
	size_t i;

	TEST_ASSERT(nr_pages <= NR_PAGES, "too many pages");
	for (i = 0; i < nr_pages; i++)
		text[i] = gmem_is_shared(mem + i * PAGE_SIZE) ? '-' : 'p';
	text[i] = 0;

	return text;
}

#define EXPECT_STATES(expected)						\
	EXPECT_STREQ(expected, states(self->mem, NR_PAGES))

static void fill_each_page(char *mem, size_t nr_pages, int seed)
{
	size_t i;

	for (i = 0; i < nr_pages; i++)
		memset(mem + i * PAGE_SIZE, seed + i, PAGE_SIZE);
}

/* Are these pages as fill_each_page() has left them? */
static bool each_page_kept(const char *mem, size_t nr_pages, int seed)
{
	size_t i;

	for (i = 0; i < nr_pages; i++)
		if (!gmem_is_filled(mem + i * PAGE_SIZE, PAGE_SIZE, seed + i))
			return false;

	return true;
}

/* ---- arguments ---------------------------------------------------------- */

TEST_F(gmem, argument_has_the_size_of_the_abi)
{
	EXPECT_EQ(128, sizeof(struct kvm_memory_attributes2));
	EXPECT_EQ(0xc080aed2, KVM_SET_MEMORY_ATTRIBUTES2);
}

TEST_F(gmem, file_without_mmap_is_enotty)
{
	uint64_t flags[] = { 0, GUEST_MEMFD_FLAG_INIT_SHARED };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		int fd = vm_create_guest_memfd(self->vm, SIZE, flags[i]);

		EXPECT_RESULT(ENOTTY, 0, gmem_convert(fd, 0, SIZE,
						      GMEM_PRIVATE));
		EXPECT_RESULT(ENOTTY, 3 * PAGE_SIZE,
			      gmem_convert(fd, 3 * PAGE_SIZE, PAGE_SIZE,
					   GMEM_SHARED));
		close(fd);
	}
}

TEST_F(gmem, other_ioctls_are_enotty)
{
	EXPECT_EQ(-1, ioctl(self->fd, KVM_SET_MEMORY_ATTRIBUTES, self->mem));
	EXPECT_EQ(ENOTTY, errno);
	EXPECT_EQ(-1, ioctl(self->vm->fd, KVM_SET_MEMORY_ATTRIBUTES2,
			    self->mem));
	EXPECT_EQ(ENOTTY, errno);
}

TEST_F(gmem, flags_are_einval)
{
	int bit;

	for (bit = 0; bit < 64; bit++) {
		struct kvm_memory_attributes2 argument = {
			.offset = PAGE_SIZE,
			.size = PAGE_SIZE,
			.attributes = GMEM_PRIVATE,
			.flags = BIT_ULL(bit),
			.error_offset = GMEM_UNWRITTEN,
		};

		EXPECT_RESULT(EINVAL, PAGE_SIZE,
			      gmem_set_attributes(self->fd, &argument));
	}
	EXPECT_STATES("----------------");
}

TEST_F(gmem, reserved_fields_are_einval)
{
	size_t i;

	for (i = 0; i < 11; i++) {
		struct kvm_memory_attributes2 argument = {
			.offset = PAGE_SIZE,
			.size = PAGE_SIZE,
			.attributes = GMEM_PRIVATE,
			.error_offset = GMEM_UNWRITTEN,
		};

		argument.reserved[i] = BIT_ULL(63);
		EXPECT_RESULT(EINVAL, PAGE_SIZE,
			      gmem_set_attributes(self->fd, &argument));
	}
	EXPECT_STATES("----------------");
}

TEST_F(gmem, unknown_attributes_are_einval)
{
	int bit;

	for (bit = 0; bit < 64; bit++) {
		if (BIT_ULL(bit) == GMEM_PRIVATE)
			continue;
		EXPECT_RESULT(EINVAL, PAGE_SIZE,
			      gmem_convert(self->fd, PAGE_SIZE, PAGE_SIZE,
					   BIT_ULL(bit)));
		EXPECT_RESULT(EINVAL, PAGE_SIZE,
			      gmem_convert(self->fd, PAGE_SIZE, PAGE_SIZE,
					   BIT_ULL(bit) | GMEM_PRIVATE));
	}
	EXPECT_STATES("----------------");
}

TEST_F(gmem, bad_ranges_are_einval)
{
	static const struct {
		uint64_t offset, size;
	} ranges[] = {
		{ 0, 0 },
		{ PAGE_SIZE, 0 },
		{ 1, PAGE_SIZE },
		{ PAGE_SIZE - 1, PAGE_SIZE },
		{ 0, 1 },
		{ 0, PAGE_SIZE + 1 },
		{ 0, PAGE_SIZE - 1 },
		{ 512, 512 },
		{ 0, SIZE + PAGE_SIZE },
		{ PAGE_SIZE, SIZE },
		{ SIZE - PAGE_SIZE, 2 * PAGE_SIZE },
		{ SIZE, PAGE_SIZE },
		{ SIZE + PAGE_SIZE, PAGE_SIZE },
		{ -PAGE_SIZE, PAGE_SIZE },
		{ -PAGE_SIZE, 2 * PAGE_SIZE },
		{ PAGE_SIZE, -PAGE_SIZE },
		{ PAGE_SIZE, -2 * PAGE_SIZE },
		{ 0, -PAGE_SIZE },
		{ BIT_ULL(63), PAGE_SIZE },
		{ 0, BIT_ULL(63) },
		{ BIT_ULL(63), BIT_ULL(63) },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ranges); i++) {
		EXPECT_RESULT(EINVAL, ranges[i].offset,
			      gmem_convert(self->fd, ranges[i].offset,
					   ranges[i].size, GMEM_PRIVATE));
		EXPECT_RESULT(EINVAL, ranges[i].offset,
			      gmem_convert(self->fd, ranges[i].offset,
					   ranges[i].size, GMEM_SHARED));
	}
	EXPECT_STATES("----------------");
}

TEST_F(gmem, bad_pointers_are_efault)
{
	char *pages = mmap(NULL, 2 * PAGE_SIZE, RW,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct kvm_memory_attributes2 *across;

	ASSERT_NE(MAP_FAILED, pages);
	EXPECT_EQ(-1, ioctl(self->fd, KVM_SET_MEMORY_ATTRIBUTES2, NULL));
	EXPECT_EQ(EFAULT, errno);
	ASSERT_EQ(0, munmap(pages + PAGE_SIZE, PAGE_SIZE));
	across = (void *)(pages + PAGE_SIZE - sizeof(*across) + 8);
	EXPECT_EQ(-1, ioctl(self->fd, KVM_SET_MEMORY_ATTRIBUTES2, across));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_STATES("----------------");
}

/* The argument may be in the very memory that becomes private. */
TEST_F(gmem, argument_in_the_range_itself)
{
	struct kvm_memory_attributes2 *argument = (void *)self->mem;

	argument->size = SIZE;
	argument->attributes = GMEM_PRIVATE;
	EXPECT_EQ(0, ioctl(self->fd, KVM_SET_MEMORY_ATTRIBUTES2, argument));
	EXPECT_STATES("pppppppppppppppp");
	EXPECT_EQ(-1, ioctl(self->fd, KVM_SET_MEMORY_ATTRIBUTES2, argument));
	EXPECT_EQ(EFAULT, errno);
}

TEST_F(gmem, ordinary_vm_has_no_private_memory)
{
	struct kvm_vm *vm = gmem_vm(KVM_X86_DEFAULT_VM);
	int fd = vm_create_guest_memfd(vm, SIZE, GMEM_MAPPABLE);
	char *mem = gmem_map(fd, 0, SIZE);

	EXPECT_RESULT(EINVAL, PAGE_SIZE,
		      gmem_convert(fd, PAGE_SIZE, PAGE_SIZE, GMEM_PRIVATE));
	EXPECT_CONVERTED(fd, 0, NR_PAGES, GMEM_SHARED);
	EXPECT_STREQ("----------------", states(mem, NR_PAGES));
	close(fd);
	fd = vm_create_guest_memfd(vm, SIZE, GUEST_MEMFD_FLAG_MMAP);
	mem = gmem_map(fd, 0, SIZE);
	EXPECT_STREQ("pppppppppppppppp", states(mem, NR_PAGES));
	EXPECT_CONVERTED(fd, 1, 2, GMEM_SHARED);
	EXPECT_STREQ("p--ppppppppppppp", states(mem, NR_PAGES));
}

/* ---- who may convert ---------------------------------------------------- */

TEST_F(gmem, child_is_eio)
{
	int status;
	pid_t child = fork();

	if (!child) {
		struct gmem_result to_private, to_shared;

		to_private = gmem_convert(self->fd, PAGE_SIZE, PAGE_SIZE,
					  GMEM_PRIVATE);
		to_shared = gmem_convert(self->fd, PAGE_SIZE, PAGE_SIZE,
					 GMEM_SHARED);
		_exit(to_private.error != EIO || to_shared.error != EIO ||
		      to_private.offset != PAGE_SIZE ||
		      to_shared.offset != PAGE_SIZE);
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_STATES("----------------");
	EXPECT_CONVERTED(self->fd, 0, NR_PAGES, GMEM_PRIVATE);
}

/* Get a file of another process. */
static int steal_fd(pid_t pid, int fd)
{
	int pidfd = syscall(__NR_pidfd_open, pid, 0);
	int copy = syscall(__NR_pidfd_getfd, pidfd, fd, 0);

	TEST_ASSERT(copy >= 0, __KVM_SYSCALL_ERROR("pidfd_getfd()", copy));
	close(pidfd);

	return copy;
}

/* It may map what is shared, and nothing more. */
TEST_F(gmem, process_that_was_given_the_file_is_eio)
{
	int pipes[2], status, fd;
	pid_t child;
	char *mem;

	ASSERT_EQ(0, pipe(pipes));
	child = fork();
	if (!child) {
		struct kvm_vm *vm = gmem_vm(KVM_X86_SW_PROTECTED_VM);

		fd = vm_create_guest_memfd(vm, SIZE, GUEST_MEMFD_FLAG_MMAP);
		TEST_ASSERT(write(pipes[1], &fd, sizeof(fd)) == sizeof(fd),
			    "write()");
		pause();
	}
	close(pipes[1]);
	ASSERT_EQ(sizeof(fd), read(pipes[0], &fd, sizeof(fd)));
	fd = steal_fd(child, fd);
	mem = gmem_map(fd, 0, SIZE);
	EXPECT_EQ(SIGBUS, gmem_read(mem).signal);
	EXPECT_RESULT(EIO, 0, gmem_convert(fd, 0, SIZE, GMEM_SHARED));
	EXPECT_EQ(SIGBUS, gmem_read(mem).signal);
	kill(child, SIGKILL);
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_RESULT(EIO, 0, gmem_convert(fd, 0, SIZE, GMEM_SHARED));
	EXPECT_EQ(SIGBUS, gmem_read(mem).signal);
}

/* A VM dies when an SMI finds no memory to save the state in. */
static void kill_vm(struct kvm_vm *vm)
{
	struct kvm_vcpu *vcpu = __vm_vcpu_add(vm, 0);

	TEST_ASSERT(!__vcpu_ioctl(vcpu, KVM_SMI, NULL), "KVM_SMI");
	TEST_ASSERT(__vcpu_run(vcpu) == -1 && errno == EIO,
		    __KVM_SYSCALL_ERROR("KVM_RUN", -1));
}

TEST_F(gmem, dead_vm_is_eio)
{
	fill_each_page(self->mem, NR_PAGES, 'a');
	EXPECT_CONVERTED(self->fd, 0, 1, GMEM_PRIVATE);
	kill_vm(self->vm);
	EXPECT_RESULT(EIO, 0, gmem_convert(self->fd, 0, PAGE_SIZE,
					   GMEM_SHARED));
	EXPECT_RESULT(EIO, PAGE_SIZE, gmem_convert(self->fd, PAGE_SIZE,
						   PAGE_SIZE, GMEM_PRIVATE));
	EXPECT_STATES("p---------------");
	EXPECT_TRUE(each_page_kept(self->mem + PAGE_SIZE, NR_PAGES - 1,
				   'a' + 1));
	/* Nor can its slots be deleted, as teardown does. */
	_exit(_metadata->exit_code);
}

TEST_F(gmem, vm_s_descriptor_is_not_needed)
{
	fill_each_page(self->mem, NR_PAGES, 'a');
	kvm_vm_release(self->vm);
	EXPECT_CONVERTED(self->fd, 0, NR_PAGES, GMEM_PRIVATE);
	EXPECT_STATES("pppppppppppppppp");
	EXPECT_CONVERTED(self->fd, 0, NR_PAGES, GMEM_SHARED);
	EXPECT_TRUE(each_page_kept(self->mem, NR_PAGES, 'a'));
	_exit(_metadata->exit_code);
}

/* ---- states ------------------------------------------------------------- */

TEST_F(gmem, file_starts_as_it_was_created)
{
	int fd = vm_create_guest_memfd(self->vm, SIZE, GUEST_MEMFD_FLAG_MMAP);
	char *mem = gmem_map(fd, 0, SIZE);

	EXPECT_STATES("----------------");
	EXPECT_STREQ("pppppppppppppppp", states(mem, NR_PAGES));
}

TEST_F(gmem, each_page_alone)
{
	char expected[] = "----------------";
	size_t i;

	for (i = 0; i < NR_PAGES; i++) {
		EXPECT_CONVERTED(self->fd, i, 1, GMEM_PRIVATE);
		expected[i] = 'p';
		EXPECT_STATES(expected);
		EXPECT_CONVERTED(self->fd, i, 1, GMEM_SHARED);
		expected[i] = '-';
		EXPECT_STATES(expected);
	}
}

TEST_F(gmem, whole_file)
{
	EXPECT_CONVERTED(self->fd, 0, NR_PAGES, GMEM_PRIVATE);
	EXPECT_STATES("pppppppppppppppp");
	EXPECT_CONVERTED(self->fd, 0, NR_PAGES, GMEM_SHARED);
	EXPECT_STATES("----------------");
}

TEST_F(gmem, ranges_are_split_and_merged)
{
	EXPECT_CONVERTED(self->fd, 4, 8, GMEM_PRIVATE);
	EXPECT_STATES("----pppppppp----");
	EXPECT_CONVERTED(self->fd, 7, 2, GMEM_SHARED);
	EXPECT_STATES("----ppp--ppp----");
	EXPECT_CONVERTED(self->fd, 2, 4, GMEM_PRIVATE);
	EXPECT_STATES("--ppppp--ppp----");
	EXPECT_CONVERTED(self->fd, 7, 2, GMEM_PRIVATE);
	EXPECT_STATES("--pppppppppp----");
	EXPECT_CONVERTED(self->fd, 0, 3, GMEM_SHARED);
	EXPECT_STATES("---ppppppppp----");
	EXPECT_CONVERTED(self->fd, 11, 5, GMEM_SHARED);
	EXPECT_STATES("---pppppppp-----");
	EXPECT_CONVERTED(self->fd, 1, 14, GMEM_PRIVATE);
	EXPECT_STATES("-pppppppppppppp-");
}

TEST_F(gmem, state_that_it_has_already)
{
	fill_each_page(self->mem, NR_PAGES, 'a');
	EXPECT_CONVERTED(self->fd, 0, NR_PAGES, GMEM_SHARED);
	EXPECT_TRUE(each_page_kept(self->mem, NR_PAGES, 'a'));
	EXPECT_CONVERTED(self->fd, 2, 3, GMEM_PRIVATE);
	EXPECT_CONVERTED(self->fd, 2, 3, GMEM_PRIVATE);
	EXPECT_STATES("--ppp-----------");
	EXPECT_CONVERTED(self->fd, 0, 8, GMEM_PRIVATE);
	EXPECT_STATES("pppppppp--------");
	EXPECT_CONVERTED(self->fd, 0, NR_PAGES, GMEM_SHARED);
	EXPECT_TRUE(each_page_kept(self->mem, NR_PAGES, 'a'));
}

TEST_F(gmem, conversion_unmaps_what_becomes_private_and_no_more)
{
	fill_each_page(self->mem, NR_PAGES, 'a');
	EXPECT_CONVERTED(self->fd, 4, 4, GMEM_PRIVATE);
	EXPECT_EQ(4, gmem_pages_mapped(self->mem, 4));
	EXPECT_EQ(0, gmem_pages_mapped(self->mem + 4 * PAGE_SIZE, 4));
	EXPECT_EQ(8, gmem_pages_mapped(self->mem + 8 * PAGE_SIZE, 8));
	EXPECT_EQ(NR_PAGES, gmem_pages_allocated(self->fd, 0, NR_PAGES));
}

TEST_F(gmem, conversion_reaches_every_mapping)
{
	char *other = gmem_map(self->fd, 0, SIZE);
	char *part = gmem_map(self->fd, 3 * PAGE_SIZE, 2 * PAGE_SIZE);
	int pipes[2][2], status;
	pid_t child;
	char byte;

	ASSERT_EQ(0, pipe(pipes[0]));
	ASSERT_EQ(0, pipe(pipes[1]));
	memset(self->mem, 'x', SIZE);
	EXPECT_TRUE(gmem_is_filled(other, SIZE, 'x'));
	EXPECT_TRUE(gmem_is_filled(part, 2 * PAGE_SIZE, 'x'));
	child = fork();
	if (!child) {
		bool good = gmem_is_filled(other, SIZE, 'x');

		TEST_ASSERT(write(pipes[0][1], "m", 1) == 1, "write()");
		TEST_ASSERT(read(pipes[1][0], &byte, 1) == 1, "read()");
		good &= gmem_read(other + 3 * PAGE_SIZE).signal == SIGBUS;
		good &= gmem_read(other + 4 * PAGE_SIZE).signal == 0;
		_exit(!good);
	}
	close(pipes[0][1]);
	ASSERT_EQ(1, read(pipes[0][0], &byte, 1));
	EXPECT_CONVERTED(self->fd, 3, 1, GMEM_PRIVATE);
	ASSERT_EQ(1, write(pipes[1][1], "c", 1));
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_STATES("---p------------");
	EXPECT_STREQ("---p------------", states(other, NR_PAGES));
	EXPECT_STREQ("p-", states(part, 2));
}

TEST_F(gmem, contents_are_kept_both_ways)
{
	fill_each_page(self->mem, NR_PAGES, 'a');
	EXPECT_CONVERTED(self->fd, 0, NR_PAGES, GMEM_PRIVATE);
	EXPECT_CONVERTED(self->fd, 0, NR_PAGES, GMEM_SHARED);
	EXPECT_EQ(0, gmem_pages_mapped(self->mem, NR_PAGES));
	EXPECT_TRUE(each_page_kept(self->mem, NR_PAGES, 'a'));
}

TEST_F(gmem, holes_stay_holes)
{
	EXPECT_CONVERTED(self->fd, 0, NR_PAGES, GMEM_PRIVATE);
	EXPECT_CONVERTED(self->fd, 0, NR_PAGES, GMEM_SHARED);
	EXPECT_EQ(0, gmem_pages_allocated(self->fd, 0, NR_PAGES));
	EXPECT_TRUE(gmem_is_filled(self->mem, SIZE, 0));
}

TEST_F(gmem, hole_keeps_the_state)
{
	fill_each_page(self->mem, NR_PAGES, 'a');
	EXPECT_CONVERTED(self->fd, 4, 4, GMEM_PRIVATE);
	ASSERT_EQ(0, gmem_punch(self->fd, 2 * PAGE_SIZE, 4 * PAGE_SIZE));
	EXPECT_EQ(NR_PAGES - 4, gmem_pages_allocated(self->fd, 0, NR_PAGES));
	EXPECT_STATES("----pppp--------");
	ASSERT_EQ(0, fallocate(self->fd, FALLOC_FL_KEEP_SIZE, 0, SIZE));
	EXPECT_STATES("----pppp--------");
	EXPECT_CONVERTED(self->fd, 0, NR_PAGES, GMEM_SHARED);
	EXPECT_TRUE(gmem_is_filled(self->mem + 2 * PAGE_SIZE, 4 * PAGE_SIZE,
				   0));
	EXPECT_TRUE(each_page_kept(self->mem + 6 * PAGE_SIZE, NR_PAGES - 6,
				   'a' + 6));
}

TEST_F(gmem, allocated_while_private_is_zero_when_shared)
{
	EXPECT_CONVERTED(self->fd, 0, NR_PAGES, GMEM_PRIVATE);
	ASSERT_EQ(0, fallocate(self->fd, FALLOC_FL_KEEP_SIZE, 0, SIZE));
	EXPECT_CONVERTED(self->fd, 0, NR_PAGES, GMEM_SHARED);
	EXPECT_TRUE(gmem_is_filled(self->mem, SIZE, 0));
}

/*
 * All that the guest has had as its own is the host's when it is shared, and when
 * it is freed: a kernel with the model of the pages' owners warns otherwise.
 */
TEST_F(gmem, what_the_guest_had_is_given_back)
{
	struct kvm_vcpu *vcpu = __vm_vcpu_add(self->vm, 0);
	int round;

	ASSERT_EQ(0, gmem_bind(self->vm, 0, GPA, SIZE, self->fd, 0, NULL));
	for (round = 0; round < 6; round++) {
		bool private = round % 3 != 1;
		struct kvm_pre_fault_memory range = {
			.gpa = GPA,
			.size = SIZE,
		};

		/* The guest's own, then shared, then its own again and freed. */
		EXPECT_CONVERTED(self->fd, 0, NR_PAGES,
				 private ? GMEM_PRIVATE : GMEM_SHARED);
		while (range.size)
			ASSERT_EQ(0, __vcpu_ioctl(vcpu, KVM_PRE_FAULT_MEMORY,
						  &range));
		if (round % 3 == 2)
			ASSERT_EQ(0, gmem_punch(self->fd, 0, SIZE));
	}
	EXPECT_CONVERTED(self->fd, 0, NR_PAGES, GMEM_SHARED);
	EXPECT_TRUE(gmem_is_filled(self->mem, SIZE, 0));
}

/* ---- what nobody holds, though it looks so ------------------------------ */

/* Pages that were just touched wait in batches before they enter the LRU. */
TEST_F(gmem, pages_just_touched)
{
	int i;

	for (i = 0; i < 200; i++) {
		ASSERT_EQ(0, gmem_punch(self->fd, 0, SIZE));
		memset(self->mem, i, SIZE);
		EXPECT_CONVERTED(self->fd, 0, NR_PAGES, GMEM_PRIVATE);
		EXPECT_CONVERTED(self->fd, 0, NR_PAGES, GMEM_SHARED);
	}
}

static void *touch_on(void *mem)
{
	kvm_pin_this_task_to_pcpu(1);
	memset(mem, 'x', SIZE);

	return NULL;
}

TEST_F(gmem, pages_just_touched_on_another_cpu)
{
	pthread_t thread;
	int i;

	kvm_pin_this_task_to_pcpu(0);
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, gmem_punch(self->fd, 0, SIZE));
		ASSERT_EQ(0, pthread_create(&thread, NULL, touch_on,
					    self->mem));
		ASSERT_EQ(0, pthread_join(thread, NULL));
		EXPECT_CONVERTED(self->fd, 0, NR_PAGES, GMEM_PRIVATE);
		EXPECT_CONVERTED(self->fd, 0, NR_PAGES, GMEM_SHARED);
	}
}

TEST_F(gmem, locked_pages)
{
	ASSERT_EQ(0, mlock(self->mem, SIZE));
	fill_each_page(self->mem, NR_PAGES, 'a');
	EXPECT_CONVERTED(self->fd, 0, NR_PAGES, GMEM_PRIVATE);
	EXPECT_STATES("pppppppppppppppp");
	EXPECT_CONVERTED(self->fd, 0, NR_PAGES, GMEM_SHARED);
	EXPECT_TRUE(each_page_kept(self->mem, NR_PAGES, 'a'));
	ASSERT_EQ(0, munlock(self->mem, SIZE));
	EXPECT_CONVERTED(self->fd, 0, NR_PAGES, GMEM_PRIVATE);
}

TEST_F(gmem, pages_just_allocated)
{
	ASSERT_EQ(0, fallocate(self->fd, FALLOC_FL_KEEP_SIZE, 0, SIZE));
	EXPECT_CONVERTED(self->fd, 0, NR_PAGES, GMEM_PRIVATE);
}

TEST_F(gmem, pages_that_many_have_mapped)
{
	pid_t children[32];
	char *maps[32];
	size_t i;

	fill_each_page(self->mem, NR_PAGES, 'a');
	for (i = 0; i < ARRAY_SIZE(maps); i++) {
		maps[i] = gmem_map(self->fd, 0, SIZE);
		EXPECT_TRUE(each_page_kept(maps[i], NR_PAGES, 'a'));
		children[i] = fork();
		if (!children[i]) {
			each_page_kept(maps[i], NR_PAGES, 'a');
			pause();
		}
	}
	EXPECT_CONVERTED(self->fd, 0, NR_PAGES, GMEM_PRIVATE);
	for (i = 0; i < ARRAY_SIZE(maps); i++) {
		EXPECT_EQ(SIGBUS, gmem_read(maps[i]).signal);
		kill(children[i], SIGKILL);
		EXPECT_EQ(children[i], waitpid(children[i], NULL, 0));
	}
}

/* ---- poison ------------------------------------------------------------- */

TEST_F(gmem, poisoned_page_is_ehwpoison)
{
	fill_each_page(self->mem, NR_PAGES, 'a');
	ASSERT_EQ(0, gmem_poison(self->mem + 5 * PAGE_SIZE));
	EXPECT_RESULT(EHWPOISON, 5 * PAGE_SIZE,
		      gmem_convert(self->fd, 0, SIZE, GMEM_PRIVATE));
	EXPECT_RESULT(EHWPOISON, 5 * PAGE_SIZE,
		      gmem_convert(self->fd, 5 * PAGE_SIZE, PAGE_SIZE,
				   GMEM_PRIVATE));
	EXPECT_TRUE(each_page_kept(self->mem, 5, 'a'));
	EXPECT_TRUE(each_page_kept(self->mem + 6 * PAGE_SIZE, NR_PAGES - 6,
				   'a' + 6));
	EXPECT_CONVERTED(self->fd, 0, 5, GMEM_PRIVATE);
	EXPECT_CONVERTED(self->fd, 6, NR_PAGES - 6, GMEM_PRIVATE);
	EXPECT_CONVERTED(self->fd, 0, NR_PAGES, GMEM_SHARED);
	EXPECT_EQ(SIGBUS, gmem_read(self->mem + 5 * PAGE_SIZE).signal);
	ASSERT_EQ(0, gmem_punch(self->fd, 5 * PAGE_SIZE, PAGE_SIZE));
	EXPECT_CONVERTED(self->fd, 0, NR_PAGES, GMEM_PRIVATE);
}

/* ---- KVM_SET_MEMORY_ATTRIBUTES ------------------------------------------ */

static uint64_t gpa_of(size_t page)
{
	return GPA + page * PAGE_SIZE;
}

#define EXPECT_GPA_CONVERTED(first, nr, attributes)			\
	EXPECT_EQ(0, gmem_convert_gpa(self->vm, gpa_of(first),		\
				      (nr) * PAGE_SIZE, attributes))

TEST_F(gmem, addresses_of_a_slot_convert_the_file)
{
	ASSERT_EQ(0, gmem_bind(self->vm, SLOT, GPA, SIZE, self->fd, 0, NULL));
	fill_each_page(self->mem, NR_PAGES, 'a');
	EXPECT_GPA_CONVERTED(0, NR_PAGES, GMEM_PRIVATE);
	EXPECT_STATES("pppppppppppppppp");
	EXPECT_GPA_CONVERTED(0, 1, GMEM_SHARED);
	EXPECT_GPA_CONVERTED(NR_PAGES - 1, 1, GMEM_SHARED);
	EXPECT_STATES("-pppppppppppppp-");
	EXPECT_CONVERTED(self->fd, 4, 2, GMEM_SHARED);
	EXPECT_STATES("-ppp--ppppppppp-");
	EXPECT_GPA_CONVERTED(0, NR_PAGES, GMEM_SHARED);
	EXPECT_TRUE(each_page_kept(self->mem, NR_PAGES, 'a'));
}

TEST_F(gmem, addresses_are_translated_by_slot_and_offset)
{
	ASSERT_EQ(0, gmem_bind(self->vm, SLOT, gpa_of(0), 4 * PAGE_SIZE,
			       self->fd, 8 * PAGE_SIZE, NULL));
	ASSERT_EQ(0, gmem_bind(self->vm, SLOT + 1, gpa_of(4), 4 * PAGE_SIZE,
			       self->fd, 0, NULL));
	EXPECT_GPA_CONVERTED(1, 1, GMEM_PRIVATE);
	EXPECT_STATES("---------p------");
	EXPECT_GPA_CONVERTED(3, 2, GMEM_PRIVATE);
	EXPECT_STATES("p--------p-p----");
	EXPECT_GPA_CONVERTED(0, 8, GMEM_PRIVATE);
	EXPECT_STATES("pppp----pppp----");
	EXPECT_GPA_CONVERTED(0, 8, GMEM_SHARED);
	EXPECT_STATES("----------------");
}

TEST_F(gmem, addresses_of_several_files)
{
	int fd = vm_create_guest_memfd(self->vm, SIZE, GMEM_MAPPABLE);
	char *mem = gmem_map(fd, 0, SIZE);

	ASSERT_EQ(0, gmem_bind(self->vm, SLOT, gpa_of(0), SIZE, self->fd, 0,
			       NULL));
	ASSERT_EQ(0, gmem_bind(self->vm, SLOT + 1, gpa_of(NR_PAGES), SIZE, fd,
			       0, NULL));
	EXPECT_GPA_CONVERTED(NR_PAGES - 2, 5, GMEM_PRIVATE);
	EXPECT_STATES("--------------pp");
	EXPECT_STREQ("ppp-------------", states(mem, NR_PAGES));
}

/* What has no slot, or another kind of slot, is as it always was. */
TEST_F(gmem, addresses_without_a_slot)
{
	ASSERT_EQ(0, gmem_bind(self->vm, SLOT, gpa_of(4), 4 * PAGE_SIZE,
			       self->fd, 0, NULL));
	EXPECT_GPA_CONVERTED(0, 16, GMEM_PRIVATE);
	EXPECT_STATES("pppp------------");
	EXPECT_GPA_CONVERTED(0, 6, GMEM_SHARED);
	EXPECT_STATES("--pp------------");
	EXPECT_GPA_CONVERTED(100, 16, GMEM_PRIVATE);
	EXPECT_STATES("--pp------------");
}

TEST_F(gmem, states_are_the_file_s_not_the_address_s)
{
	ASSERT_EQ(0, gmem_bind(self->vm, SLOT, GPA, SIZE, self->fd, 0, NULL));
	EXPECT_GPA_CONVERTED(0, 4, GMEM_PRIVATE);
	vm_set_user_memory_region2(self->vm, SLOT, KVM_MEM_GUEST_MEMFD, GPA, 0,
				   NULL, self->fd, 0);
	EXPECT_STATES("pppp------------");
	EXPECT_GPA_CONVERTED(0, NR_PAGES, GMEM_SHARED);
	EXPECT_STATES("pppp------------");
	ASSERT_EQ(0, gmem_bind(self->vm, SLOT, gpa_of(0), 8 * PAGE_SIZE,
			       self->fd, 2 * PAGE_SIZE, NULL));
	EXPECT_GPA_CONVERTED(0, 1, GMEM_SHARED);
	EXPECT_STATES("pp-p------------");
}

TEST_F(gmem, addresses_with_bad_arguments)
{
	struct kvm_memory_attributes flags = {
		.address = GPA,
		.size = PAGE_SIZE,
		.attributes = GMEM_PRIVATE,
		.flags = 1,
	};

	ASSERT_EQ(0, gmem_bind(self->vm, SLOT, GPA, SIZE, self->fd, 0, NULL));
	EXPECT_EQ(-1, __vm_ioctl(self->vm, KVM_SET_MEMORY_ATTRIBUTES, &flags));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(EINVAL, gmem_convert_gpa(self->vm, GPA, 0, GMEM_PRIVATE));
	EXPECT_EQ(EINVAL, gmem_convert_gpa(self->vm, GPA + 1, PAGE_SIZE,
					   GMEM_PRIVATE));
	EXPECT_EQ(EINVAL, gmem_convert_gpa(self->vm, GPA, PAGE_SIZE - 1,
					   GMEM_PRIVATE));
	EXPECT_EQ(EINVAL, gmem_convert_gpa(self->vm, GPA, -PAGE_SIZE,
					   GMEM_PRIVATE));
	EXPECT_EQ(EINVAL, gmem_convert_gpa(self->vm, GPA, PAGE_SIZE, 1));
	EXPECT_EQ(EINVAL, gmem_convert_gpa(self->vm, GPA, PAGE_SIZE,
					   GMEM_PRIVATE | 1));
	EXPECT_STATES("----------------");
}

TEST_F(gmem, addresses_with_poison_change_nothing)
{
	int fd = vm_create_guest_memfd(self->vm, SIZE, GMEM_MAPPABLE);
	char *mem = gmem_map(fd, 0, SIZE);

	ASSERT_EQ(0, gmem_bind(self->vm, SLOT, gpa_of(0), SIZE, self->fd, 0,
			       NULL));
	ASSERT_EQ(0, gmem_bind(self->vm, SLOT + 1, gpa_of(NR_PAGES), SIZE, fd,
			       0, NULL));
	fill_each_page(self->mem, NR_PAGES, 'a');
	fill_each_page(mem, NR_PAGES, 'A');
	ASSERT_EQ(0, gmem_poison(mem + 7 * PAGE_SIZE));
	EXPECT_EQ(EHWPOISON, gmem_convert_gpa(self->vm, GPA, 2 * SIZE,
					      GMEM_PRIVATE));
	EXPECT_TRUE(each_page_kept(self->mem, NR_PAGES, 'a'));
	EXPECT_TRUE(each_page_kept(mem, 7, 'A'));
	EXPECT_GPA_CONVERTED(0, NR_PAGES + 7, GMEM_PRIVATE);
	EXPECT_STATES("pppppppppppppppp");
	EXPECT_STREQ("ppppppp", states(mem, 7));
}

/* ---- a file of many ranges, beside a model of it ------------------------ */

#define MANY		8192

struct model {
	int fd;
	char *mem;
	bool private[MANY];
};

static struct model *model_create(struct kvm_vm *vm)
{
	struct model *model = calloc(1, sizeof(*model));

	TEST_ASSERT(model, "out of memory");
	model->fd = vm_create_guest_memfd(vm, MANY * PAGE_SIZE, GMEM_MAPPABLE);
	model->mem = gmem_map(model->fd, 0, MANY * PAGE_SIZE);

	return model;
}

static int model_convert(struct model *model, size_t first, size_t nr,
			 bool private)
{
	struct gmem_result result;

	memset(model->private + first, private, nr);
	result = gmem_convert(model->fd, first * PAGE_SIZE, nr * PAGE_SIZE,
			      private ? GMEM_PRIVATE : GMEM_SHARED);

	return result.error;
}

/* How many pages, from one on, are not in the state that the model says? */
static size_t model_differences(struct model *model, size_t from, size_t nr)
{
	size_t i, differences = 0;

	for (i = from; i < from + nr; i++)
		differences += gmem_is_shared(model->mem + i * PAGE_SIZE) ==
			       model->private[i];

	return differences;
}

TEST_F_TIMEOUT(gmem, every_other_page, 100)
{
	struct model *model = model_create(self->vm);
	size_t i;

	for (i = 0; i < MANY; i += 2)
		ASSERT_EQ(0, model_convert(model, i, 1, true));
	EXPECT_EQ(0, model_differences(model, 0, MANY));
	for (i = 1; i < MANY; i += 2)
		ASSERT_EQ(0, model_convert(model, i, 1, true));
	EXPECT_EQ(0, model_differences(model, 0, MANY));
	for (i = 0; i < MANY; i += 2)
		ASSERT_EQ(0, model_convert(model, i, 1, false));
	EXPECT_EQ(0, model_differences(model, 0, MANY));
	ASSERT_EQ(0, model_convert(model, 0, MANY, false));
	EXPECT_EQ(0, model_differences(model, 0, MANY));
}

TEST_F_TIMEOUT(gmem, random_ranges, 100)
{
	struct model *model = model_create(self->vm);
	int round;

	srandom(1);
	for (round = 0; round < 3000; round++) {
		size_t nr = 1 + random() % (random() % 4 ? 8 : MANY / 4);
		size_t first = random() % (MANY - nr + 1);
		size_t around = first > 2 ? first - 2 : 0;
		size_t edge = first + nr - (nr > 2 ? 2 : 1);

		ASSERT_EQ(0, model_convert(model, first, nr, random() % 2));
		ASSERT_EQ(0, model_differences(model, around,
					       first - around + 1));
		ASSERT_EQ(0, model_differences(model, edge,
					       edge + 4 < MANY ? 4 :
					       MANY - edge));
	}
	EXPECT_EQ(0, model_differences(model, 0, MANY));
}

int main(int argc, char *argv[])
{
	gmem_keep_kvm_on();

	return test_harness_run(argc, argv);
}
