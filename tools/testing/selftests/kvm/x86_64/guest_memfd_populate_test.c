// SPDX-License-Identifier: GPL-2.0-only
/*
 * Private memory that has contents from the start: kvm_gmem_populate(), by way of
 * a file in debugfs, as nothing but the launch of an SNP guest calls it otherwise.
 * The contents are looked at after a conversion, which does not change them.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>

#include "guest_memfd.h"
#include "kvm_test_harness.h"

#define NR_PAGES	8
#define SIZE		(NR_PAGES * PAGE_SIZE)
#define GPA		0x100000000ULL
#define SLOT		1
/* The model refuses a page that begins like this, and corrects that. */
#define WRONG		0xbadbadbadbadbad0ULL

/* @fd: the first half of the file is private, the rest shared. */
FIXTURE(populate) {
	struct kvm_vm *vm;
	int fd;
	int populate;
	char *mem;
	char *contents;
};

FIXTURE_SETUP(populate)
{
	char path[100];

	self->vm = gmem_vm(KVM_X86_SW_PROTECTED_VM);
	snprintf(path, sizeof(path), "/sys/kernel/debug/kvm/%d-%d/gmem_populate",
		 getpid(), self->vm->fd);
	self->populate = gmem_open(path, O_WRONLY);
	self->fd = vm_create_guest_memfd(self->vm, SIZE, GMEM_MAPPABLE);
	self->mem = gmem_map(self->fd, 0, SIZE);
	ASSERT_EQ(0, gmem_bind(self->vm, SLOT, GPA, SIZE, self->fd, 0, NULL));
	ASSERT_EQ(0, gmem_convert(self->fd, 0, SIZE / 2, GMEM_PRIVATE).error);

	self->contents = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->contents);
	memset(self->contents, 0x5a, SIZE);
}

FIXTURE_TEARDOWN(populate)
{
	close(self->fd);
	close(self->populate);
	kvm_vm_free(self->vm);
}

/* How many pages got their contents, or an errno below 0. */
static long fill(int populate, size_t page, size_t nr, const void *contents)
{
	ssize_t bytes = pwrite(populate, contents, nr * PAGE_SIZE,
			       GPA + page * PAGE_SIZE);

	return bytes < 0 ? -errno : bytes / PAGE_SIZE;
}

static bool contains(const char *mem, size_t page, size_t nr, int value)
{
	return gmem_is_filled(mem + page * PAGE_SIZE, nr * PAGE_SIZE, value);
}

TEST_F(populate, private_pages_get_contents)
{
	EXPECT_EQ(3, fill(self->populate, 0, 3, self->contents));
	EXPECT_EQ(3, gmem_pages_allocated(self->fd, 0, NR_PAGES));
	EXPECT_EQ(SIGBUS, gmem_read(self->mem).signal);

	EXPECT_EQ(0, gmem_convert(self->fd, 0, SIZE, GMEM_SHARED).error);
	EXPECT_TRUE(contains(self->mem, 0, 3, 0x5a));
	EXPECT_TRUE(contains(self->mem, 3, NR_PAGES - 3, 0));
}

/* Its fault takes the lock of the file that is being filled. */
TEST_F(populate, contents_may_be_in_the_same_file)
{
	char *shared = self->mem + SIZE / 2;

	memset(shared, 0xc3, 2 * PAGE_SIZE);
	ASSERT_EQ(0, madvise(shared, 2 * PAGE_SIZE, MADV_DONTNEED));
	EXPECT_EQ(0, gmem_pages_mapped(shared, 2));

	EXPECT_EQ(2, fill(self->populate, 1, 2, shared));
	EXPECT_EQ(0, gmem_convert(self->fd, 0, SIZE, GMEM_SHARED).error);
	EXPECT_TRUE(contains(self->mem, 1, 2, 0xc3));
	EXPECT_TRUE(contains(self->mem, 0, 1, 0));
}

/* The page that is filled is private: its mapping cannot be what to fill it with. */
TEST_F(populate, private_contents_are_efault)
{
	EXPECT_EQ(-EFAULT, fill(self->populate, 0, 1, self->mem));
	EXPECT_EQ(-EFAULT, fill(self->populate, 0, 1,
				self->mem + PAGE_SIZE));
	EXPECT_EQ(0, gmem_pages_allocated(self->fd, 0, NR_PAGES));
}

TEST_F(populate, it_ends_at_the_first_shared_page)
{
	EXPECT_EQ(1, fill(self->populate, 3, 3, self->contents));
	EXPECT_EQ(-EINVAL, fill(self->populate, 4, 1, self->contents));
	EXPECT_EQ(1, gmem_pages_allocated(self->fd, 0, NR_PAGES));
}

TEST_F(populate, it_ends_with_the_slot)
{
	ASSERT_EQ(0, gmem_convert(self->fd, 0, SIZE, GMEM_PRIVATE).error);
	EXPECT_EQ(2, fill(self->populate, NR_PAGES - 2, 4, self->contents));
	EXPECT_EQ(-EINVAL, fill(self->populate, NR_PAGES, 1, self->contents));
}

TEST_F(populate, it_ends_where_contents_are_not_there)
{
	ASSERT_EQ(0, munmap(self->contents + 2 * PAGE_SIZE, PAGE_SIZE));
	EXPECT_EQ(2, fill(self->populate, 0, 4, self->contents));
	EXPECT_EQ(-EFAULT, fill(self->populate, 2, 1,
				self->contents + 2 * PAGE_SIZE));
}

TEST_F(populate, what_the_guest_has_is_eexist)
{
	ASSERT_EQ(1, fill(self->populate, 1, 1, self->contents));
	EXPECT_EQ(-EEXIST, fill(self->populate, 1, 1, self->contents));
	EXPECT_EQ(1, fill(self->populate, 0, 2, self->contents));

	/* After a conversion to and fro it is as any other. */
	ASSERT_EQ(0, gmem_convert(self->fd, 0, SIZE, GMEM_SHARED).error);
	ASSERT_EQ(0, gmem_convert(self->fd, 0, SIZE, GMEM_PRIVATE).error);
	EXPECT_EQ(2, fill(self->populate, 0, 2, self->contents));
}

TEST_F(populate, what_is_wrong_is_corrected)
{
	uint64_t *first = (uint64_t *)self->contents;

	*first = WRONG;
	EXPECT_EQ(-EIO, fill(self->populate, 0, 1, self->contents));
	EXPECT_EQ(~WRONG, *first);
	EXPECT_EQ(1, fill(self->populate, 0, 1, self->contents));
}

TEST_F(populate, what_is_wrong_may_be_read_only)
{
	uint64_t *first = (uint64_t *)self->contents;

	*first = WRONG;
	ASSERT_EQ(0, mprotect(self->contents, PAGE_SIZE, PROT_READ));
	EXPECT_EQ(-EIO, fill(self->populate, 0, 1, self->contents));
	EXPECT_EQ(WRONG, *first);
}

TEST_F(populate, closed_file_is_efault)
{
	munmap(self->mem, SIZE);
	close(self->fd);
	EXPECT_EQ(-EFAULT, fill(self->populate, 0, 1, self->contents));
	self->fd = -1;
}

TEST_F(populate, other_slots_are_refused)
{
	void *mem = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_EQ(0, __vm_set_user_memory_region(self->vm, SLOT + 1, 0,
						 GPA + SIZE, SIZE, mem));
	EXPECT_EQ(-EINVAL, fill(self->populate, NR_PAGES, 1, self->contents));
}

int main(int argc, char *argv[])
{
	gmem_keep_kvm_on();

	return test_harness_run(argc, argv);
}
