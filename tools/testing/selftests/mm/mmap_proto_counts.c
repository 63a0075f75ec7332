// SPDX-License-Identifier: GPL-2.0-only
/*
 * Segments of System V shared memory, rings of packet sockets and BPF maps count
 * their mappings, and say how many there are, or act upon it. Map them, fail to
 * map them after their hook was asked, fork, unmap a part: the count must be
 * that of the mappings that exist.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../kselftest.h"

#define RW (PROT_READ | PROT_WRITE)
#define NR_PAGES 4UL

#ifndef BPF_MAP_TYPE_ARENA
#define BPF_MAP_TYPE_ARENA 33
#endif

static size_t page_size;
static size_t size;

/* What a test needs and this machine has not got. */
static const char *missing;

static bool failed;

static bool check(bool condition, const char *text, int line)
{
	if (!condition) {
		ksft_print_msg("line %d: %s, errno %d\n", line, text, errno);
		failed = true;
	}

	return condition;
}

#define CHECK(condition) check(condition, #condition, __LINE__)

/*
 * Make the next mapping fail, or not: the size of the address space is checked
 * with the flags that the hook leaves, after it was called.
 */
static void limit_address_space(bool limit)
{
	struct rlimit now;

	getrlimit(RLIMIT_AS, &now);
	now.rlim_cur = limit ? page_size : now.rlim_max;
	setrlimit(RLIMIT_AS, &now);
}

/* A mapping that fails with ENOMEM. */
static bool fails_to_map(int fd, int prot)
{
	void *mapped;
	int error;

	limit_address_space(true);
	mapped = mmap(NULL, size, prot, MAP_SHARED, fd, 0);
	error = errno;
	limit_address_space(false);

	return mapped == MAP_FAILED && error == ENOMEM;
}

static long attaches(int id)
{
	struct shmid_ds ds;

	return shmctl(id, IPC_STAT, &ds) ? -1 : (long)ds.shm_nattch;
}

static bool child_sees(int id, long count)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(attaches(id) == count ? 0 : 1);

	return waitpid(pid, &status, 0) == pid && !status;
}

static void test_shm(void)
{
	int id = shmget(IPC_PRIVATE, size, IPC_CREAT | 0600);
	char *at, *other;

	if (!CHECK(id >= 0))
		return;
	at = shmat(id, NULL, 0);
	if (!CHECK(at != (void *)-1))
		return;
	CHECK(attaches(id) == 1);
	at[0] = 42;

	limit_address_space(true);
	other = shmat(id, NULL, 0);
	limit_address_space(false);
	CHECK(other == (void *)-1 && errno == ENOMEM);
	CHECK(attaches(id) == 1);

	other = shmat(id, NULL, SHM_RDONLY);
	if (!CHECK(other != (void *)-1 && other[0] == 42))
		return;
	CHECK(attaches(id) == 2);
	CHECK(child_sees(id, 4));
	CHECK(attaches(id) == 2);

	/* Over itself, and in two halves. */
	CHECK(shmat(id, at, SHM_REMAP) == at && at[0] == 42);
	CHECK(attaches(id) == 2);
	CHECK(!munmap(at + page_size, page_size));
	CHECK(attaches(id) == 3);
	CHECK(!shmdt(at));
	CHECK(!shmdt(other));
	CHECK(attaches(id) == 0);
	CHECK(!shmctl(id, IPC_RMID, NULL));
}

/* The last attach of a removed segment is replaced by another of the same. */
static void test_shm_gone(void)
{
	int id = shmget(IPC_PRIVATE, size, IPC_CREAT | 0600);
	char *at = shmat(id, NULL, 0);

	if (!CHECK(at != (void *)-1))
		return;
	CHECK(!shmctl(id, IPC_RMID, NULL));
	CHECK(attaches(id) == 1);
	/* It maps the file once more, after the only attach is closed. */
	CHECK(syscall(SYS_remap_file_pages, at, size, 0, 1, 0) == -1);
	CHECK(attaches(id) == -1);
	munmap(at, size);
}

static int packet_socket(void)
{
	struct tpacket_req req = {
		.tp_block_size = page_size,
		.tp_block_nr = NR_PAGES,
		.tp_frame_size = page_size,
		.tp_frame_nr = NR_PAGES,
	};
	int fd = socket(AF_PACKET, SOCK_RAW, 0);

	if (fd >= 0 && setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &req,
				  sizeof(req))) {
		close(fd);
		return -1;
	}

	return fd;
}

/* Rings can be given back as long as nobody has mapped them. */
static bool is_mapped(int fd)
{
	struct tpacket_req none = { };

	return setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &none,
			  sizeof(none)) && errno == EBUSY;
}

static void test_packet(void)
{
	int fd = packet_socket();
	char *ring;
	int i;

	if (fd < 0) {
		missing = "packet sockets";
		return;
	}
	CHECK(mmap(NULL, size / 2, RW, MAP_SHARED, fd, 0) == MAP_FAILED &&
	      errno == EINVAL);
	ring = mmap(NULL, size, RW, MAP_SHARED, fd, 0);
	if (!CHECK(ring != MAP_FAILED))
		return;
	for (i = 0; i < (int)NR_PAGES; i++)
		ring[i * page_size] = i;
	CHECK(is_mapped(fd));

	/* Over itself. */
	CHECK(mmap(ring, size, RW, MAP_SHARED | MAP_FIXED, fd, 0) == ring);
	CHECK(is_mapped(fd));
	for (i = 0; i < (int)NR_PAGES; i++)
		CHECK(ring[i * page_size] == i);

	CHECK(!munmap(ring + page_size, page_size));
	CHECK(!munmap(ring, page_size));
	CHECK(is_mapped(fd));
	CHECK(!munmap(ring + 2 * page_size, 2 * page_size));
	CHECK(!is_mapped(fd));
	close(fd);
}

static void test_packet_fails(void)
{
	int fd = packet_socket();

	if (fd < 0) {
		missing = "packet sockets";
		return;
	}
	CHECK(fails_to_map(fd, RW));
	CHECK(!is_mapped(fd));
	/* The rings are gone. */
	CHECK(mmap(NULL, size, RW, MAP_SHARED, fd, 0) == MAP_FAILED &&
	      errno == EINVAL);
	close(fd);
}

static int create_map(int type, int entries, int value_size, int flags)
{
	union bpf_attr attr = {
		.map_type = type,
		.key_size = type == BPF_MAP_TYPE_ARRAY ? 4 : 0,
		.value_size = value_size,
		.max_entries = entries,
		.map_flags = flags,
	};

	return syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr));
}

static int freeze(int fd)
{
	union bpf_attr attr = { .map_fd = fd };

	return syscall(SYS_bpf, BPF_MAP_FREEZE, &attr, sizeof(attr));
}

/* A map cannot be frozen as long as it can be written through a mapping. */
static void test_bpf_array(void)
{
	int fd = create_map(BPF_MAP_TYPE_ARRAY, 1, size, BPF_F_MMAPABLE);
	char *at, *reads;

	if (fd < 0) {
		missing = "bpf()";
		return;
	}
	CHECK(fails_to_map(fd, RW));
	at = mmap(NULL, size, RW, MAP_SHARED, fd, 0);
	if (!CHECK(at != MAP_FAILED))
		return;
	at[0] = 42;
	CHECK(freeze(fd) == -1 && errno == EBUSY);
	CHECK(mmap(at, size, RW, MAP_SHARED | MAP_FIXED, fd, 0) == at);
	CHECK(!munmap(at + page_size, page_size));
	CHECK(!munmap(at, page_size));
	CHECK(freeze(fd) == -1 && errno == EBUSY);
	CHECK(!munmap(at + 2 * page_size, 2 * page_size));

	reads = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	if (!CHECK(reads != MAP_FAILED && reads[0] == 42))
		return;
	CHECK(mprotect(reads, size, RW) == -1 && errno == EACCES);
	CHECK(!freeze(fd));
	CHECK(mmap(NULL, size, RW, MAP_SHARED, fd, 0) == MAP_FAILED &&
	      errno == EPERM);
	CHECK(mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED &&
	      errno == EINVAL);
	CHECK(mmap(NULL, 2 * size, PROT_READ, MAP_SHARED, fd, 0) ==
	      MAP_FAILED && errno == EINVAL);
	munmap(reads, size);
	close(fd);
}

/* The first mapping of an arena settles where it is. */
static void test_bpf_arena(void)
{
	int fd = create_map(BPF_MAP_TYPE_ARENA, NR_PAGES, 0, BPF_F_MMAPABLE);
	char *at;

	if (fd < 0) {
		missing = "arenas";
		return;
	}
	/* One that fails settles nothing. */
	CHECK(fails_to_map(fd, RW));
	at = mmap(NULL, size, RW, MAP_SHARED, fd, 0);
	if (!CHECK(at != MAP_FAILED))
		return;
	at[0] = 42;
	at[size - 1] = 43;
	CHECK(mmap(NULL, size, RW, MAP_SHARED, fd, 0) == MAP_FAILED &&
	      errno == EINVAL);
	CHECK(munmap(at, page_size) == -1 && errno == EINVAL);
	CHECK(mmap(at, size, RW, MAP_SHARED | MAP_FIXED, fd, 0) == at);
	CHECK(at[0] == 42 && at[size - 1] == 43);
	CHECK(!munmap(at, size));
	CHECK(mmap(at, size, RW, MAP_SHARED | MAP_FIXED, fd, 0) == at);
	CHECK(at[0] == 42);
	munmap(at, size);
	close(fd);
}

/* Who may read and write a ring of records, and who may not. */
static void test_bpf_ringbuf(void)
{
	int fd = create_map(BPF_MAP_TYPE_RINGBUF, page_size, 0, 0);
	void *at;

	if (fd < 0) {
		missing = "ring buffers of BPF";
		return;
	}
	at = mmap(NULL, page_size, RW, MAP_SHARED, fd, 0);
	if (!CHECK(at != MAP_FAILED))
		return;
	CHECK(freeze(fd) == -1 && errno == EBUSY);
	munmap(at, page_size);
	CHECK(mmap(NULL, page_size, RW, MAP_SHARED, fd, page_size) ==
	      MAP_FAILED && errno == EPERM);
	at = mmap(NULL, 3 * page_size, PROT_READ, MAP_SHARED, fd, page_size);
	CHECK(at != MAP_FAILED && *(unsigned long *)at == 0);
	munmap(at, 3 * page_size);
	CHECK(!freeze(fd));
	close(fd);
}

/* Received data is mapped later; a socket of another protocol has none. */
static void test_tcp(void)
{
	int tcp = socket(AF_INET, SOCK_STREAM, 0);
	int udp = socket(AF_INET, SOCK_DGRAM, 0);
	void *at;

	if (tcp < 0 || udp < 0) {
		missing = "sockets of IP";
		return;
	}
	at = mmap(NULL, size, PROT_READ, MAP_SHARED, tcp, 0);
	if (!CHECK(at != MAP_FAILED))
		return;
	CHECK(mprotect(at, size, RW) == -1 && errno == EACCES);
	munmap(at, size);
	CHECK(mmap(NULL, size, RW, MAP_SHARED, tcp, 0) == MAP_FAILED &&
	      errno == EPERM);
	CHECK(mmap(NULL, size, PROT_READ, MAP_SHARED, udp, 0) == MAP_FAILED &&
	      errno == ENODEV);
	close(tcp);
	close(udp);
}

static const struct {
	const char *name;
	void (*run)(void);
} tests[] = {
	{ "shared memory counts its attaches", test_shm },
	{ "shared memory that is gone is not attached", test_shm_gone },
	{ "rings of a packet socket stay while mapped", test_packet },
	{ "rings of a packet socket go when mmap() fails", test_packet_fails },
	{ "a BPF array is not frozen while written", test_bpf_array },
	{ "a BPF arena is where it is mapped first", test_bpf_arena },
	{ "a BPF ring buffer is protected", test_bpf_ringbuf },
	{ "sockets of TCP can be mapped to read", test_tcp },
};

int main(void)
{
	unsigned int i;

	page_size = sysconf(_SC_PAGESIZE);
	size = NR_PAGES * page_size;

	ksft_print_header();
	ksft_set_plan(ARRAY_SIZE(tests));
	for (i = 0; i < ARRAY_SIZE(tests); i++) {
		missing = NULL;
		failed = false;
		tests[i].run();
		if (failed)
			ksft_test_result_fail("%s\n", tests[i].name);
		else if (missing)
			ksft_test_result_skip("%s: no %s\n", tests[i].name,
					      missing);
		else
			ksft_test_result_pass("%s\n", tests[i].name);
	}

	ksft_finished();
}
