// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tries to reach private pages of a guest_memfd by having the kernel copy
 * them, or hold them while they are converted: system calls, pipes, io_uring,
 * direct I/O, and pins.
 */
#include <errno.h>
#include <fcntl.h>
/* The one in tools/include/linux lacks what io_uring.h needs. */
#include <uapi/linux/stddef.h>
#include <linux/io_uring.h>
#include <linux/memfd.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "gmem_attack.h"
#include "../../../../../mm/gup_test.h"

#define RW		(PROT_READ | PROT_WRITE)

static int result(ssize_t ret)
{
	return ret < 0 ? -errno : ret;
}

/* So long that the guest has tried to convert the page meanwhile, maybe. */
static void hold(struct gmem_oracle *o, unsigned int page)
{
	if (page >= GMEM_PAGE_CHURN)
		gmem_oracle_settle(o);
}

/* ---- the file itself is neither read nor written ---- */

static int file_read(struct gmem_oracle *o, unsigned int page, void *buf)
{
	return result(pread(o->fd, buf, PAGE_SIZE, page * PAGE_SIZE));
}

static int file_write(struct gmem_oracle *o, unsigned int page, const void *buf)
{
	return result(pwrite(o->fd, buf, PAGE_SIZE, page * PAGE_SIZE));
}

static int file_preadv(struct gmem_oracle *o, unsigned int page, void *buf)
{
	struct iovec where = { buf, PAGE_SIZE };

	return result(preadv2(o->fd, &where, 1, page * PAGE_SIZE, RWF_NOWAIT));
}

/* ---- a pipe and a file to copy by ---- */

static int pipe_fds[2] = { -1, -1 };
static int copy_fd = -1;

static int copy_open(struct gmem_oracle *o)
{
	copy_fd = syscall(SYS_memfd_create, "copy", MFD_CLOEXEC);
	if (copy_fd < 0 || ftruncate(copy_fd, PAGE_SIZE) ||
	    pipe2(pipe_fds, O_NONBLOCK))
		return -errno;
	return 0;
}

static void copy_close(struct gmem_oracle *o)
{
	close(copy_fd);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}

/* What an attempt that failed has left in the pipe is of no use to the next. */
static void drain_pipe(void *buf)
{
	while (read(pipe_fds[0], buf, PAGE_SIZE) > 0)
		;
}

static int from_pipe(void *buf)
{
	ssize_t ret = result(read(pipe_fds[0], buf, PAGE_SIZE));
	char rest[512];

	while (read(pipe_fds[0], rest, sizeof(rest)) > 0)
		;
	return ret;
}

static int splice_read(struct gmem_oracle *o, unsigned int page, void *buf)
{
	loff_t offset = page * PAGE_SIZE;
	ssize_t ret = splice(o->fd, &offset, pipe_fds[1], NULL, PAGE_SIZE,
			     SPLICE_F_NONBLOCK);

	return ret < 0 ? -errno : from_pipe(buf);
}

static int splice_write(struct gmem_oracle *o, unsigned int page,
			const void *buf)
{
	loff_t offset = page * PAGE_SIZE;
	char rest[PAGE_SIZE];
	ssize_t ret;

	if (write(pipe_fds[1], buf, PAGE_SIZE) != PAGE_SIZE)
		return -errno;
	ret = result(splice(pipe_fds[0], NULL, o->fd, &offset, PAGE_SIZE,
			    SPLICE_F_NONBLOCK));
	drain_pipe(rest);
	return ret;
}

static int sendfile_read(struct gmem_oracle *o, unsigned int page, void *buf)
{
	off_t offset = page * PAGE_SIZE;
	ssize_t ret = sendfile(copy_fd, o->fd, &offset, PAGE_SIZE);

	if (ret < 0)
		return -errno;
	return result(pread(copy_fd, buf, PAGE_SIZE, 0));
}

static int copy_range_read(struct gmem_oracle *o, unsigned int page, void *buf)
{
	loff_t from = page * PAGE_SIZE, to = 0;
	ssize_t ret = copy_file_range(o->fd, &from, copy_fd, &to, PAGE_SIZE, 0);

	if (ret < 0)
		return -errno;
	return result(pread(copy_fd, buf, PAGE_SIZE, 0));
}

/* ---- system calls that copy from and to user memory ---- */

static int call_read(struct gmem_oracle *o, unsigned int page, void *buf)
{
	ssize_t ret = pwrite(copy_fd, gmem_page_addr(o, page), PAGE_SIZE, 0);

	if (ret < 0)
		return -errno;
	return result(pread(copy_fd, buf, PAGE_SIZE, 0));
}

static int call_write(struct gmem_oracle *o, unsigned int page, const void *buf)
{
	if (pwrite(copy_fd, buf, PAGE_SIZE, 0) != PAGE_SIZE)
		return -errno;
	return result(pread(copy_fd, gmem_page_addr(o, page), PAGE_SIZE, 0));
}

static int pipe_read(struct gmem_oracle *o, unsigned int page, void *buf)
{
	ssize_t ret = write(pipe_fds[1], gmem_page_addr(o, page), PAGE_SIZE);

	return ret < 0 ? -errno : from_pipe(buf);
}

static int pipe_write(struct gmem_oracle *o, unsigned int page, const void *buf)
{
	char rest[PAGE_SIZE];
	ssize_t ret;

	if (write(pipe_fds[1], buf, PAGE_SIZE) != PAGE_SIZE)
		return -errno;
	ret = result(read(pipe_fds[0], gmem_page_addr(o, page), PAGE_SIZE));
	drain_pipe(rest);
	return ret;
}

/* ---- pages in pipes ---- */

static ssize_t page_to_pipe(struct gmem_oracle *o, unsigned int page, int flags)
{
	struct iovec where = { gmem_page_addr(o, page), PAGE_SIZE };

	return result(vmsplice(pipe_fds[1], &where, 1,
			       SPLICE_F_NONBLOCK | flags));
}

static int vmsplice_read(struct gmem_oracle *o, unsigned int page, void *buf)
{
	ssize_t ret = page_to_pipe(o, page, 0);

	return ret < 0 ? ret : from_pipe(buf);
}

static int held_vmsplice_read(struct gmem_oracle *o, unsigned int page,
			      void *buf)
{
	ssize_t ret = page_to_pipe(o, page, 0);

	if (ret < 0)
		return ret;
	hold(o, page);
	return from_pipe(buf);
}

/* The copy in the second pipe holds the page after the first let go. */
static int tee_read(struct gmem_oracle *o, unsigned int page, void *buf)
{
	ssize_t ret = page_to_pipe(o, page, 0);
	uint64_t rest[GMEM_PAGE_WORDS];
	int second[2];

	if (ret < 0)
		return ret;
	if (pipe2(second, O_NONBLOCK))
		return -errno;
	ret = result(tee(pipe_fds[0], second[1], PAGE_SIZE, 0));
	from_pipe(rest);
	hold(o, page);
	if (ret > 0)
		ret = result(read(second[0], buf, PAGE_SIZE));
	close(second[0]);
	close(second[1]);
	if (gmem_find_secret(rest, sizeof(rest)))
		memcpy(buf, rest, PAGE_SIZE);
	return ret;
}

/* A gift may be taken into another file's page cache. */
static int gift_read(struct gmem_oracle *o, unsigned int page, void *buf)
{
	ssize_t ret = page_to_pipe(o, page, SPLICE_F_GIFT);
	loff_t start = 0;

	if (ret < 0)
		return ret;
	ret = result(splice(pipe_fds[0], NULL, copy_fd, &start, PAGE_SIZE,
			    SPLICE_F_MOVE));
	hold(o, page);
	if (ret > 0)
		ret = result(pread(copy_fd, buf, PAGE_SIZE, 0));
	return ret;
}

static int vmsplice_write(struct gmem_oracle *o, unsigned int page,
			  const void *buf)
{
	struct iovec where = { gmem_page_addr(o, page), PAGE_SIZE };
	char rest[PAGE_SIZE];
	ssize_t ret;

	if (write(pipe_fds[1], buf, PAGE_SIZE) != PAGE_SIZE)
		return -errno;
	ret = result(vmsplice(pipe_fds[0], &where, 1, SPLICE_F_NONBLOCK));
	drain_pipe(rest);
	return ret;
}

/* ---- io_uring ---- */

static struct {
	int fd;
	struct io_uring_params params;
	char *rings;
	struct io_uring_sqe *sqes;
} ring = { .fd = -1 };

static int ring_open(struct gmem_oracle *o)
{
	size_t size;
	int ret = copy_open(o);

	if (ret)
		return ret;
	memset(&ring.params, 0, sizeof(ring.params));
	ring.fd = syscall(SYS_io_uring_setup, 4, &ring.params);
	if (ring.fd < 0)
		return -errno;
	if (!(ring.params.features & IORING_FEAT_SINGLE_MMAP))
		return -EOPNOTSUPP;
	size = ring.params.cq_off.cqes +
	       ring.params.cq_entries * sizeof(struct io_uring_cqe);
	ring.rings = mmap(NULL, size, RW, MAP_SHARED | MAP_POPULATE, ring.fd,
			  IORING_OFF_SQ_RING);
	ring.sqes = mmap(NULL, ring.params.sq_entries * sizeof(*ring.sqes), RW,
			 MAP_SHARED | MAP_POPULATE, ring.fd, IORING_OFF_SQES);
	if (ring.rings == MAP_FAILED || ring.sqes == MAP_FAILED)
		return -errno;
	return 0;
}

static void ring_close(struct gmem_oracle *o)
{
	munmap(ring.rings, ring.params.cq_off.cqes +
	       ring.params.cq_entries * sizeof(struct io_uring_cqe));
	munmap(ring.sqes, ring.params.sq_entries * sizeof(*ring.sqes));
	close(ring.fd);
	copy_close(o);
}

static uint32_t *ring_word(uint32_t offset)
{
	return (uint32_t *)(ring.rings + offset);
}

/* One operation, waited for: its result. */
static int ring_do(int opcode, int fd, void *addr, uint64_t offset)
{
	uint32_t *tail = ring_word(ring.params.sq_off.tail);
	uint32_t slot = *tail & *ring_word(ring.params.sq_off.ring_mask);
	uint32_t *head = ring_word(ring.params.cq_off.head);
	struct io_uring_cqe *cqes;
	int ret;

	ring.sqes[slot] = (struct io_uring_sqe) {
		.opcode = opcode,
		.fd = fd,
		.addr = (uintptr_t)addr,
		.len = PAGE_SIZE,
		.off = offset,
	};
	ring_word(ring.params.sq_off.array)[slot] = slot;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	ret = syscall(SYS_io_uring_enter, ring.fd, 1, 1,
		      IORING_ENTER_GETEVENTS, NULL, 0);
	if (ret != 1)
		return ret < 0 ? -errno : -EIO;
	if (__atomic_load_n(ring_word(ring.params.cq_off.tail),
			    __ATOMIC_ACQUIRE) == *head)
		return -EIO;
	cqes = (void *)(ring.rings + ring.params.cq_off.cqes);
	ret = cqes[*head & *ring_word(ring.params.cq_off.ring_mask)].res;
	__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
	return ret;
}

static int ring_register(void *addr)
{
	struct iovec where = { addr, PAGE_SIZE };

	return result(syscall(SYS_io_uring_register, ring.fd,
			      IORING_REGISTER_BUFFERS, &where, 1));
}

static void ring_unregister(void)
{
	syscall(SYS_io_uring_register, ring.fd, IORING_UNREGISTER_BUFFERS,
		NULL, 0);
}

static int ring_read(struct gmem_oracle *o, unsigned int page, void *buf)
{
	int ret = ring_do(IORING_OP_WRITE, copy_fd, gmem_page_addr(o, page), 0);

	return ret < 0 ? ret : result(pread(copy_fd, buf, PAGE_SIZE, 0));
}

static int ring_write(struct gmem_oracle *o, unsigned int page, const void *buf)
{
	if (pwrite(copy_fd, buf, PAGE_SIZE, 0) != PAGE_SIZE)
		return -errno;
	return ring_do(IORING_OP_READ, copy_fd, gmem_page_addr(o, page), 0);
}

/* Reads the file, without a mapping. */
static int ring_file_read(struct gmem_oracle *o, unsigned int page, void *buf)
{
	return ring_do(IORING_OP_READ, o->fd, buf, page * PAGE_SIZE);
}

static int fixed_copy(struct gmem_oracle *o, unsigned int page, int opcode)
{
	void *addr = gmem_page_addr(o, page);
	int ret = ring_register(addr);

	if (ret)
		return ret;
	hold(o, page);
	ret = ring_do(opcode, copy_fd, addr, 0);
	ring_unregister();
	return ret;
}

static int fixed_read(struct gmem_oracle *o, unsigned int page, void *buf)
{
	int ret = fixed_copy(o, page, IORING_OP_WRITE_FIXED);

	return ret < 0 ? ret : result(pread(copy_fd, buf, PAGE_SIZE, 0));
}

static int fixed_write(struct gmem_oracle *o, unsigned int page,
		       const void *buf)
{
	if (pwrite(copy_fd, buf, PAGE_SIZE, 0) != PAGE_SIZE)
		return -errno;
	return fixed_copy(o, page, IORING_OP_READ_FIXED);
}

/* ---- direct I/O: a device that takes its time ---- */

#define CONFIGFS	"/sys/kernel/config"
#define NULLB		CONFIGFS "/nullb/gmem"

static int disk_fd = -1;

static int set_attribute(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY);
	int ret;

	if (fd < 0)
		return -errno;
	ret = write(fd, value, strlen(value)) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

/* Where the device's name comes from: the number that it was given. */
static int open_disk(void)
{
	char path[32], index[16] = "";
	int fd = open(NULLB "/index", O_RDONLY);

	if (fd < 0 || read(fd, index, sizeof(index) - 1) <= 0)
		return -errno;
	close(fd);
	/* Named after its directory, or after its number. */
	fd = open("/dev/gmem", O_RDWR | O_DIRECT);
	if (fd >= 0)
		return fd;
	snprintf(path, sizeof(path), "/dev/nullb%d", atoi(index));
	fd = open(path, O_RDWR | O_DIRECT);
	return fd < 0 ? -errno : fd;
}

static int disk_open(struct gmem_oracle *o)
{
	static const char *const settings[][2] = {
		{ NULLB "/memory_backed", "1" },
		{ NULLB "/size", "1" },
		{ NULLB "/blocksize", "4096" },
		{ NULLB "/irqmode", "2" },
		{ NULLB "/completion_nsec", "3000000" },
		{ NULLB "/power", "1" },
	};
	int ret, i;

	mount("configfs", CONFIGFS, "configfs", 0, NULL);
	if (mkdir(NULLB, 0755))
		return -errno;
	for (i = 0; i < ARRAY_SIZE(settings); i++) {
		ret = set_attribute(settings[i][0], settings[i][1]);
		if (ret)
			return ret;
	}
	disk_fd = open_disk();
	return disk_fd < 0 ? disk_fd : 0;
}

static void disk_close(struct gmem_oracle *o)
{
	close(disk_fd);
	set_attribute(NULLB "/power", "0");
	rmdir(NULLB);
}

static int direct_read(struct gmem_oracle *o, unsigned int page, void *buf)
{
	ssize_t ret = pwrite(disk_fd, gmem_page_addr(o, page), PAGE_SIZE, 0);

	return ret < 0 ? -errno : result(pread(disk_fd, buf, PAGE_SIZE, 0));
}

static int direct_write(struct gmem_oracle *o, unsigned int page,
			const void *buf)
{
	if (pwrite(disk_fd, buf, PAGE_SIZE, 0) != PAGE_SIZE)
		return -errno;
	return result(pread(disk_fd, gmem_page_addr(o, page), PAGE_SIZE, 0));
}

/* ---- pins ---- */

#define GUP_TEST	"/sys/kernel/debug/gup_test"

static int gup_fd = -1;

static int gup_open(struct gmem_oracle *o)
{
	mount("debugfs", "/sys/kernel/debug", "debugfs", 0, NULL);
	gup_fd = open(GUP_TEST, O_RDWR);
	return gup_fd < 0 ? -errno : 0;
}

static void gup_close(struct gmem_oracle *o)
{
	close(gup_fd);
}

static int gup_start(void *addr, unsigned int flags)
{
	struct pin_longterm_test pin = {
		.addr = (uintptr_t)addr,
		.size = PAGE_SIZE,
		.flags = flags,
	};

	return result(ioctl(gup_fd, PIN_LONGTERM_TEST_START, &pin));
}

/* Reads from the pinned page, whatever the page tables say by then. */
static int pinned_read(struct gmem_oracle *o, unsigned int page, void *buf,
		       unsigned int flags)
{
	uint64_t to = (uintptr_t)buf;
	int ret = gup_start(gmem_page_addr(o, page), flags);

	if (ret)
		return ret;
	hold(o, page);
	ret = result(ioctl(gup_fd, PIN_LONGTERM_TEST_READ, &to));
	ioctl(gup_fd, PIN_LONGTERM_TEST_STOP);
	return ret ?: PAGE_SIZE;
}

static int gup_read(struct gmem_oracle *o, unsigned int page, void *buf)
{
	return pinned_read(o, page, buf, PIN_LONGTERM_TEST_FLAG_USE_WRITE);
}

/* Fast GUP walks the page tables without a lock: they have to be filled. */
static int fast_gup_read(struct gmem_oracle *o, unsigned int page, void *buf)
{
	uint64_t word;

	gmem_guarded(word = READ_ONCE(*gmem_page_addr(o, page)));
	(void)word;
	return pinned_read(o, page, buf, PIN_LONGTERM_TEST_FLAG_USE_WRITE |
			   PIN_LONGTERM_TEST_FLAG_USE_FAST);
}

static int fast_gup_readonly(struct gmem_oracle *o, unsigned int page,
			     void *buf)
{
	return pinned_read(o, page, buf, PIN_LONGTERM_TEST_FLAG_USE_FAST);
}

/* ---- what is held cannot become private ---- */

static int convert_host_page(struct gmem_oracle *o, bool private,
			     uint64_t *where)
{
	return gmem_try_set(o->fd, GMEM_PAGE_HOST * PAGE_SIZE, PAGE_SIZE,
			    private, where);
}

/* @take and @release are of a page; between them a conversion must fail. */
static bool check_held(struct gmem_oracle *o, int (*take)(struct gmem_oracle *),
		       void (*release)(struct gmem_oracle *))
{
	unsigned long busy = 0, freed = 0;
	uint64_t where = 0;
	int ret, i;

	for (i = 0; i < 10; i++) {
		ret = take(o);
		if (ret < 0) {
			ksft_print_msg("  cannot hold it: %s\n",
				       strerror(-ret));
			return false;
		}
		ret = convert_host_page(o, true, &where);
		busy += ret == -EAGAIN && where == GMEM_PAGE_HOST * PAGE_SIZE;
		/* It is as it was: shared. */
		ret = gmem_copy(gmem_page_addr(o, GMEM_PAGE_HOST),
				gmem_page_addr(o, GMEM_PAGE_SHARED));
		if (ret < 0)
			ksft_print_msg("  it was shared, and is not\n");
		release(o);
		ret = convert_host_page(o, true, &where);
		freed += !ret;
		ret = convert_host_page(o, false, &where);
		if (ret)
			ksft_print_msg("  back to shared: %s\n",
				       strerror(-ret));
	}
	ksft_print_msg("  %d times held, %lu refused with EAGAIN, %lu converted after it\n",
		       i, busy, freed);
	return busy == i && freed == i;
}

static int hold_by_pipe(struct gmem_oracle *o)
{
	return page_to_pipe(o, GMEM_PAGE_HOST, 0);
}

static void release_pipe(struct gmem_oracle *o)
{
	uint64_t buf[GMEM_PAGE_WORDS];

	from_pipe(buf);
}

static int hold_by_pin(struct gmem_oracle *o)
{
	return gup_start(gmem_page_addr(o, GMEM_PAGE_HOST),
			 PIN_LONGTERM_TEST_FLAG_USE_WRITE);
}

static void release_pin(struct gmem_oracle *o)
{
	ioctl(gup_fd, PIN_LONGTERM_TEST_STOP);
}

static int hold_by_ring(struct gmem_oracle *o)
{
	return ring_register(gmem_page_addr(o, GMEM_PAGE_HOST));
}

static void release_ring(struct gmem_oracle *o)
{
	ring_unregister();
}

static bool check_held_after(struct gmem_oracle *o,
			     int (*open)(struct gmem_oracle *),
			     void (*close)(struct gmem_oracle *),
			     int (*take)(struct gmem_oracle *),
			     void (*release)(struct gmem_oracle *))
{
	int ret = open(o);
	bool good;

	if (ret) {
		ksft_print_msg("  cannot begin: %s\n", strerror(-ret));
		return false;
	}
	good = check_held(o, take, release);
	close(o);
	return good;
}

static bool check_pipe(struct gmem_oracle *o)
{
	return check_held_after(o, copy_open, copy_close, hold_by_pipe,
				release_pipe);
}

static bool check_pin(struct gmem_oracle *o)
{
	return check_held_after(o, gup_open, gup_close, hold_by_pin,
				release_pin);
}

static bool check_ring(struct gmem_oracle *o)
{
	return check_held_after(o, ring_open, ring_close, hold_by_ring,
				release_ring);
}

static const struct gmem_path paths[] = {
	{ "pread, pwrite", GMEM_NEVER, NULL, file_read, file_write },
	{ "preadv2", GMEM_NEVER, NULL, file_preadv },
	{ "splice from and to the file", GMEM_NEVER, copy_open, splice_read,
	  splice_write, copy_close },
	{ "sendfile", GMEM_NEVER, copy_open, sendfile_read,
	  .close = copy_close },
	{ "copy_file_range", GMEM_NEVER, copy_open, copy_range_read,
	  .close = copy_close },
	{ "io_uring READ of the file", GMEM_NEVER, ring_open, ring_file_read,
	  .close = ring_close },
	{ "buffer of read() and write()", 0, copy_open, call_read, call_write,
	  copy_close },
	{ "buffer of a pipe", 0, copy_open, pipe_read, pipe_write, copy_close },
	{ "vmsplice", 0, copy_open, vmsplice_read, vmsplice_write, copy_close },
	{ "vmsplice, held", 0, copy_open, held_vmsplice_read,
	  .close = copy_close },
	{ "vmsplice and tee, held", 0, copy_open, tee_read,
	  .close = copy_close },
	{ "vmsplice GIFT and splice MOVE", 0, copy_open, gift_read,
	  .close = copy_close },
	{ "buffer of io_uring", 0, ring_open, ring_read, ring_write,
	  ring_close },
	{ "registered buffer of io_uring", 0, ring_open, fixed_read,
	  fixed_write, ring_close },
	{ "O_DIRECT", 0, disk_open, direct_read, direct_write, disk_close },
	{ "pin", 0, gup_open, gup_read, .close = gup_close },
	{ "pin, fast", 0, gup_open, fast_gup_read, .close = gup_close },
	{ "pin, fast and for reading", 0, gup_open, fast_gup_readonly,
	  .close = gup_close },
	{ }
};

static const struct gmem_check checks[] = {
	{ "conversion of a page in a pipe", check_pipe },
	{ "conversion of a pinned page", check_pin },
	{ "conversion of a registered buffer", check_ring },
	{ }
};

int main(int argc, char *argv[])
{
	gmem_attack_main(argc, argv, paths, checks, NULL);
}
