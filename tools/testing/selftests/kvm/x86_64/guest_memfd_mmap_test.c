// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest_memfd as a file, and what can and cannot be mapped of it by the host.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include <linux/falloc.h>
#include <linux/magic.h>

#include "guest_memfd.h"
#include "kvm_test_harness.h"

#ifndef GUEST_MEMFD_MAGIC
#define GUEST_MEMFD_MAGIC 0x474d454d
#endif

#define NR_PAGES	16
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

FIXTURE_SETUP(gmem)
{
	self->vm = gmem_vm(variant->type);
	self->fd = vm_create_guest_memfd(self->vm, SIZE, GMEM_MAPPABLE);
	self->private_fd = vm_create_guest_memfd(self->vm, SIZE,
						 GUEST_MEMFD_FLAG_MMAP);
	self->mem = gmem_map(self->fd, 0, SIZE);
	self->private_mem = gmem_map(self->private_fd, 0, SIZE);
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

#define EXPECT_SIGNAL(expected_signal, expected_code, at, access)	\
	do {								\
		struct gmem_access got = access;			\
									\
		EXPECT_EQ(expected_signal, got.signal);			\
		EXPECT_EQ(expected_code, got.code);			\
		EXPECT_EQ((char *)(at), (char *)got.address);		\
	} while (0)

#define EXPECT_SIGBUS(at)						\
	do {								\
		void *__at = (at);					\
									\
		EXPECT_SIGNAL(SIGBUS, BUS_ADRERR, __at, gmem_read(__at)); \
		EXPECT_SIGNAL(SIGBUS, BUS_ADRERR, __at,			\
			      gmem_write(__at, 1));			\
	} while (0)

#define EXPECT_NO_SIGNAL(access)	EXPECT_EQ(0, (access).signal)

/* ---- creation ----------------------------------------------------------- */

TEST_F(gmem, capabilities)
{
	uint64_t attributes = variant->type ? GMEM_PRIVATE : 0;

	EXPECT_EQ(1, kvm_check_cap(KVM_CAP_GUEST_MEMFD));
	EXPECT_EQ(1, vm_check_cap(self->vm, KVM_CAP_GUEST_MEMFD));
	EXPECT_EQ(GMEM_MAPPABLE, kvm_check_cap(KVM_CAP_GUEST_MEMFD_FLAGS));
	EXPECT_EQ(GMEM_MAPPABLE, vm_check_cap(self->vm,
					      KVM_CAP_GUEST_MEMFD_FLAGS));
	EXPECT_EQ(GMEM_PRIVATE,
		  kvm_check_cap(KVM_CAP_GUEST_MEMFD_MEMORY_ATTRIBUTES));
	EXPECT_EQ(attributes,
		  vm_check_cap(self->vm,
			       KVM_CAP_GUEST_MEMFD_MEMORY_ATTRIBUTES));
	EXPECT_EQ(attributes,
		  vm_check_cap(self->vm, KVM_CAP_MEMORY_ATTRIBUTES));
}

TEST_F(gmem, create_with_each_known_flag)
{
	uint64_t flags;

	for (flags = 0; flags <= GMEM_MAPPABLE; flags++) {
		int fd = __vm_create_guest_memfd(self->vm, SIZE, flags);

		EXPECT_LE(0, fd);
		close(fd);
	}
}

TEST_F(gmem, create_refuses_each_unknown_flag)
{
	int bit;

	for (bit = 2; bit < 64; bit++) {
		EXPECT_ERRNO(EINVAL, __vm_create_guest_memfd(self->vm, SIZE,
							     BIT_ULL(bit)));
		EXPECT_ERRNO(EINVAL, __vm_create_guest_memfd(self->vm, SIZE,
							     BIT_ULL(bit) |
							     GMEM_MAPPABLE));
	}
}

TEST_F(gmem, create_refuses_each_reserved_field)
{
	size_t i;

	for (i = 0; i < 6; i++) {
		struct kvm_create_guest_memfd argument = { .size = SIZE };

		argument.reserved[i] = 1;
		EXPECT_ERRNO(EINVAL, __vm_ioctl(self->vm,
						KVM_CREATE_GUEST_MEMFD,
						&argument));
	}
}

TEST_F(gmem, create_refuses_bad_sizes)
{
	uint64_t sizes[] = { 0, 1, PAGE_SIZE - 1, PAGE_SIZE + 1, SIZE - 512,
			     BIT_ULL(63), -PAGE_SIZE, -1ULL };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		EXPECT_ERRNO(EINVAL, __vm_create_guest_memfd(self->vm, sizes[i],
							     0));
		EXPECT_ERRNO(EINVAL, __vm_create_guest_memfd(self->vm, sizes[i],
							     GMEM_MAPPABLE));
	}
}

/* ---- the file ----------------------------------------------------------- */

TEST_F(gmem, has_a_file_system_of_its_own)
{
	struct statfs statfs;
	struct stat stat, other;

	ASSERT_EQ(0, fstatfs(self->fd, &statfs));
	EXPECT_EQ(GUEST_MEMFD_MAGIC, statfs.f_type);
	ASSERT_EQ(0, fstat(self->fd, &stat));
	ASSERT_EQ(0, fstat(self->private_fd, &other));
	EXPECT_TRUE(S_ISREG(stat.st_mode));
	EXPECT_EQ(SIZE, stat.st_size);
	EXPECT_EQ(PAGE_SIZE, stat.st_blksize);
	EXPECT_EQ(other.st_dev, stat.st_dev);
	EXPECT_NE(other.st_ino, stat.st_ino);
}

TEST_F(gmem, has_its_old_name)
{
	char path[64], name[64] = "";

	snprintf(path, sizeof(path), "/proc/self/fd/%d", self->fd);
	ASSERT_LT(0, readlink(path, name, sizeof(name) - 1));
	EXPECT_STREQ("anon_inode:[kvm-gmem]", name);
}

TEST_F(gmem, cannot_be_opened_again)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", self->fd);
	EXPECT_ERRNO(ENXIO, open(path, O_RDWR));
	EXPECT_ERRNO(ENXIO, open(path, O_RDONLY));
}

/* The last file takes its file system with it, which waits for all watches. */
TEST_F(gmem, last_file_can_be_watched)
{
	int notify = inotify_init1(IN_NONBLOCK);
	struct inotify_event events[4];
	char path[32];

	ASSERT_LE(0, notify);
	close(self->private_fd);
	ASSERT_EQ(0, munmap(self->private_mem, SIZE));
	ASSERT_EQ(0, munmap(self->mem, SIZE));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", self->fd);
	ASSERT_LE(0, inotify_add_watch(notify, path, IN_ALL_EVENTS));

	EXPECT_EQ(0, close(self->fd));
	EXPECT_LE((ssize_t)sizeof(events[0]),
		  read(notify, events, sizeof(events)));
	self->fd = vm_create_guest_memfd(self->vm, SIZE, 0);
	self->private_fd = vm_create_guest_memfd(self->vm, SIZE, 0);
	sync();
}

TEST_F(gmem, cannot_be_read_or_written)
{
	char buffer[64] = "";
	struct iovec iov = { buffer, sizeof(buffer) };

	EXPECT_ERRNO(EINVAL, read(self->fd, buffer, sizeof(buffer)));
	EXPECT_ERRNO(EINVAL, write(self->fd, buffer, sizeof(buffer)));
	EXPECT_ERRNO(EINVAL, readv(self->fd, &iov, 1));
	EXPECT_ERRNO(EINVAL, writev(self->fd, &iov, 1));
	EXPECT_EQ(-1, pread(self->fd, buffer, sizeof(buffer), 0));
	EXPECT_EQ(-1, pwrite(self->fd, buffer, sizeof(buffer), 0));
	EXPECT_TRUE(gmem_is_filled(self->mem, SIZE, 0));
}

TEST_F(gmem, cannot_be_spliced)
{
	loff_t in = 0, out = 0;
	int pipes[2];

	ASSERT_EQ(0, pipe(pipes));
	ASSERT_EQ(4, write(pipes[1], "text", 4));
	EXPECT_EQ(-1, splice(self->fd, &in, pipes[1], NULL, PAGE_SIZE, 0));
	EXPECT_EQ(-1, splice(pipes[0], NULL, self->fd, &out, 4, 0));
	EXPECT_EQ(-1, sendfile(pipes[1], self->fd, &in, PAGE_SIZE));
	EXPECT_EQ(-1, copy_file_range(self->fd, &in, self->private_fd, &out,
				      PAGE_SIZE, 0));
	EXPECT_TRUE(gmem_is_filled(self->mem, SIZE, 0));
}

TEST_F(gmem, cannot_be_resized)
{
	EXPECT_ERRNO(EINVAL, ftruncate(self->fd, 0));
	EXPECT_ERRNO(EINVAL, ftruncate(self->fd, SIZE));
	EXPECT_ERRNO(EINVAL, ftruncate(self->fd, 2 * SIZE));
	EXPECT_ERRNO(EOPNOTSUPP, fallocate(self->fd, 0, SIZE, PAGE_SIZE));
}

/* ---- fallocate() -------------------------------------------------------- */

TEST_F(gmem, fallocate_allocates)
{
	ASSERT_EQ(0, fallocate(self->fd, FALLOC_FL_KEEP_SIZE, PAGE_SIZE,
			       2 * PAGE_SIZE));
	EXPECT_EQ(2, gmem_pages_allocated(self->fd, 0, NR_PAGES));
	EXPECT_EQ(2, gmem_pages_allocated(self->fd, 1, 2));
	EXPECT_EQ(0, gmem_pages_mapped(self->mem, NR_PAGES));
	EXPECT_TRUE(gmem_is_filled(self->mem, SIZE, 0));
}

TEST_F(gmem, fallocate_keeps_contents)
{
	memset(self->mem, 'x', SIZE);
	ASSERT_EQ(0, fallocate(self->fd, FALLOC_FL_KEEP_SIZE, 0, SIZE));
	EXPECT_TRUE(gmem_is_filled(self->mem, SIZE, 'x'));
}

TEST_F(gmem, fallocate_refuses_other_modes)
{
	int modes[] = { 0, FALLOC_FL_PUNCH_HOLE, FALLOC_FL_COLLAPSE_RANGE,
			FALLOC_FL_ZERO_RANGE, FALLOC_FL_INSERT_RANGE,
			FALLOC_FL_KEEP_SIZE | FALLOC_FL_ZERO_RANGE,
			FALLOC_FL_KEEP_SIZE | FALLOC_FL_UNSHARE_RANGE };
	size_t i;

	memset(self->mem, 'x', SIZE);
	for (i = 0; i < ARRAY_SIZE(modes); i++)
		EXPECT_ERRNO(EOPNOTSUPP, fallocate(self->fd, modes[i], 0,
						   PAGE_SIZE));
	EXPECT_TRUE(gmem_is_filled(self->mem, SIZE, 'x'));
}

TEST_F(gmem, fallocate_refuses_bad_ranges)
{
	int modes[] = { FALLOC_FL_KEEP_SIZE,
			FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE };
	size_t i;

	memset(self->mem, 'x', SIZE);
	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		EXPECT_ERRNO(EINVAL, fallocate(self->fd, modes[i], 0, 0));
		EXPECT_ERRNO(EINVAL, fallocate(self->fd, modes[i], 1,
					       PAGE_SIZE));
		EXPECT_ERRNO(EINVAL, fallocate(self->fd, modes[i], 0,
					       PAGE_SIZE - 1));
		EXPECT_ERRNO(EINVAL, fallocate(self->fd, modes[i], -PAGE_SIZE,
					       PAGE_SIZE));
	}
	EXPECT_ERRNO(EINVAL, fallocate(self->fd, FALLOC_FL_KEEP_SIZE, SIZE,
				       PAGE_SIZE));
	EXPECT_ERRNO(EINVAL, fallocate(self->fd, FALLOC_FL_KEEP_SIZE, 0,
				       SIZE + PAGE_SIZE));
	EXPECT_TRUE(gmem_is_filled(self->mem, SIZE, 'x'));
}

TEST_F(gmem, hole_is_zero_again)
{
	memset(self->mem, 'x', SIZE);
	ASSERT_EQ(0, gmem_punch(self->fd, PAGE_SIZE, 2 * PAGE_SIZE));
	EXPECT_EQ(NR_PAGES - 2, gmem_pages_mapped(self->mem, NR_PAGES));
	EXPECT_EQ(NR_PAGES - 2, gmem_pages_allocated(self->fd, 0, NR_PAGES));
	EXPECT_TRUE(gmem_is_filled(self->mem, PAGE_SIZE, 'x'));
	EXPECT_TRUE(gmem_is_filled(self->mem + PAGE_SIZE, 2 * PAGE_SIZE, 0));
	EXPECT_TRUE(gmem_is_filled(self->mem + 3 * PAGE_SIZE,
				   SIZE - 3 * PAGE_SIZE, 'x'));
}

TEST_F(gmem, hole_past_the_end_is_nothing)
{
	memset(self->mem, 'x', SIZE);
	EXPECT_EQ(0, gmem_punch(self->fd, SIZE, PAGE_SIZE));
	EXPECT_TRUE(gmem_is_filled(self->mem, SIZE, 'x'));
	EXPECT_EQ(0, gmem_punch(self->fd, SIZE - PAGE_SIZE, 2 * PAGE_SIZE));
	EXPECT_TRUE(gmem_is_filled(self->mem, SIZE - PAGE_SIZE, 'x'));
	EXPECT_TRUE(gmem_is_filled(self->mem + SIZE - PAGE_SIZE, PAGE_SIZE,
				   0));
}

TEST_F(gmem, hole_in_private_memory_stays_private)
{
	ASSERT_EQ(0, fallocate(self->private_fd, FALLOC_FL_KEEP_SIZE, 0, SIZE));
	EXPECT_EQ(NR_PAGES, gmem_pages_allocated(self->private_fd, 0,
						 NR_PAGES));
	ASSERT_EQ(0, gmem_punch(self->private_fd, 0, SIZE));
	EXPECT_EQ(0, gmem_pages_allocated(self->private_fd, 0, NR_PAGES));
	EXPECT_SIGBUS(self->private_mem);
}

/* ---- mmap() ------------------------------------------------------------- */

TEST_F(gmem, without_the_flag_there_is_no_mmap)
{
	uint64_t flags[] = { 0, GUEST_MEMFD_FLAG_INIT_SHARED };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		int fd = vm_create_guest_memfd(self->vm, SIZE, flags[i]);

		EXPECT_ERRNO(ENODEV, mmap(NULL, SIZE, RW, MAP_SHARED, fd, 0));
		EXPECT_ERRNO(ENODEV, mmap(NULL, SIZE, RW, MAP_PRIVATE, fd, 0));
		EXPECT_ERRNO(ENODEV, mmap(NULL, SIZE, PROT_NONE, MAP_SHARED, fd,
					  0));
		close(fd);
	}
}

TEST_F(gmem, private_mapping_is_refused)
{
	int protections[] = { PROT_NONE, PROT_READ, RW };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(protections); i++)
		EXPECT_ERRNO(EINVAL, mmap(NULL, SIZE, protections[i],
					  MAP_PRIVATE, self->fd, 0));
}

TEST_F(gmem, nothing_is_executable)
{
	EXPECT_ERRNO(EPERM, mmap(NULL, SIZE, PROT_READ | PROT_EXEC, MAP_SHARED,
				 self->fd, 0));
	EXPECT_ERRNO(EPERM, mmap(NULL, SIZE, RW | PROT_EXEC, MAP_SHARED,
				 self->fd, 0));
	EXPECT_ERRNO(EACCES, mprotect(self->mem, SIZE, PROT_READ | PROT_EXEC));
}

TEST_F(gmem, flags_that_do_not_apply_are_refused)
{
	char *mem;

	EXPECT_ERRNO(EINVAL, mmap(NULL, SIZE, RW, MAP_SHARED | MAP_HUGETLB,
				  self->fd, 0));
	EXPECT_ERRNO(EINVAL, mmap(NULL, SIZE, RW, MAP_SHARED | MAP_GROWSDOWN,
				  self->fd, 0));
	EXPECT_ERRNO(EOPNOTSUPP, mmap(NULL, SIZE, RW,
				      MAP_SHARED_VALIDATE | MAP_SYNC, self->fd,
				      0));
	EXPECT_ERRNO(EINVAL, mmap(NULL, SIZE, RW, MAP_SHARED, self->fd, 1));
	mem = mmap(NULL, SIZE, RW, MAP_SHARED_VALIDATE, self->fd, 0);
	EXPECT_NE(MAP_FAILED, mem);
}

TEST_F(gmem, refused_mmap_leaves_what_was_there)
{
	memset(self->mem, 'x', SIZE);
	EXPECT_EQ(MAP_FAILED, mmap(self->mem, SIZE, RW, MAP_PRIVATE | MAP_FIXED,
				   self->fd, 0));
	EXPECT_NO_SIGNAL(gmem_read(self->mem));
	EXPECT_TRUE(gmem_is_filled(self->mem, SIZE, 'x'));
}

TEST_F(gmem, first_access_finds_zeroes)
{
	EXPECT_EQ(0, gmem_pages_allocated(self->fd, 0, NR_PAGES));
	EXPECT_TRUE(gmem_is_filled(self->mem, SIZE, 0));
	EXPECT_EQ(NR_PAGES, gmem_pages_allocated(self->fd, 0, NR_PAGES));
}

TEST_F(gmem, fault_maps_one_page)
{
	EXPECT_NO_SIGNAL(gmem_write(self->mem + 5 * PAGE_SIZE, 1));
	EXPECT_EQ(1, gmem_pages_mapped(self->mem, NR_PAGES));
	EXPECT_EQ(1, gmem_pages_allocated(self->fd, 0, NR_PAGES));
}

/* Memory that was used by others must not shine through. */
TEST_F(gmem, pages_of_others_are_zeroed)
{
	size_t size = 16 << 20;
	char *dirt = mmap(NULL, size, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = vm_create_guest_memfd(self->vm, size, GMEM_MAPPABLE);
	char *mem = gmem_map(fd, 0, size);

	memset(dirt, 0xaa, size);
	munmap(dirt, size);
	EXPECT_TRUE(gmem_is_filled(mem, size, 0));
}

TEST_F(gmem, mappings_show_the_same_memory)
{
	char *other = gmem_map(self->fd, 0, SIZE);
	char *part = gmem_map(self->fd, 3 * PAGE_SIZE, PAGE_SIZE);

	memset(self->mem + 3 * PAGE_SIZE, 'x', PAGE_SIZE);
	EXPECT_TRUE(gmem_is_filled(other + 3 * PAGE_SIZE, PAGE_SIZE, 'x'));
	EXPECT_TRUE(gmem_is_filled(part, PAGE_SIZE, 'x'));
	*part = 'y';
	EXPECT_EQ('y', self->mem[3 * PAGE_SIZE]);
	EXPECT_EQ(0, self->mem[2 * PAGE_SIZE]);
}

TEST_F(gmem, mapping_keeps_file_and_vm)
{
	memset(self->mem, 'x', SIZE);
	close(self->fd);
	kvm_vm_release(self->vm);
	EXPECT_TRUE(gmem_is_filled(self->mem, SIZE, 'x'));
	EXPECT_EQ(0, madvise(self->mem, SIZE, MADV_DONTNEED));
	EXPECT_TRUE(gmem_is_filled(self->mem, SIZE, 'x'));
	EXPECT_SIGBUS(self->private_mem);
	EXPECT_EQ(0, munmap(self->mem, SIZE));
	_exit(_metadata->exit_code);
}

TEST_F(gmem, contents_stay_without_a_mapping)
{
	memset(self->mem, 'x', SIZE);
	EXPECT_EQ(0, munmap(self->mem, SIZE));
	EXPECT_TRUE(gmem_is_filled(gmem_map(self->fd, 0, SIZE), SIZE, 'x'));
}

TEST_F(gmem, past_the_end_is_sigbus)
{
	char *mem = gmem_map(self->fd, SIZE - PAGE_SIZE, 3 * PAGE_SIZE);

	EXPECT_NO_SIGNAL(gmem_write(mem + PAGE_SIZE - 1, 1));
	EXPECT_SIGBUS(mem + PAGE_SIZE);
	EXPECT_SIGBUS(mem + 3 * PAGE_SIZE - 1);
	mem = gmem_map(self->fd, 64ULL << 40, PAGE_SIZE);
	EXPECT_SIGBUS(mem);
}

TEST_F(gmem, private_memory_is_sigbus)
{
	size_t i;

	for (i = 0; i < NR_PAGES; i++)
		EXPECT_SIGBUS(self->private_mem + i * PAGE_SIZE);
	EXPECT_EQ(0, gmem_pages_mapped(self->private_mem, NR_PAGES));
	EXPECT_EQ(0, gmem_pages_allocated(self->private_fd, 0, NR_PAGES));
	ASSERT_EQ(0, fallocate(self->private_fd, FALLOC_FL_KEEP_SIZE, 0, SIZE));
	for (i = 0; i < NR_PAGES; i++)
		EXPECT_SIGBUS(self->private_mem + i * PAGE_SIZE);
	EXPECT_EQ(0, gmem_pages_mapped(self->private_mem, NR_PAGES));
}

TEST_F(gmem, protection_is_obeyed)
{
	char *mem = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, self->fd, 0);

	ASSERT_NE(MAP_FAILED, mem);
	EXPECT_NO_SIGNAL(gmem_read(mem));
	EXPECT_SIGNAL(SIGSEGV, SEGV_ACCERR, mem, gmem_write(mem, 1));
	ASSERT_EQ(0, mprotect(mem, SIZE, RW));
	EXPECT_NO_SIGNAL(gmem_write(mem, 1));
	ASSERT_EQ(0, mprotect(mem, SIZE, PROT_NONE));
	EXPECT_SIGNAL(SIGSEGV, SEGV_ACCERR, mem, gmem_read(mem));
	ASSERT_EQ(0, mprotect(mem, SIZE, PROT_READ));
	EXPECT_EQ(1, *mem);
}

TEST_F(gmem, part_can_be_unmapped)
{
	memset(self->mem, 'x', SIZE);
	ASSERT_EQ(0, munmap(self->mem + PAGE_SIZE, PAGE_SIZE));
	EXPECT_SIGNAL(SIGSEGV, SEGV_MAPERR, self->mem + PAGE_SIZE,
		      gmem_read(self->mem + PAGE_SIZE));
	EXPECT_TRUE(gmem_is_filled(self->mem, PAGE_SIZE, 'x'));
	EXPECT_TRUE(gmem_is_filled(self->mem + 2 * PAGE_SIZE,
				   SIZE - 2 * PAGE_SIZE, 'x'));
	ASSERT_EQ(self->mem + PAGE_SIZE,
		  mmap(self->mem + PAGE_SIZE, PAGE_SIZE, RW,
		       MAP_SHARED | MAP_FIXED, self->fd, PAGE_SIZE));
	EXPECT_TRUE(gmem_is_filled(self->mem, SIZE, 'x'));
}

TEST_F(gmem, map_populate_maps_what_is_shared)
{
	char *mem = mmap(NULL, SIZE, RW, MAP_SHARED | MAP_POPULATE, self->fd,
			 0);

	ASSERT_NE(MAP_FAILED, mem);
	EXPECT_EQ(NR_PAGES, gmem_pages_mapped(mem, NR_PAGES));
	EXPECT_TRUE(gmem_is_filled(mem, SIZE, 0));
	mem = mmap(NULL, SIZE, RW, MAP_SHARED | MAP_POPULATE, self->private_fd,
		   0);
	ASSERT_NE(MAP_FAILED, mem);
	EXPECT_EQ(0, gmem_pages_mapped(mem, NR_PAGES));
	EXPECT_EQ(0, gmem_pages_allocated(self->private_fd, 0, NR_PAGES));
}

TEST_F(gmem, mlock_maps_what_is_shared)
{
	ASSERT_EQ(0, mlock(self->mem, SIZE));
	EXPECT_EQ(NR_PAGES, gmem_pages_mapped(self->mem, NR_PAGES));
	EXPECT_EQ(0, munlock(self->mem, SIZE));
	EXPECT_ERRNO(ENOMEM, mlock(self->private_mem, SIZE));
	EXPECT_EQ(0, gmem_pages_mapped(self->private_mem, NR_PAGES));
	EXPECT_EQ(0, mlock2(self->private_mem, SIZE, MLOCK_ONFAULT));
	EXPECT_SIGBUS(self->private_mem);
}

TEST_F(gmem, mapping_moves_and_shrinks)
{
	char *mem = self->mem, *room;

	memset(mem, 'x', SIZE);
	room = mmap(NULL, SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_EQ(room, mremap(mem, SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_FIXED,
			       room));
	EXPECT_TRUE(gmem_is_filled(room, SIZE, 'x'));
	EXPECT_SIGNAL(SIGSEGV, SEGV_MAPERR, mem, gmem_read(mem));
	ASSERT_EQ(room, mremap(room, SIZE, PAGE_SIZE, 0));
	EXPECT_TRUE(gmem_is_filled(room, PAGE_SIZE, 'x'));
	EXPECT_SIGNAL(SIGSEGV, SEGV_MAPERR, room + PAGE_SIZE,
		      gmem_read(room + PAGE_SIZE));
}

TEST_F(gmem, mapping_grows)
{
	char *mem = gmem_map(self->fd, 0, PAGE_SIZE);

	memset(self->mem, 'x', SIZE);
	mem = mremap(mem, PAGE_SIZE, SIZE + PAGE_SIZE, MREMAP_MAYMOVE);
	ASSERT_NE(MAP_FAILED, mem);
	EXPECT_TRUE(gmem_is_filled(mem, SIZE, 'x'));
	EXPECT_SIGBUS(mem + SIZE);
	mem = gmem_map(self->private_fd, 0, PAGE_SIZE);
	mem = mremap(mem, PAGE_SIZE, SIZE, MREMAP_MAYMOVE);
	ASSERT_NE(MAP_FAILED, mem);
	EXPECT_SIGBUS(mem);
	EXPECT_SIGBUS(mem + SIZE - PAGE_SIZE);
}

TEST_F(gmem, mapping_is_duplicated_by_mremap)
{
	char *twin = mremap(self->mem, 0, SIZE, MREMAP_MAYMOVE);

	ASSERT_NE(MAP_FAILED, twin);
	ASSERT_NE(self->mem, twin);
	memset(self->mem, 'x', SIZE);
	EXPECT_TRUE(gmem_is_filled(twin, SIZE, 'x'));
}

TEST_F(gmem, mapping_is_not_dumped)
{
	FILE *smaps = fopen("/proc/self/smaps", "r");
	bool here = false, found = false;
	unsigned long start, end;
	char line[256];

	ASSERT_NE(NULL, smaps);
	while (fgets(line, sizeof(line), smaps)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			here = start == (unsigned long)self->mem;
		else if (here && !strncmp(line, "VmFlags:", 8))
			found = strstr(line, " dd");
	}
	fclose(smaps);
	EXPECT_TRUE(found);
}

/* ---- other processes ---------------------------------------------------- */

TEST_F(gmem, child_shares_the_mapping)
{
	int status;
	pid_t child;

	memset(self->mem, 'x', SIZE);
	child = fork();
	if (!child) {
		bool good = gmem_is_filled(self->mem, SIZE, 'x') &&
			    gmem_read(self->private_mem).signal == SIGBUS;

		memset(self->mem, 'y', PAGE_SIZE);
		_exit(!good);
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_TRUE(gmem_is_filled(self->mem, PAGE_SIZE, 'y'));
	EXPECT_TRUE(gmem_is_filled(self->mem + PAGE_SIZE, SIZE - PAGE_SIZE,
				   'x'));
}

TEST_F(gmem, child_can_map_and_punch)
{
	int status;
	pid_t child;

	memset(self->mem, 'x', SIZE);
	child = fork();
	if (!child) {
		char *mem = gmem_map(self->fd, 0, SIZE);

		_exit(!gmem_is_filled(mem, SIZE, 'x') ||
		      gmem_punch(self->fd, 0, PAGE_SIZE) ||
		      !gmem_is_filled(mem, PAGE_SIZE, 0));
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_TRUE(gmem_is_filled(self->mem, PAGE_SIZE, 0));
	EXPECT_TRUE(gmem_is_filled(self->mem + PAGE_SIZE, SIZE - PAGE_SIZE,
				   'x'));
}

TEST_F(gmem, private_memory_is_efault_to_the_kernel)
{
	struct iovec local, remote;
	char buffer[64];
	int pipes[2], memory;

	local = (struct iovec) { buffer, sizeof(buffer) };
	remote = (struct iovec) { self->private_mem, sizeof(buffer) };
	ASSERT_EQ(0, pipe(pipes));
	memory = open("/proc/self/mem", O_RDWR);
	ASSERT_LE(0, memory);
	EXPECT_ERRNO(EFAULT, write(pipes[1], self->private_mem, 1));
	EXPECT_ERRNO(EFAULT, process_vm_readv(getpid(), &local, 1, &remote, 1,
					      0));
	EXPECT_ERRNO(EFAULT, process_vm_writev(getpid(), &local, 1, &remote, 1,
					       0));
	EXPECT_ERRNO(EIO, pread(memory, buffer, sizeof(buffer),
				(off_t)self->private_mem));
	EXPECT_ERRNO(EIO, pwrite(memory, buffer, sizeof(buffer),
				 (off_t)self->private_mem));
	EXPECT_EQ(0, gmem_pages_allocated(self->private_fd, 0, NR_PAGES));
}

TEST_F(gmem, shared_memory_is_memory_to_the_kernel)
{
	struct iovec local, remote;
	char buffer[64] = "";
	int pipes[2], memory;

	local = (struct iovec) { buffer, sizeof(buffer) };
	remote = (struct iovec) { self->mem, sizeof(buffer) };
	ASSERT_EQ(0, pipe(pipes));
	memory = open("/proc/self/mem", O_RDWR);
	ASSERT_LE(0, memory);
	memset(self->mem, 'x', SIZE);
	EXPECT_EQ(SIZE, write(pipes[1], self->mem, SIZE));
	EXPECT_EQ(SIZE, read(pipes[0], self->mem, SIZE));
	EXPECT_EQ(sizeof(buffer), process_vm_readv(getpid(), &local, 1, &remote,
						   1, 0));
	EXPECT_TRUE(gmem_is_filled(buffer, sizeof(buffer), 'x'));
	memset(buffer, 'y', sizeof(buffer));
	EXPECT_EQ(sizeof(buffer), pwrite(memory, buffer, sizeof(buffer),
					 (off_t)self->mem));
	EXPECT_TRUE(gmem_is_filled(self->mem, sizeof(buffer), 'y'));
}

int main(int argc, char *argv[])
{
	gmem_keep_kvm_on();

	return test_harness_run(argc, argv);
}
