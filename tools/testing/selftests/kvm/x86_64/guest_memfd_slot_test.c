// SPDX-License-Identifier: GPL-2.0-only
/*
 * Binding a guest_memfd to memory slots: which files, ranges, flags and changes
 * KVM_SET_USER_MEMORY_REGION2 takes, and in which order things may go away.
 */
#include <fcntl.h>
#include <sys/mman.h>

#include "guest_memfd.h"
#include "kvm_test_harness.h"

#define NR_PAGES	16
#define SIZE		(NR_PAGES * PAGE_SIZE)
#define GPA		0x100000000ULL
#define SMM_SLOTS	BIT(16)

FIXTURE(slot) {
	struct kvm_vm *vm;
	int fd;
	char *mem;
};

FIXTURE_VARIANT(slot) {
	unsigned long type;
};

FIXTURE_VARIANT_ADD(slot, ordinary) {
	.type = KVM_X86_DEFAULT_VM,
};

FIXTURE_VARIANT_ADD(slot, sw_protected) {
	.type = KVM_X86_SW_PROTECTED_VM,
};

FIXTURE_SETUP(slot)
{
	self->vm = gmem_vm(variant->type);
	self->fd = vm_create_guest_memfd(self->vm, SIZE, GMEM_MAPPABLE);
	self->mem = gmem_map(self->fd, 0, SIZE);
}

FIXTURE_TEARDOWN(slot)
{
	close(self->fd);
	kvm_vm_free(self->vm);
}

static uint64_t gpa_of(size_t page)
{
	return GPA + page * PAGE_SIZE;
}

/* Bind pages of the file to the same pages of guest memory. */
static int bind_pages(struct kvm_vm *vm, uint32_t slot, size_t at, size_t nr,
		      int fd, size_t first, void *hva)
{
	return gmem_bind(vm, slot, gpa_of(at), nr * PAGE_SIZE, fd,
			 first * PAGE_SIZE, hva);
}

static int delete(struct kvm_vm *vm, uint32_t slot)
{
	return __vm_set_user_memory_region2(vm, slot, 0, GPA, 0, NULL, 0, 0) ?
	       errno : 0;
}

static int bind_with_flags(struct kvm_vm *vm, uint32_t flags, int fd,
			   void *hva)
{
	return __vm_set_user_memory_region2(vm, 1, flags, GPA, SIZE, hva, fd,
					    0) ? errno : 0;
}

TEST_F(slot, file_is_bound)
{
	uint64_t flags;
	int fd;

	for (flags = 0; flags <= GMEM_MAPPABLE; flags++) {
		fd = vm_create_guest_memfd(self->vm, SIZE, flags);
		EXPECT_EQ(0, bind_pages(self->vm, 1, 0, NR_PAGES, fd, 0,
					self->mem));
		EXPECT_EQ(0, delete(self->vm, 1));
		close(fd);
	}
}

TEST_F(slot, userspace_addr_may_be_zero)
{
	EXPECT_EQ(0, bind_pages(self->vm, 1, 0, NR_PAGES, self->fd, 0, NULL));
}

TEST_F(slot, userspace_addr_must_be_aligned)
{
	EXPECT_EQ(EINVAL, bind_pages(self->vm, 1, 0, 1, self->fd, 0,
				     self->mem + 1));
}

TEST_F(slot, readonly_and_dirty_log_are_refused)
{
	uint32_t flags[] = { KVM_MEM_READONLY, KVM_MEM_LOG_DIRTY_PAGES,
			     KVM_MEM_READONLY | KVM_MEM_LOG_DIRTY_PAGES };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(flags); i++)
		EXPECT_EQ(EINVAL, bind_with_flags(self->vm, flags[i] |
						  KVM_MEM_GUEST_MEMFD,
						  self->fd, self->mem));
	EXPECT_EQ(0, bind_with_flags(self->vm, KVM_MEM_GUEST_MEMFD, self->fd,
				     self->mem));
}

TEST_F(slot, unknown_flags_are_refused)
{
	int bit;

	for (bit = 3; bit < 32; bit++)
		EXPECT_EQ(EINVAL, bind_with_flags(self->vm, BIT(bit) |
						  KVM_MEM_GUEST_MEMFD,
						  self->fd, self->mem));
}

TEST_F(slot, bound_slot_cannot_be_changed)
{
	ASSERT_EQ(0, bind_pages(self->vm, 1, 0, 4, self->fd, 0, NULL));
	/* Its place, offset, size, address, file and flags. */
	EXPECT_EQ(EINVAL, bind_pages(self->vm, 1, 8, 4, self->fd, 0, NULL));
	EXPECT_EQ(EINVAL, bind_pages(self->vm, 1, 0, 4, self->fd, 4, NULL));
	EXPECT_EQ(EINVAL, bind_pages(self->vm, 1, 0, 8, self->fd, 0, NULL));
	EXPECT_EQ(EINVAL, bind_pages(self->vm, 1, 0, 4, self->fd, 0,
				     self->mem));
	EXPECT_EQ(EINVAL, bind_with_flags(self->vm, 0, -1, self->mem));
	EXPECT_EQ(EINVAL, bind_with_flags(self->vm, KVM_MEM_LOG_DIRTY_PAGES,
					  -1, self->mem));
}

TEST_F(slot, other_files_are_refused)
{
	struct kvm_vm *vm = gmem_vm(variant->type);
	int other = vm_create_guest_memfd(vm, SIZE, GMEM_MAPPABLE);
	int memfd = memfd_create("memory", 0);

	ASSERT_EQ(0, ftruncate(memfd, SIZE));
	EXPECT_EQ(EBADF, bind_pages(self->vm, 1, 0, 1, -1, 0, NULL));
	EXPECT_EQ(EBADF, bind_pages(self->vm, 1, 0, 1, 1000, 0, NULL));
	EXPECT_EQ(EINVAL, bind_pages(self->vm, 1, 0, 1, memfd, 0, NULL));
	EXPECT_EQ(EINVAL, bind_pages(self->vm, 1, 0, 1, self->vm->fd, 0,
				     NULL));
	EXPECT_EQ(EINVAL, bind_pages(self->vm, 1, 0, 1, other, 0, NULL));
}

TEST_F(slot, range_must_be_in_the_file)
{
	uint64_t offsets[] = { 1, PAGE_SIZE - 1, SIZE, SIZE + PAGE_SIZE,
			       -PAGE_SIZE, -2 * PAGE_SIZE, BIT_ULL(63) };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(offsets); i++)
		EXPECT_EQ(EINVAL, gmem_bind(self->vm, 1, GPA, PAGE_SIZE,
					    self->fd, offsets[i], NULL));
	EXPECT_EQ(EINVAL, bind_pages(self->vm, 1, 0, NR_PAGES + 1, self->fd, 0,
				     NULL));
	EXPECT_EQ(EINVAL, bind_pages(self->vm, 1, 0, 2, self->fd, NR_PAGES - 1,
				     NULL));
	EXPECT_EQ(0, bind_pages(self->vm, 1, 0, 2, self->fd, NR_PAGES - 2,
				NULL));
}

TEST_F(slot, range_is_bound_once)
{
	static const struct {
		size_t first, nr;
	} overlaps[] = {
		{ 4, 4 }, { 4, 1 }, { 7, 1 }, { 5, 2 }, { 3, 2 }, { 7, 2 },
		{ 0, NR_PAGES }, { 0, 5 }, { 7, 9 },
	};
	size_t i;

	ASSERT_EQ(0, bind_pages(self->vm, 1, 0, 4, self->fd, 4, NULL));
	for (i = 0; i < ARRAY_SIZE(overlaps); i++)
		EXPECT_EQ(EEXIST, bind_pages(self->vm, 2, NR_PAGES,
					     overlaps[i].nr, self->fd,
					     overlaps[i].first, NULL));
	EXPECT_EQ(0, bind_pages(self->vm, 2, NR_PAGES, 4, self->fd, 0, NULL));
	EXPECT_EQ(0, bind_pages(self->vm, 3, 2 * NR_PAGES, 8, self->fd, 8,
				NULL));
}

TEST_F(slot, refused_binding_leaves_no_trace)
{
	ASSERT_EQ(0, bind_pages(self->vm, 1, 0, 4, self->fd, 4, NULL));
	EXPECT_EQ(EEXIST, bind_pages(self->vm, 2, NR_PAGES, 8, self->fd, 0,
				     NULL));
	EXPECT_EQ(0, bind_pages(self->vm, 2, NR_PAGES, 4, self->fd, 0, NULL));
	/* Guest memory that is taken, with a range of the file that is not. */
	EXPECT_EQ(EEXIST, bind_pages(self->vm, 3, 0, 4, self->fd, 8, NULL));
	EXPECT_EQ(0, bind_pages(self->vm, 3, 8, 4, self->fd, 8, NULL));
	EXPECT_EQ(0, delete(self->vm, 1));
	EXPECT_EQ(0, bind_pages(self->vm, 1, 0, 4, self->fd, 4, NULL));
}

TEST_F(slot, range_is_bound_once_across_address_spaces)
{
	if (vm_check_cap(self->vm, KVM_CAP_MULTI_ADDRESS_SPACE) < 2) {
		/* A VM with private memory has one address space. */
		ASSERT_NE(KVM_X86_DEFAULT_VM, variant->type);
		EXPECT_EQ(EINVAL, bind_pages(self->vm, SMM_SLOTS | 1, 0, 1,
					     self->fd, 0, NULL));
		return;
	}
	ASSERT_EQ(0, bind_pages(self->vm, 1, 0, 4, self->fd, 0, NULL));
	EXPECT_EQ(EEXIST, bind_pages(self->vm, SMM_SLOTS | 1, 0, 4, self->fd,
				     0, NULL));
	EXPECT_EQ(0, bind_pages(self->vm, SMM_SLOTS | 1, 0, 4, self->fd, 4,
				NULL));
}

TEST_F(slot, deleted_slot_frees_the_range)
{
	int i;

	for (i = 0; i < 50; i++) {
		ASSERT_EQ(0, bind_pages(self->vm, 1, i, NR_PAGES, self->fd, 0,
					NULL));
		ASSERT_EQ(0, delete(self->vm, 1));
	}
}

TEST_F(slot, each_page_has_a_slot)
{
	size_t i;

	for (i = 0; i < NR_PAGES; i++)
		ASSERT_EQ(0, bind_pages(self->vm, 1 + i, 2 * i, 1, self->fd,
					NR_PAGES - 1 - i, NULL));
	for (i = 0; i < NR_PAGES; i++)
		ASSERT_EQ(EEXIST, bind_pages(self->vm, 100, 100, 1, self->fd,
					     i, NULL));
	for (i = 0; i < NR_PAGES; i += 2)
		ASSERT_EQ(0, delete(self->vm, 1 + i));
	memset(self->mem, 'x', SIZE);
	EXPECT_EQ(0, gmem_punch(self->fd, 0, SIZE));
	EXPECT_TRUE(gmem_is_filled(self->mem, SIZE, 0));
}

TEST_F(slot, file_is_closed_before_the_slot)
{
	ASSERT_EQ(0, bind_pages(self->vm, 1, 0, NR_PAGES, self->fd, 0,
				self->mem));
	ASSERT_EQ(0, munmap(self->mem, SIZE));
	ASSERT_EQ(0, close(self->fd));
	EXPECT_EQ(0, delete(self->vm, 1));
	self->fd = vm_create_guest_memfd(self->vm, SIZE, GMEM_MAPPABLE);
	EXPECT_EQ(0, bind_pages(self->vm, 1, 0, NR_PAGES, self->fd, 0, NULL));
}

TEST_F(slot, file_is_closed_before_the_vm)
{
	ASSERT_EQ(0, bind_pages(self->vm, 1, 0, NR_PAGES, self->fd, 0,
				self->mem));
	ASSERT_EQ(0, munmap(self->mem, SIZE));
	ASSERT_EQ(0, close(self->fd));
	kvm_vm_release(self->vm);
	_exit(_metadata->exit_code);
}

TEST_F(slot, file_is_closed_after_the_vm)
{
	ASSERT_EQ(0, bind_pages(self->vm, 1, 0, NR_PAGES, self->fd, 0,
				self->mem));
	kvm_vm_release(self->vm);
	memset(self->mem, 'x', SIZE);
	EXPECT_EQ(0, gmem_punch(self->fd, 0, PAGE_SIZE));
	EXPECT_TRUE(gmem_is_filled(self->mem, PAGE_SIZE, 0));
	ASSERT_EQ(0, munmap(self->mem, SIZE));
	ASSERT_EQ(0, close(self->fd));
	_exit(_metadata->exit_code);
}

int main(int argc, char *argv[])
{
	gmem_keep_kvm_on();

	return test_harness_run(argc, argv);
}
