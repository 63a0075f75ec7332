// SPDX-License-Identifier: GPL-2.0-only
/* Memory that has a file, but none with a name. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/dma-heap.h>
#include <linux/memfd.h>
#include <linux/udmabuf.h>

#include "matrix.h"
#include "record.h"
#include "region.h"
#include "thing.h"

#define HUGE_SIZE (2UL << 20)
#define FILE_SIZE (4 * PAGE + 123)

static void run_memfd(const void *argument)
{
	struct target target = { .size = FILE_SIZE, .contents = true,
				 .write = true };

	(void)argument;
	target.fd = memfd_create("ab", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (record_error("create", target.fd) < 0)
		return;
	record_error("fill", thing_fill(target.fd, FILE_SIZE));
	matrix_run(&target);
	target.label = "sealed against future writes";
	record_error("seal", fcntl(target.fd, F_ADD_SEALS,
				   F_SEAL_FUTURE_WRITE));
	target.write = false;
	matrix_run(&target);
	target.label = "sealed against writes";
	record_error("seal", fcntl(target.fd, F_ADD_SEALS, F_SEAL_WRITE));
	matrix_run(&target);
	target.label = "no exec";
	target.fd = memfd_create("ab", MFD_CLOEXEC | MFD_NOEXEC_SEAL);
	record_error("fill", thing_fill(target.fd, FILE_SIZE));
	matrix_few(&target);
}

static void run_memfd_huge(const void *argument)
{
	struct target target = { .size = HUGE_SIZE, .contents = true,
				 .write = true, .whole = true };

	(void)argument;
	target.fd = memfd_create("ab", MFD_CLOEXEC | MFD_HUGETLB);
	if (record_error("create", target.fd) < 0)
		return;
	record_error("resize", ftruncate(target.fd, 2 * HUGE_SIZE));
	matrix_run(&target);
}

static void run_secretmem(const void *argument)
{
	struct target target = { .size = 4 * PAGE, .contents = true,
				 .write = true };

	(void)argument;
	target.fd = syscall(SYS_memfd_secret, 0);
	if (record_error("create", target.fd) < 0)
		return;
	record_error("resize", ftruncate(target.fd, 4 * PAGE));
	matrix_run(&target);
}

static void run_zero(const void *argument)
{
	struct target target = { .size = 4 * PAGE, .contents = true,
				 .write = true };

	(void)argument;
	target.fd = thing_open("/dev/zero", O_RDWR);
	matrix_run(&target);
	target.label = "read only";
	target.fd = thing_open("/dev/zero", O_RDONLY);
	matrix_few(&target);
}

/* SysV memory is mapped by shmat(), which goes through the file's hook. */
static void attach(const char *operation, int id, char *where, int flags)
{
	char text[2000], *got = shmat(id, where, flags);
	unsigned int sum = 0;
	int number;

	if (got == (void *)-1) {
		record(operation, "%s", strerrorname_np(errno));
		return;
	}
	number = region_read(got, &sum);
	region_describe(got, 16 * PAGE, 0, text, sizeof(text));
	record(operation, "ok %s, %s, sum %08x", text, region_signal(number),
	       sum);
}

static void record_attached(const char *operation, int id)
{
	struct shmid_ds status;

	if (shmctl(id, IPC_STAT, &status))
		record(operation, "%s", strerrorname_np(errno));
	else
		record(operation, "%lu attached", status.shm_nattch);
}

static void run_sysv(const void *argument)
{
	const int flags = argument ? SHM_HUGETLB : 0;
	const size_t size = argument ? HUGE_SIZE : 4 * PAGE;
	char *const at = (char *)0x180000000000UL;
	int id = shmget(IPC_PRIVATE, size, IPC_CREAT | 0600 | flags);

	if (record_error("create", id) < 0)
		return;
	attach("attach", id, at, 0);
	record_attached("attached once", id);
	attach("attach read only", id, at + 4 * size, SHM_RDONLY);
	attach("attach to execute", id, at + 8 * size, SHM_EXEC);
	attach("attach over the first", id, at, SHM_REMAP);
	attach("attach over nothing", id, at, 0);
	attach("attach unaligned", id, at + 16 * size + 1, 0);
	attach("attach rounded", id, at + 16 * size + 1, SHM_RND);
	record_attached("attached often", id);
	record_error("write", region_write(at, 3) ? -1 : 0);
	record_error("unmap a page", munmap(at, size / 2));
	record_attached("attached after a split", id);
	record_error("move", mremap(at + 4 * size, size, size,
				    MREMAP_MAYMOVE | MREMAP_FIXED,
				    at + 32 * size) == MAP_FAILED ? -1 : 0);
	record_attached("attached after a move", id);
	if (!fork()) {
		record_attached("attached in a child", id);
		_exit(0);
	}
	usleep(50000);
	record_error("detach", shmdt(at + 32 * size));
	record_error("detach again", shmdt(at + 32 * size));
	record_attached("attached in the end", id);
	record_error("remove", shmctl(id, IPC_RMID, NULL));
	attach("attach what is removed", id, at + 64 * size, 0);
	record_error("detach the rest", shmdt(at + 8 * size));
}

static void run_dma_heap(const void *argument)
{
	struct dma_heap_allocation_data data = {
		.len = 4 * PAGE, .fd_flags = O_RDWR | O_CLOEXEC };
	struct target target = { .size = 4 * PAGE, .contents = true,
				 .write = true };
	int heap = thing_open("/dev/dma_heap/system", O_RDWR);

	(void)argument;
	if (record_error("allocate",
			 ioctl(heap, DMA_HEAP_IOCTL_ALLOC, &data)) < 0)
		return;
	target.fd = data.fd;
	matrix_run(&target);
}

static void run_udmabuf(const void *argument)
{
	int memfd = memfd_create("ab", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct udmabuf_create create = {
		.memfd = memfd, .flags = UDMABUF_FLAGS_CLOEXEC,
		.size = 4 * PAGE };
	struct target target = { .size = 4 * PAGE, .contents = true,
				 .write = true };
	int device = thing_open("/dev/udmabuf", O_RDWR);

	(void)argument;
	thing_fill(memfd, 4 * PAGE);
	fcntl(memfd, F_ADD_SEALS, F_SEAL_SHRINK);
	target.fd = ioctl(device, UDMABUF_CREATE, &create);
	if (record_error("create", target.fd) < 0)
		return;
	matrix_run(&target);
}

const struct thing memory_things[] = {
	{ "memfd", run_memfd, NULL },
	{ "memfd-huge", run_memfd_huge, NULL },
	{ "secretmem", run_secretmem, NULL },
	{ "zero", run_zero, NULL },
	{ "sysv-shm", run_sysv, NULL },
	{ "sysv-shm-huge", run_sysv, "huge" },
	{ "dma-heap", run_dma_heap, NULL },
	{ "udmabuf", run_udmabuf, NULL },
	{ }
};
