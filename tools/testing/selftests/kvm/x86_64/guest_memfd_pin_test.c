// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages of a guest_memfd that somebody holds: none of them becomes private
 * before it is let go. Each way to hold pages is a variant.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include <linux/aio_abi.h>
#include <linux/io_uring.h>

#include "../../../../../mm/gup_test.h"
#include "guest_memfd.h"
#include "kvm_test_harness.h"

#define NR_PAGES	16
#define SIZE		(NR_PAGES * PAGE_SIZE)
#define HELD		5
#define NR_HELD		2
#define GPA		0x100000000ULL
#define SLOT		1

/* ---- pipes: a reference ------------------------------------------------- */

static int pipes[2];

static int vmsplice_hold(void *at, size_t size)
{
	struct iovec iov = { at, size };
	ssize_t held;

	TEST_ASSERT(!pipe(pipes), "pipe()");
	held = vmsplice(pipes[1], &iov, 1, 0);
	if (held < 0)
		return errno;
	TEST_ASSERT(held == (ssize_t)size, "vmsplice() took %zd bytes", held);

	return 0;
}

static void vmsplice_release(void)
{
	close(pipes[0]);
	close(pipes[1]);
}

/* ---- io_uring: a long-term pin ------------------------------------------ */

static int ring;

static int io_uring_hold(void *at, size_t size)
{
	struct io_uring_params params = {};
	struct iovec iov = { at, size };

	ring = syscall(__NR_io_uring_setup, 1, &params);
	TEST_ASSERT(ring >= 0, __KVM_SYSCALL_ERROR("io_uring_setup()", ring));

	return syscall(__NR_io_uring_register, ring, IORING_REGISTER_BUFFERS,
		       &iov, 1) ? errno : 0;
}

static void io_uring_release(void)
{
	TEST_ASSERT(!syscall(__NR_io_uring_register, ring,
			     IORING_UNREGISTER_BUFFERS, NULL, 0),
		    __KVM_SYSCALL_ERROR("io_uring_register()", -1));
	close(ring);
}

/* ---- gup_test: long-term pins of each kind ------------------------------ */

static int gup;

static int gup_hold(void *at, size_t size, uint32_t flags)
{
	struct pin_longterm_test pin = {
		.addr = (uintptr_t)at,
		.size = size,
		.flags = flags,
	};

	gup = gmem_open("/sys/kernel/debug/gup_test", O_RDWR);

	return ioctl(gup, PIN_LONGTERM_TEST_START, &pin) ? errno : 0;
}

static int gup_read_hold(void *at, size_t size)
{
	return gup_hold(at, size, 0);
}

static int gup_write_hold(void *at, size_t size)
{
	return gup_hold(at, size, PIN_LONGTERM_TEST_FLAG_USE_WRITE);
}

static int gup_fast_hold(void *at, size_t size)
{
	return gup_hold(at, size, PIN_LONGTERM_TEST_FLAG_USE_WRITE |
				  PIN_LONGTERM_TEST_FLAG_USE_FAST);
}

static void gup_release(void)
{
	TEST_ASSERT(!ioctl(gup, PIN_LONGTERM_TEST_STOP),
		    __KVM_IOCTL_ERROR("PIN_LONGTERM_TEST_STOP", -1));
	close(gup);
}

/* ---- O_DIRECT: a pin for as long as a slow disk takes ------------------- */

#define CONFIGFS	"/sys/kernel/config"
#define DISK		CONFIGFS "/nullb/nullb_slow"
#define DISK_NODE	"/dev/nullb_slow"
#define SLOW_NSEC	"2000000000"

static aio_context_t aio;
static int disk;

static void set_disk(const char *attribute, const char *value)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), DISK "/%s", attribute);
	fd = gmem_open(path, O_WRONLY);
	TEST_ASSERT(write(fd, value, strlen(value)) == (ssize_t)strlen(value),
		    __KVM_SYSCALL_ERROR(attribute, -1));
	close(fd);
}

/* It stays until the machine goes off: opened, it cannot be removed at once. */
static void make_disk(void)
{
	if (!access(DISK, F_OK))
		return;
	TEST_ASSERT(!mount("configfs", CONFIGFS, "configfs", 0, NULL) ||
		    errno == EBUSY, __KVM_SYSCALL_ERROR("mount()", -1));
	if (mkdir(DISK, 0700)) {
		TEST_ASSERT(errno == EEXIST,
			    __KVM_SYSCALL_ERROR("mkdir()", -1));
		return;
	}
	set_disk("irqmode", "2");
	set_disk("completion_nsec", SLOW_NSEC);
	set_disk("power", "1");
}

static int direct_hold(void *at, size_t size, int opcode)
{
	struct timespec now = {};
	struct io_event event;
	struct iocb request = {
		.aio_lio_opcode = opcode,
		.aio_buf = (uintptr_t)at,
		.aio_nbytes = size,
	}, *requests[] = { &request };

	make_disk();
	disk = gmem_open(DISK_NODE, O_RDWR | O_DIRECT);
	request.aio_fildes = disk;
	aio = 0;
	TEST_ASSERT(!syscall(__NR_io_setup, 1, &aio),
		    __KVM_SYSCALL_ERROR("io_setup()", -1));
	TEST_ASSERT(syscall(__NR_io_submit, aio, 1, requests) == 1,
		    __KVM_SYSCALL_ERROR("io_submit()", -1));
	/* What cannot be done is over at once. */
	if (syscall(__NR_io_getevents, aio, 0, 1, &event, &now) == 1)
		return -event.res;

	return 0;
}

static int direct_read_hold(void *at, size_t size)
{
	return direct_hold(at, size, IOCB_CMD_PREAD);
}

static int direct_write_hold(void *at, size_t size)
{
	return direct_hold(at, size, IOCB_CMD_PWRITE);
}

static void direct_release(void)
{
	struct io_event event;

	TEST_ASSERT(syscall(__NR_io_getevents, aio, 1, 1, &event, NULL) == 1,
		    __KVM_SYSCALL_ERROR("io_getevents()", -1));
	TEST_ASSERT(event.res > 0, "request failed: %lld",
		    (long long)event.res);
	close(disk);
}

/* ---- the cases ---------------------------------------------------------- */

/* One file of a software-protected VM, all shared and mapped. */
FIXTURE(pin) {
	struct kvm_vm *vm;
	int fd;
	char *mem;
};

FIXTURE_VARIANT(pin) {
	int (*hold)(void *at, size_t size);	/* 0 or an errno */
	void (*release)(void);
};

FIXTURE_VARIANT_ADD(pin, vmsplice) {
	.hold = vmsplice_hold,
	.release = vmsplice_release,
};

FIXTURE_VARIANT_ADD(pin, io_uring) {
	.hold = io_uring_hold,
	.release = io_uring_release,
};

FIXTURE_VARIANT_ADD(pin, gup_read) {
	.hold = gup_read_hold,
	.release = gup_release,
};

FIXTURE_VARIANT_ADD(pin, gup_write) {
	.hold = gup_write_hold,
	.release = gup_release,
};

FIXTURE_VARIANT_ADD(pin, gup_fast) {
	.hold = gup_fast_hold,
	.release = gup_release,
};

FIXTURE_VARIANT_ADD(pin, direct_read) {
	.hold = direct_read_hold,
	.release = direct_release,
};

FIXTURE_VARIANT_ADD(pin, direct_write) {
	.hold = direct_write_hold,
	.release = direct_release,
};

FIXTURE_SETUP(pin)
{
	size_t i;

	self->vm = gmem_vm(KVM_X86_SW_PROTECTED_VM);
	self->fd = vm_create_guest_memfd(self->vm, SIZE, GMEM_MAPPABLE);
	self->mem = gmem_map(self->fd, 0, SIZE);
	for (i = 0; i < NR_PAGES; i++)
		memset(self->mem + i * PAGE_SIZE, 'a' + i, PAGE_SIZE);
}

FIXTURE_TEARDOWN(pin)
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

static bool kept(const char *mem, size_t first, size_t nr)
{
	size_t i;

	for (i = first; i < first + nr; i++)
		if (!gmem_is_filled(mem + i * PAGE_SIZE, PAGE_SIZE, 'a' + i))
			return false;

	return true;
}

static struct gmem_result convert(int fd, size_t first, size_t nr,
				  uint64_t attributes)
{
	return gmem_convert(fd, first * PAGE_SIZE, nr * PAGE_SIZE, attributes);
}

static bool all_private(const char *mem, size_t first, size_t nr)
{
	size_t i;

	for (i = first; i < first + nr; i++)
		if (gmem_is_shared(mem + i * PAGE_SIZE))
			return false;

	return true;
}

TEST_F(pin, held_page_is_eagain_at_its_offset)
{
	ASSERT_EQ(0, variant->hold(self->mem + HELD * PAGE_SIZE,
				   NR_HELD * PAGE_SIZE));
	EXPECT_RESULT(EAGAIN, HELD * PAGE_SIZE,
		      convert(self->fd, 0, NR_PAGES, GMEM_PRIVATE));
	EXPECT_TRUE(kept(self->mem, 0, NR_PAGES));
	EXPECT_RESULT(EAGAIN, (HELD + 1) * PAGE_SIZE,
		      convert(self->fd, HELD + 1, 4, GMEM_PRIVATE));
	EXPECT_TRUE(kept(self->mem, 0, NR_PAGES));
	variant->release();
	EXPECT_RESULT(0, GMEM_UNWRITTEN,
		      convert(self->fd, 0, NR_PAGES, GMEM_PRIVATE));
	EXPECT_TRUE(all_private(self->mem, 0, NR_PAGES));
	EXPECT_RESULT(0, GMEM_UNWRITTEN,
		      convert(self->fd, 0, NR_PAGES, GMEM_SHARED));
	EXPECT_TRUE(kept(self->mem, 0, NR_PAGES));
}

TEST_F(pin, neighbours_of_a_held_page_are_free)
{
	size_t after = HELD + NR_HELD;

	ASSERT_EQ(0, variant->hold(self->mem + HELD * PAGE_SIZE,
				   NR_HELD * PAGE_SIZE));
	EXPECT_RESULT(0, GMEM_UNWRITTEN,
		      convert(self->fd, 0, HELD, GMEM_PRIVATE));
	EXPECT_RESULT(0, GMEM_UNWRITTEN,
		      convert(self->fd, after, NR_PAGES - after,
			      GMEM_PRIVATE));
	EXPECT_RESULT(0, GMEM_UNWRITTEN,
		      convert(self->fd, HELD, NR_HELD, GMEM_SHARED));
	EXPECT_TRUE(all_private(self->mem, 0, HELD));
	EXPECT_TRUE(kept(self->mem, HELD, NR_HELD));
	EXPECT_TRUE(all_private(self->mem, after, NR_PAGES - after));
	EXPECT_RESULT(0, GMEM_UNWRITTEN,
		      convert(self->fd, 0, NR_PAGES, GMEM_SHARED));
	EXPECT_TRUE(kept(self->mem, 0, NR_PAGES));
	variant->release();
}

TEST_F(pin, held_page_is_eagain_to_addresses_too)
{
	int fd = vm_create_guest_memfd(self->vm, SIZE, GMEM_MAPPABLE);
	char *mem = gmem_map(fd, 0, SIZE);

	memset(mem, 'x', SIZE);
	ASSERT_EQ(0, gmem_bind(self->vm, SLOT, GPA, SIZE, fd, 0, NULL));
	ASSERT_EQ(0, gmem_bind(self->vm, SLOT + 1, GPA + SIZE, SIZE, self->fd,
			       0, NULL));
	ASSERT_EQ(0, variant->hold(self->mem + HELD * PAGE_SIZE,
				   NR_HELD * PAGE_SIZE));
	EXPECT_EQ(EAGAIN, gmem_convert_gpa(self->vm, GPA, 2 * SIZE,
					   GMEM_PRIVATE));
	EXPECT_TRUE(gmem_is_filled(mem, SIZE, 'x'));
	EXPECT_TRUE(kept(self->mem, 0, NR_PAGES));
	variant->release();
	EXPECT_EQ(0, gmem_convert_gpa(self->vm, GPA, 2 * SIZE, GMEM_PRIVATE));
	EXPECT_TRUE(all_private(mem, 0, NR_PAGES));
	EXPECT_TRUE(all_private(self->mem, 0, NR_PAGES));
}

/* A hole takes the page out of the file: who holds it holds nothing of it. */
TEST_F(pin, hole_under_a_held_page)
{
	ASSERT_EQ(0, variant->hold(self->mem + HELD * PAGE_SIZE,
				   NR_HELD * PAGE_SIZE));
	ASSERT_EQ(0, gmem_punch(self->fd, HELD * PAGE_SIZE,
				NR_HELD * PAGE_SIZE));
	EXPECT_RESULT(0, GMEM_UNWRITTEN,
		      convert(self->fd, 0, NR_PAGES, GMEM_PRIVATE));
	EXPECT_TRUE(all_private(self->mem, 0, NR_PAGES));
	variant->release();
	EXPECT_RESULT(0, GMEM_UNWRITTEN,
		      convert(self->fd, 0, NR_PAGES, GMEM_SHARED));
	EXPECT_TRUE(gmem_is_filled(self->mem + HELD * PAGE_SIZE,
				   NR_HELD * PAGE_SIZE, 0));
	EXPECT_TRUE(kept(self->mem, 0, HELD));
}

TEST_F(pin, held_by_another_process)
{
	int ready[2], done[2], status;
	pid_t child;
	char byte;

	ASSERT_EQ(0, pipe(ready));
	ASSERT_EQ(0, pipe(done));
	child = fork();
	if (!child) {
		TEST_ASSERT(!variant->hold(self->mem + HELD * PAGE_SIZE,
					   PAGE_SIZE), "hold");
		TEST_ASSERT(write(ready[1], "r", 1) == 1, "write()");
		TEST_ASSERT(read(done[0], &byte, 1) == 1, "read()");
		variant->release();
		_exit(0);
	}
	close(ready[1]);
	ASSERT_EQ(1, read(ready[0], &byte, 1));
	EXPECT_RESULT(EAGAIN, HELD * PAGE_SIZE,
		      convert(self->fd, 0, NR_PAGES, GMEM_PRIVATE));
	EXPECT_TRUE(kept(self->mem, 0, NR_PAGES));
	ASSERT_EQ(1, write(done[1], "d", 1));
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_RESULT(0, GMEM_UNWRITTEN,
		      convert(self->fd, 0, NR_PAGES, GMEM_PRIVATE));
}

TEST_F(pin, private_page_cannot_be_held)
{
	EXPECT_RESULT(0, GMEM_UNWRITTEN,
		      convert(self->fd, HELD, 1, GMEM_PRIVATE));
	EXPECT_EQ(EFAULT, variant->hold(self->mem + HELD * PAGE_SIZE,
					PAGE_SIZE));
	EXPECT_RESULT(0, GMEM_UNWRITTEN,
		      convert(self->fd, 0, NR_PAGES, GMEM_PRIVATE));
	EXPECT_RESULT(0, GMEM_UNWRITTEN,
		      convert(self->fd, 0, NR_PAGES, GMEM_SHARED));
	EXPECT_TRUE(kept(self->mem, 0, NR_PAGES));
}

int main(int argc, char *argv[])
{
	gmem_keep_kvm_on();

	return test_harness_run(argc, argv);
}
