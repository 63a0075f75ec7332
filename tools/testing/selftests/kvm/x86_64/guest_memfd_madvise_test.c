// SPDX-License-Identifier: GPL-2.0-only
/*
 * What advice does to mappings of a guest_memfd: none of it may lose a page,
 * replace it by another one or make private memory accessible, and none of it
 * that does not apply may pretend to work.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <linux/mempolicy.h>
#include <linux/mman.h>
#include <linux/sizes.h>
#include <linux/userfaultfd.h>

#include "guest_memfd.h"
#include "kvm_test_harness.h"

#define NR_PAGES	512
#define SIZE		(NR_PAGES * PAGE_SIZE)
#define RW		(PROT_READ | PROT_WRITE)

/* Two files: one is all shared, the other all private. Both are mapped. */
FIXTURE(gmem) {
	struct kvm_vm *vm;
	int fd;
	int private_fd;
	char *mem;
	char *private_mem;
};

FIXTURE_VARIANT(gmem) {
	unsigned long type;
};

FIXTURE_VARIANT_ADD(gmem, ordinary) {
	.type = KVM_X86_DEFAULT_VM,
};

FIXTURE_VARIANT_ADD(gmem, sw_protected) {
	.type = KVM_X86_SW_PROTECTED_VM,
};

/* Aligned, so that nothing but the file speaks against a huge page. */
static char *map_aligned(int fd)
{
	char *room = mmap(NULL, 2 * SZ_2M, PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *at = align_ptr_up(room, SZ_2M);

	TEST_ASSERT(room != MAP_FAILED, "mmap()");
	TEST_ASSERT(mmap(at, SIZE, RW, MAP_SHARED | MAP_FIXED, fd, 0) == at,
		    "mmap()");

	return at;
}

FIXTURE_SETUP(gmem)
{
	self->vm = gmem_vm(variant->type);
	self->fd = vm_create_guest_memfd(self->vm, SIZE, GMEM_MAPPABLE);
	self->private_fd = vm_create_guest_memfd(self->vm, SIZE,
						 GUEST_MEMFD_FLAG_MMAP);
	self->mem = map_aligned(self->fd);
	self->private_mem = map_aligned(self->private_fd);
}

FIXTURE_TEARDOWN(gmem)
{
	close(self->fd);
	close(self->private_fd);
	kvm_vm_free(self->vm);
}

#define EXPECT_ERRNO(expected, call)					\
	do {								\
		errno = 0;						\
		EXPECT_EQ(-1, (long)(call));				\
		EXPECT_EQ(expected, errno);				\
	} while (0)

#define EXPECT_INACCESSIBLE(at)						\
	do {								\
		void *__at = (at);					\
									\
		EXPECT_EQ(SIGBUS, gmem_read(__at).signal);		\
		EXPECT_EQ(SIGBUS, gmem_write(__at, 1).signal);		\
	} while (0)

/* ---- madvise() ---------------------------------------------------------- */

TEST_F(gmem, dontneed_unmaps_and_keeps)
{
	memset(self->mem, 'x', SIZE);
	ASSERT_EQ(0, madvise(self->mem, SIZE, MADV_DONTNEED));
	EXPECT_EQ(0, gmem_pages_mapped(self->mem, NR_PAGES));
	EXPECT_EQ(NR_PAGES, gmem_pages_allocated(self->fd, 0, NR_PAGES));
	EXPECT_TRUE(gmem_is_filled(self->mem, SIZE, 'x'));
}

TEST_F(gmem, remove_punches_a_hole)
{
	memset(self->mem, 'x', SIZE);
	ASSERT_EQ(0, madvise(self->mem + PAGE_SIZE, PAGE_SIZE, MADV_REMOVE));
	EXPECT_EQ(NR_PAGES - 1, gmem_pages_allocated(self->fd, 0, NR_PAGES));
	EXPECT_TRUE(gmem_is_filled(self->mem, PAGE_SIZE, 'x'));
	EXPECT_TRUE(gmem_is_filled(self->mem + PAGE_SIZE, PAGE_SIZE, 0));
	EXPECT_TRUE(gmem_is_filled(self->mem + 2 * PAGE_SIZE,
				   SIZE - 2 * PAGE_SIZE, 'x'));
}

TEST_F(gmem, remove_leaves_private_memory_private)
{
	ASSERT_EQ(0, fallocate(self->private_fd, FALLOC_FL_KEEP_SIZE, 0, SIZE));
	ASSERT_EQ(0, madvise(self->private_mem, SIZE, MADV_REMOVE));
	EXPECT_EQ(0, gmem_pages_allocated(self->private_fd, 0, NR_PAGES));
	EXPECT_INACCESSIBLE(self->private_mem);
}

TEST_F(gmem, advice_that_does_not_apply_is_refused)
{
	int advice[] = { MADV_COLLAPSE, MADV_FREE, MADV_WIPEONFORK };
	size_t i;

	memset(self->mem, 'x', SIZE);
	for (i = 0; i < ARRAY_SIZE(advice); i++)
		EXPECT_ERRNO(EINVAL, madvise(self->mem, SIZE, advice[i]));
	EXPECT_EQ(NR_PAGES, gmem_pages_mapped(self->mem, NR_PAGES));
	EXPECT_TRUE(gmem_is_filled(self->mem, SIZE, 'x'));
}

/* Clean, read-only and aligned is what the page cache is collapsed for. */
TEST_F(gmem, clean_memory_is_not_collapsed)
{
	char *room = self->mem;

	ASSERT_EQ(0, fallocate(self->fd, FALLOC_FL_KEEP_SIZE, 0, SIZE));
	ASSERT_EQ(room, mmap(room, SIZE, PROT_READ, MAP_SHARED | MAP_FIXED,
			     self->fd, 0));
	EXPECT_TRUE(gmem_is_filled(room, SIZE, 0));
	madvise(room, SIZE, MADV_HUGEPAGE);
	EXPECT_ERRNO(EINVAL, madvise(room, SIZE, MADV_COLLAPSE));
	EXPECT_ERRNO(EINVAL, madvise(self->private_mem, SIZE, MADV_COLLAPSE));
}

TEST_F(gmem, hints_keep_contents)
{
	int advice[] = { MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL,
			 MADV_WILLNEED, MADV_COLD, MADV_PAGEOUT, MADV_MERGEABLE,
			 MADV_UNMERGEABLE, MADV_NOHUGEPAGE, MADV_DOFORK };
	size_t i;

	memset(self->mem, 'x', SIZE);
	for (i = 0; i < ARRAY_SIZE(advice); i++) {
		EXPECT_EQ(0, madvise(self->mem, SIZE, advice[i])) {
			TH_LOG("advice %d: %s", advice[i], strerror(errno));
		}
		EXPECT_EQ(NR_PAGES, gmem_pages_allocated(self->fd, 0, NR_PAGES));
	}
	EXPECT_TRUE(gmem_is_filled(self->mem, SIZE, 'x'));
}

TEST_F(gmem, no_advice_opens_private_memory)
{
	int advice;

	ASSERT_EQ(0, fallocate(self->private_fd, FALLOC_FL_KEEP_SIZE, 0, SIZE));
	for (advice = 0; advice <= MADV_COLLAPSE; advice++) {
		if (advice == MADV_DONTFORK)
			continue;
		madvise(self->private_mem, SIZE, advice);
		EXPECT_EQ(0, gmem_pages_mapped(self->private_mem, NR_PAGES));
		EXPECT_INACCESSIBLE(self->private_mem);
	}
}

TEST_F(gmem, populate_maps_what_is_shared)
{
	ASSERT_EQ(0, madvise(self->mem, SIZE / 2, MADV_POPULATE_READ));
	EXPECT_EQ(NR_PAGES / 2, gmem_pages_mapped(self->mem, NR_PAGES));
	ASSERT_EQ(0, madvise(self->mem, SIZE, MADV_POPULATE_WRITE));
	EXPECT_EQ(NR_PAGES, gmem_pages_mapped(self->mem, NR_PAGES));
	EXPECT_TRUE(gmem_is_filled(self->mem, SIZE, 0));
}

TEST_F(gmem, populate_fails_on_private_memory)
{
	EXPECT_ERRNO(EFAULT, madvise(self->private_mem, SIZE,
				     MADV_POPULATE_READ));
	EXPECT_ERRNO(EFAULT, madvise(self->private_mem, SIZE,
				     MADV_POPULATE_WRITE));
	EXPECT_EQ(0, gmem_pages_allocated(self->private_fd, 0, NR_PAGES));
}

TEST_F(gmem, dontfork_keeps_it_from_the_child)
{
	int status;
	pid_t child;

	memset(self->mem, 'x', SIZE);
	ASSERT_EQ(0, madvise(self->mem, SIZE, MADV_DONTFORK));
	child = fork();
	if (!child)
		_exit(gmem_read(self->mem).signal != SIGSEGV);
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_TRUE(gmem_is_filled(self->mem, SIZE, 'x'));
}

/* ---- memory failure ----------------------------------------------------- */

TEST_F(gmem, poisoned_page_is_sigbus)
{
	char *page = self->mem + 7 * PAGE_SIZE;
	struct gmem_access access;

	memset(self->mem, 'x', SIZE);
	ASSERT_EQ(0, gmem_poison(page));
	access = gmem_read(page);
	EXPECT_EQ(SIGBUS, access.signal);
	EXPECT_EQ(BUS_MCEERR_AR, access.code);
	EXPECT_EQ(page, (char *)access.address);
	EXPECT_EQ(SIGBUS, gmem_write(page, 1).signal);
	EXPECT_TRUE(gmem_is_filled(self->mem, 7 * PAGE_SIZE, 'x'));
	EXPECT_TRUE(gmem_is_filled(page + PAGE_SIZE, SIZE - 8 * PAGE_SIZE,
				   'x'));
}

TEST_F(gmem, poison_goes_with_the_hole)
{
	memset(self->mem, 'x', SIZE);
	ASSERT_EQ(0, gmem_poison(self->mem));
	EXPECT_EQ(SIGBUS, gmem_read(self->mem).signal);
	ASSERT_EQ(0, gmem_punch(self->fd, 0, PAGE_SIZE));
	/* As in any file: the mark in the page table goes by itself. */
	ASSERT_EQ(0, madvise(self->mem, PAGE_SIZE, MADV_DONTNEED));
	ASSERT_EQ(0, gmem_read(self->mem).signal);
	EXPECT_TRUE(gmem_is_filled(self->mem, PAGE_SIZE, 0));
	EXPECT_TRUE(gmem_is_filled(self->mem + PAGE_SIZE, SIZE - PAGE_SIZE,
				   'x'));
}

TEST_F(gmem, soft_offline_keeps_contents)
{
	memset(self->mem, 'x', SIZE);
	EXPECT_EQ(-1, madvise(self->mem, PAGE_SIZE, MADV_SOFT_OFFLINE));
	EXPECT_TRUE(gmem_is_filled(self->mem, SIZE, 'x'));
}

TEST_F(gmem, private_memory_cannot_be_poisoned_by_its_address)
{
	ASSERT_EQ(0, fallocate(self->private_fd, FALLOC_FL_KEEP_SIZE, 0, SIZE));
	EXPECT_EQ(EFAULT, gmem_poison(self->private_mem));
	EXPECT_ERRNO(EFAULT, madvise(self->private_mem, PAGE_SIZE,
				     MADV_SOFT_OFFLINE));
}

/* ---- what drops clean memory elsewhere ---------------------------------- */

static void write_text(const char *path, const char *text)
{
	int fd = gmem_open(path, O_WRONLY);

	TEST_ASSERT(write(fd, text, strlen(text)) == (ssize_t)strlen(text),
		    "write to %s", path);
	close(fd);
}

TEST_F(gmem, drop_caches_keeps_it)
{
	memset(self->mem, 'x', SIZE);
	ASSERT_EQ(0, fallocate(self->private_fd, FALLOC_FL_KEEP_SIZE, 0, SIZE));
	ASSERT_EQ(0, munmap(self->mem, SIZE));
	sync();
	write_text("/proc/sys/vm/drop_caches", "3");
	self->mem = map_aligned(self->fd);
	EXPECT_EQ(NR_PAGES, gmem_pages_allocated(self->fd, 0, NR_PAGES));
	EXPECT_EQ(NR_PAGES, gmem_pages_allocated(self->private_fd, 0,
						 NR_PAGES));
	EXPECT_TRUE(gmem_is_filled(self->mem, SIZE, 'x'));
}

TEST_F(gmem, compaction_does_not_move_it)
{
	memset(self->mem, 'x', SIZE);
	write_text("/proc/sys/vm/compact_memory", "1");
	EXPECT_EQ(NR_PAGES, gmem_pages_mapped(self->mem, NR_PAGES));
	EXPECT_TRUE(gmem_is_filled(self->mem, SIZE, 'x'));
}

TEST_F(gmem, fadvise_dontneed_keeps_it)
{
	memset(self->mem, 'x', SIZE);
	ASSERT_EQ(0, fallocate(self->private_fd, FALLOC_FL_KEEP_SIZE, 0, SIZE));
	ASSERT_EQ(0, munmap(self->mem, SIZE));
	posix_fadvise(self->fd, 0, SIZE, POSIX_FADV_DONTNEED);
	posix_fadvise(self->private_fd, 0, SIZE, POSIX_FADV_DONTNEED);
	self->mem = map_aligned(self->fd);
	EXPECT_EQ(NR_PAGES, gmem_pages_allocated(self->fd, 0, NR_PAGES));
	EXPECT_EQ(NR_PAGES, gmem_pages_allocated(self->private_fd, 0,
						 NR_PAGES));
	EXPECT_TRUE(gmem_is_filled(self->mem, SIZE, 'x'));
}

TEST_F(gmem, msync_keeps_it)
{
	memset(self->mem, 'x', SIZE);
	msync(self->mem, SIZE, MS_SYNC | MS_INVALIDATE);
	msync(self->mem, SIZE, MS_ASYNC);
	fsync(self->fd);
	EXPECT_EQ(NR_PAGES, gmem_pages_allocated(self->fd, 0, NR_PAGES));
	EXPECT_TRUE(gmem_is_filled(self->mem, SIZE, 'x'));
}

/* ---- userfaultfd -------------------------------------------------------- */

static int open_userfaultfd(uint64_t features)
{
	struct uffdio_api api = { .api = UFFD_API, .features = features };
	int fd = syscall(__NR_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	TEST_ASSERT(fd >= 0, __KVM_SYSCALL_ERROR("userfaultfd()", fd));
	TEST_ASSERT(!ioctl(fd, UFFDIO_API, &api), "UFFDIO_API");

	return fd;
}

static int uffd_register(int uffd, void *at, uint64_t mode)
{
	struct uffdio_register argument = {
		.range = { (uintptr_t)at, SIZE },
		.mode = mode,
	};

	return ioctl(uffd, UFFDIO_REGISTER, &argument);
}

TEST_F(gmem, userfaultfd_missing_and_minor_are_refused)
{
	int uffd = open_userfaultfd(0);

	EXPECT_ERRNO(EINVAL, uffd_register(uffd, self->mem,
					   UFFDIO_REGISTER_MODE_MISSING));
	EXPECT_ERRNO(EINVAL, uffd_register(uffd, self->mem,
					   UFFDIO_REGISTER_MODE_MINOR));
	EXPECT_ERRNO(EINVAL, uffd_register(uffd, self->mem,
					   UFFDIO_REGISTER_MODE_WP));
	EXPECT_ERRNO(EINVAL, uffd_register(uffd, self->private_mem,
					   UFFDIO_REGISTER_MODE_MISSING));
}

TEST_F(gmem, userfaultfd_tracks_writes)
{
	int uffd = open_userfaultfd(UFFD_FEATURE_WP_ASYNC |
				    UFFD_FEATURE_WP_UNPOPULATED);
	struct uffdio_writeprotect protect = {
		.range = { (uintptr_t)self->mem, SIZE },
		.mode = UFFDIO_WRITEPROTECT_MODE_WP,
	};

	memset(self->mem, 'x', SIZE);
	ASSERT_EQ(0, uffd_register(uffd, self->mem, UFFDIO_REGISTER_MODE_WP));
	ASSERT_EQ(0, ioctl(uffd, UFFDIO_WRITEPROTECT, &protect));
	EXPECT_EQ(0, gmem_write(self->mem, 'y').signal);
	EXPECT_EQ('y', *self->mem);
	EXPECT_TRUE(gmem_is_filled(self->mem + PAGE_SIZE, SIZE - PAGE_SIZE,
				   'x'));
	ASSERT_EQ(0, uffd_register(uffd, self->private_mem,
				   UFFDIO_REGISTER_MODE_WP));
	protect.range.start = (uintptr_t)self->private_mem;
	ASSERT_EQ(0, ioctl(uffd, UFFDIO_WRITEPROTECT, &protect));
	EXPECT_INACCESSIBLE(self->private_mem);
}

/* ---- memory policy ------------------------------------------------------ */

static int set_policy(void *at, size_t size, int policy)
{
	unsigned long nodes = policy == MPOL_DEFAULT ? 0 : 1;

	return syscall(__NR_mbind, at, size, policy, &nodes, 8, 0);
}

static int policy_at(void *at)
{
	int policy = -1;

	TEST_ASSERT(!syscall(__NR_get_mempolicy, &policy, NULL, 0, at,
			     MPOL_F_ADDR), "get_mempolicy()");

	return policy;
}

TEST_F(gmem, policy_is_the_file_s)
{
	char *other = gmem_map(self->fd, 0, SIZE);

	EXPECT_EQ(MPOL_DEFAULT, policy_at(other));
	ASSERT_EQ(0, set_policy(self->mem, SIZE, MPOL_BIND));
	EXPECT_EQ(MPOL_BIND, policy_at(self->mem));
	EXPECT_EQ(MPOL_BIND, policy_at(other));
	EXPECT_EQ(MPOL_DEFAULT, policy_at(self->private_mem));
	EXPECT_TRUE(gmem_is_filled(self->mem, SIZE, 0));
	ASSERT_EQ(0, set_policy(self->mem, SIZE, MPOL_DEFAULT));
	EXPECT_EQ(MPOL_DEFAULT, policy_at(self->mem));
	EXPECT_EQ(MPOL_DEFAULT, policy_at(other));
}

TEST_F(gmem, policy_stays_without_a_mapping)
{
	ASSERT_EQ(0, set_policy(self->mem, SIZE, MPOL_BIND));
	ASSERT_EQ(0, munmap(self->mem, SIZE));
	self->mem = map_aligned(self->fd);
	EXPECT_EQ(MPOL_BIND, policy_at(self->mem));
}

TEST_F(gmem, policy_is_of_a_range)
{
	char *at = self->mem + 2 * PAGE_SIZE;
	char *shifted = gmem_map(self->fd, PAGE_SIZE, 4 * PAGE_SIZE);

	ASSERT_EQ(0, set_policy(at, PAGE_SIZE, MPOL_PREFERRED));
	EXPECT_EQ(MPOL_DEFAULT, policy_at(at - 1));
	EXPECT_EQ(MPOL_PREFERRED, policy_at(at));
	EXPECT_EQ(MPOL_PREFERRED, policy_at(at + PAGE_SIZE - 1));
	EXPECT_EQ(MPOL_DEFAULT, policy_at(at + PAGE_SIZE));
	EXPECT_EQ(MPOL_DEFAULT, policy_at(shifted));
	EXPECT_EQ(MPOL_PREFERRED, policy_at(shifted + PAGE_SIZE));
	EXPECT_EQ(MPOL_DEFAULT, policy_at(shifted + 2 * PAGE_SIZE));
}

TEST_F(gmem, policy_of_private_memory)
{
	ASSERT_EQ(0, set_policy(self->private_mem, SIZE, MPOL_INTERLEAVE));
	EXPECT_EQ(MPOL_INTERLEAVE, policy_at(self->private_mem));
	ASSERT_EQ(0, fallocate(self->private_fd, FALLOC_FL_KEEP_SIZE, 0, SIZE));
	EXPECT_EQ(NR_PAGES, gmem_pages_allocated(self->private_fd, 0,
						 NR_PAGES));
	EXPECT_INACCESSIBLE(self->private_mem);
}

int main(int argc, char *argv[])
{
	gmem_keep_kvm_on();

	return test_harness_run(argc, argv);
}
