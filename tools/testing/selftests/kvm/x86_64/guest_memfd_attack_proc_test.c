// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tries to reach private pages of a guest_memfd from other processes, and from
 * this one by the ways that are made to look at other processes.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/mman.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gmem_attack.h"

#define RW	(PROT_READ | PROT_WRITE)

/* ---- a process that copies pages when it is told to ---- */

enum order {
	ORDER_READ,
	ORDER_WRITE,
	ORDER_CONVERT,
};

/**
 * struct helper - another process with a mapping of the file.
 * @pid: the process.
 * @orders: pipe by which it is told what to do.
 * @results: pipe by which it tells what came of it.
 * @sockets: a pair, to send it the file.
 * @mem: where the mapping is in that process.
 * @buf: a page that both have.
 */
static struct helper {
	pid_t pid;
	int orders[2];
	int results[2];
	int sockets[2];
	uint64_t *mem;
	void *buf;
} helper;

struct request {
	enum order order;
	unsigned int page;
};

static int helper_do(struct gmem_oracle *o, uint64_t *mem, int fd,
		     const struct request *request)
{
	uint64_t *words = mem + request->page * GMEM_PAGE_WORDS;

	switch (request->order) {
	case ORDER_READ:
		return gmem_copy(helper.buf, words);
	case ORDER_WRITE:
		return gmem_copy(words, helper.buf);
	case ORDER_CONVERT:
		return gmem_try_set(fd, request->page * PAGE_SIZE, PAGE_SIZE,
				    false, NULL);
	}
	return -EINVAL;
}

/* @get_fd: how the helper gets the file; NULL: it inherits the mapping. */
static void __noreturn helper_main(struct gmem_oracle *o,
				   int (*get_fd)(struct gmem_oracle *o))
{
	struct request request;
	uint64_t *mem = o->mem;
	int fd = o->fd;
	int ret;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close(helper.orders[1]);
	if (get_fd) {
		munmap(o->mem, o->pages * PAGE_SIZE);
		close(o->fd);
		fd = get_fd(o);
		mem = mmap(NULL, o->pages * PAGE_SIZE, RW, MAP_SHARED, fd, 0);
		if (fd < 0 || mem == MAP_FAILED)
			_exit(1);
	}
	if (write(helper.results[1], &mem, sizeof(mem)) != sizeof(mem))
		_exit(1);
	while (read(helper.orders[0], &request, sizeof(request)) ==
	       sizeof(request)) {
		ret = helper_do(o, mem, fd, &request);
		if (write(helper.results[1], &ret, sizeof(ret)) != sizeof(ret))
			_exit(1);
	}
	_exit(0);
}

static int send_fd(int fd)
{
	char space[CMSG_SPACE(sizeof(fd))] = { };
	struct iovec byte = { "x", 1 };
	struct msghdr message = {
		.msg_iov = &byte,
		.msg_iovlen = 1,
		.msg_control = space,
		.msg_controllen = sizeof(space),
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	return sendmsg(helper.sockets[0], &message, 0) == 1 ? 0 : -errno;
}

static int receive_fd(struct gmem_oracle *o)
{
	char space[CMSG_SPACE(sizeof(int))] = { };
	char byte;
	struct iovec where = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &where,
		.msg_iovlen = 1,
		.msg_control = space,
		.msg_controllen = sizeof(space),
	};
	struct cmsghdr *header;
	int fd;

	if (recvmsg(helper.sockets[1], &message, 0) != 1)
		return -1;
	header = CMSG_FIRSTHDR(&message);
	if (!header || header->cmsg_type != SCM_RIGHTS)
		return -1;
	memcpy(&fd, CMSG_DATA(header), sizeof(fd));
	return fd;
}

static int steal_fd(struct gmem_oracle *o)
{
	int pidfd = syscall(SYS_pidfd_open, getppid(), 0);

	return syscall(SYS_pidfd_getfd, pidfd, o->fd, 0);
}

static int helper_start(struct gmem_oracle *o,
			int (*get_fd)(struct gmem_oracle *o))
{
	helper.buf = mmap(NULL, PAGE_SIZE, RW, MAP_SHARED | MAP_ANONYMOUS, -1,
			  0);
	if (helper.buf == MAP_FAILED || pipe(helper.orders) ||
	    pipe(helper.results))
		return -errno;
	if (get_fd == receive_fd &&
	    socketpair(AF_UNIX, SOCK_STREAM, 0, helper.sockets))
		return -errno;
	helper.pid = fork();
	if (helper.pid < 0)
		return -errno;
	if (!helper.pid)
		helper_main(o, get_fd);
	close(helper.orders[0]);
	close(helper.results[1]);
	if (get_fd == receive_fd && send_fd(o->fd))
		return -errno;
	if (read(helper.results[0], &helper.mem, sizeof(helper.mem)) !=
	    sizeof(helper.mem))
		return -ECHILD;
	return 0;
}

static int helper_ask(enum order order, unsigned int page)
{
	struct request request = { order, page };
	int ret;

	if (write(helper.orders[1], &request, sizeof(request)) !=
	    sizeof(request))
		return -EPIPE;
	if (read(helper.results[0], &ret, sizeof(ret)) != sizeof(ret))
		return -EPIPE;
	return ret;
}

static void helper_stop(struct gmem_oracle *o)
{
	close(helper.orders[1]);
	close(helper.results[0]);
	if (helper.sockets[0]) {
		close(helper.sockets[0]);
		close(helper.sockets[1]);
		helper.sockets[0] = 0;
	}
	kill(helper.pid, SIGKILL);
	waitpid(helper.pid, NULL, 0);
	munmap(helper.buf, PAGE_SIZE);
}

static int fork_open(struct gmem_oracle *o)
{
	return helper_start(o, NULL);
}

static int socket_open(struct gmem_oracle *o)
{
	return helper_start(o, receive_fd);
}

static int pidfd_open_helper(struct gmem_oracle *o)
{
	return helper_start(o, steal_fd);
}

static int helper_read(struct gmem_oracle *o, unsigned int page, void *buf)
{
	int ret;

	memset(helper.buf, 0, PAGE_SIZE);
	ret = helper_ask(ORDER_READ, page);
	memcpy(buf, helper.buf, PAGE_SIZE);
	return ret;
}

static int helper_write(struct gmem_oracle *o, unsigned int page,
			const void *buf)
{
	memcpy(helper.buf, buf, PAGE_SIZE);
	return helper_ask(ORDER_WRITE, page);
}

/* A child is made for each attempt: its page tables are young. */
static int young_read(struct gmem_oracle *o, unsigned int page, void *buf)
{
	int ret = helper_start(o, NULL);

	if (!ret) {
		ret = helper_read(o, page, buf);
		helper_stop(o);
	}
	return ret;
}

/* ---- process_vm_readv() and process_vm_writev() ---- */

static int vm_copy(pid_t pid, void *remote, void *buf, bool write)
{
	struct iovec ours = { buf, PAGE_SIZE };
	struct iovec theirs = { remote, PAGE_SIZE };
	ssize_t ret;

	if (write)
		ret = process_vm_writev(pid, &ours, 1, &theirs, 1, 0);
	else
		ret = process_vm_readv(pid, &ours, 1, &theirs, 1, 0);
	return ret < 0 ? -errno : ret;
}

static int own_vm_read(struct gmem_oracle *o, unsigned int page, void *buf)
{
	return vm_copy(getpid(), gmem_page_addr(o, page), buf, false);
}

static int own_vm_write(struct gmem_oracle *o, unsigned int page,
			const void *buf)
{
	return vm_copy(getpid(), gmem_page_addr(o, page), (void *)buf, true);
}

static void *helper_addr(unsigned int page)
{
	return helper.mem + page * GMEM_PAGE_WORDS;
}

static int helper_vm_read(struct gmem_oracle *o, unsigned int page, void *buf)
{
	return vm_copy(helper.pid, helper_addr(page), buf, false);
}

static int helper_vm_write(struct gmem_oracle *o, unsigned int page,
			   const void *buf)
{
	return vm_copy(helper.pid, helper_addr(page), (void *)buf, true);
}

/* ---- /proc/PID/mem ---- */

static int mem_fd = -1;

static int own_mem_open(struct gmem_oracle *o)
{
	mem_fd = open("/proc/self/mem", O_RDWR);
	return mem_fd < 0 ? -errno : 0;
}

static int helper_mem_open(struct gmem_oracle *o)
{
	char path[64];
	int ret = fork_open(o);

	if (ret)
		return ret;
	snprintf(path, sizeof(path), "/proc/%d/mem", helper.pid);
	mem_fd = open(path, O_RDWR);
	return mem_fd < 0 ? -errno : 0;
}

static int mem_read(struct gmem_oracle *o, unsigned int page, void *buf)
{
	ssize_t ret = pread(mem_fd, buf, PAGE_SIZE,
			    (uintptr_t)gmem_page_addr(o, page));

	return ret < 0 ? -errno : ret;
}

static int mem_write(struct gmem_oracle *o, unsigned int page, const void *buf)
{
	ssize_t ret = pwrite(mem_fd, buf, PAGE_SIZE,
			     (uintptr_t)gmem_page_addr(o, page));

	return ret < 0 ? -errno : ret;
}

static void own_mem_close(struct gmem_oracle *o)
{
	close(mem_fd);
}

static void helper_mem_close(struct gmem_oracle *o)
{
	close(mem_fd);
	helper_stop(o);
}

/* ---- ptrace ---- */

static int trace_open(struct gmem_oracle *o)
{
	int ret = fork_open(o);

	if (ret)
		return ret;
	if (ptrace(PTRACE_ATTACH, helper.pid, NULL, NULL))
		return -errno;
	return waitpid(helper.pid, NULL, 0) == helper.pid ? 0 : -errno;
}

static int peek_read(struct gmem_oracle *o, unsigned int page, void *buf)
{
	uint64_t *words = buf;
	int i;

	for (i = 0; i < 8; i++) {
		errno = 0;
		words[i] = ptrace(PTRACE_PEEKDATA, helper.pid,
				  gmem_page_addr(o, page) + i, NULL);
		if (errno) {
			words[i] = 0;
			return -errno;
		}
	}
	return 8 * sizeof(*words);
}

static int poke_write(struct gmem_oracle *o, unsigned int page, const void *buf)
{
	const uint64_t *words = buf;

	if (ptrace(PTRACE_POKEDATA, helper.pid, gmem_page_addr(o, page),
		   words[0]))
		return -errno;
	return sizeof(*words);
}

/* ---- more handles of the file or the mapping ---- */

static int path_copy(const char *path, unsigned int page, uint64_t offset,
		     void *buf)
{
	int fd = open(path, O_RDWR);
	uint64_t *mem;
	int ret;

	if (fd < 0)
		return -errno;
	mem = mmap(NULL, PAGE_SIZE, RW, MAP_SHARED, fd, offset);
	ret = mem == MAP_FAILED ? -errno : gmem_copy(buf, mem);
	if (mem != MAP_FAILED)
		munmap(mem, PAGE_SIZE);
	close(fd);
	return ret;
}

static int reopen_read(struct gmem_oracle *o, unsigned int page, void *buf)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", o->fd);
	return path_copy(path, page, page * PAGE_SIZE, buf);
}

static int map_files_read(struct gmem_oracle *o, unsigned int page, void *buf)
{
	char path[80];

	snprintf(path, sizeof(path), "/proc/self/map_files/%lx-%lx",
		 (uintptr_t)o->mem,
		 (uintptr_t)gmem_page_addr(o, o->pages));
	return path_copy(path, page, page * PAGE_SIZE, buf);
}

static int advise_helper(unsigned int page, int advice)
{
	int pidfd = syscall(SYS_pidfd_open, helper.pid, 0);
	struct iovec range = { helper_addr(page), PAGE_SIZE };
	int ret = syscall(SYS_process_madvise, pidfd, &range, 1, advice, 0);

	ret = ret < 0 ? -errno : ret;
	close(pidfd);
	return ret;
}

static int advised_read(struct gmem_oracle *o, unsigned int page, void *buf)
{
	int ret = advise_helper(page, MADV_COLD);

	if (ret > 0)
		ret = advise_helper(page, MADV_PAGEOUT);
	return ret > 0 ? helper_read(o, page, buf) : ret;
}

static int collapsed_read(struct gmem_oracle *o, unsigned int page, void *buf)
{
	int ret = advise_helper(page, MADV_COLLAPSE);

	return ret > 0 ? helper_read(o, page, buf) : ret;
}

static int undumpable_open(struct gmem_oracle *o)
{
	if (prctl(PR_SET_DUMPABLE, 0))
		return -errno;
	return helper_mem_open(o);
}

static void undumpable_close(struct gmem_oracle *o)
{
	prctl(PR_SET_DUMPABLE, 1);
	helper_mem_close(o);
}

/* ---- core dumps ---- */

#define CORE_DIR	"/tmp"
#define CORE_PATTERN	"/proc/sys/kernel/core_pattern"

/**
 * struct core - what is in a core file.
 * @file_bytes: bytes of it that are of the mapping.
 * @secrets: words that are the guest's secrets.
 * @host_words: words of the host's, seen in the bytes of the mapping.
 * @size: its size.
 */
struct core {
	unsigned long file_bytes;
	unsigned long secrets;
	unsigned long host_words;
	unsigned long size;
};

/* Where the segments come from the file's offset tells the word's place. */
static void look_at_segment(struct gmem_oracle *o, const char *file,
			    const Elf64_Phdr *segment, struct core *core)
{
	const uint64_t *words = (const void *)(file + segment->p_offset);
	uint64_t begin = (uintptr_t)o->mem;
	uint64_t addr, i;

	for (i = 0; i + 1 < segment->p_filesz / sizeof(*words); i++) {
		addr = segment->p_vaddr + i * sizeof(*words);
		/* One word alone may be a constant of our code. */
		if (GMEM_KIND(words[i]) == GMEM_SECRET &&
		    words[i + 1] == words[i] + 1)
			core->secrets++;
		if (addr < begin || addr >= begin + o->pages * PAGE_SIZE)
			continue;
		core->file_bytes += sizeof(*words);
		core->host_words += GMEM_KIND(words[i]) == GMEM_HOST;
	}
}

static int look_at_core(struct gmem_oracle *o, const char *path,
			struct core *core)
{
	const Elf64_Phdr *segments;
	const Elf64_Ehdr *header;
	struct stat status;
	char *file;
	int fd, i;

	fd = open(path, O_RDONLY);
	if (fd < 0 || fstat(fd, &status))
		return -errno;
	file = mmap(NULL, status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (file == MAP_FAILED)
		return -errno;
	core->size = status.st_size;
	header = (const void *)file;
	segments = (const void *)(file + header->e_phoff);
	for (i = 0; i < header->e_phnum; i++)
		if (segments[i].p_type == PT_LOAD)
			look_at_segment(o, file, &segments[i], core);
	munmap(file, status.st_size);
	return 0;
}

/*
 * The child keeps little but the mapping: the core would have the memory of the
 * guest's own kernel, too, and take its time.
 */
static void __noreturn die_with_core(struct gmem_oracle *o, bool want_dump)
{
	struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };
	uint64_t word;
	int i;

	setrlimit(RLIMIT_CORE, &limit);
	signal(SIGABRT, SIG_DFL);
	prctl(PR_SET_DUMPABLE, 1);
	i = open("/proc/self/coredump_filter", O_WRONLY);
	if (i < 0 || write(i, "0x1ff", 5) != 5)
		_exit(1);
	for (i = 0; i < o->pages; i++)
		gmem_guarded(word = READ_ONCE(*gmem_page_addr(o, i)));
	(void)word;
	if (want_dump && madvise(o->mem, o->pages * PAGE_SIZE, MADV_DODUMP))
		_exit(2);
	abort();
}

static int dump_core(struct gmem_oracle *o, bool want_dump, struct core *core)
{
	char path[64];
	int status, ret;
	pid_t pid;

	pid = fork();
	if (pid < 0)
		return -errno;
	if (!pid)
		die_with_core(o, want_dump);
	waitpid(pid, &status, 0);
	if (WIFEXITED(status))
		return WEXITSTATUS(status) == 2 ? -EPERM : -EIO;
	if (!WCOREDUMP(status))
		return -ENODATA;
	snprintf(path, sizeof(path), CORE_DIR "/gmem-core.%d", pid);
	ret = look_at_core(o, path, core);
	unlink(path);
	return ret;
}

static bool set_core_pattern(const char *pattern, char *old, int size)
{
	int fd = open(CORE_PATTERN, O_RDWR);
	ssize_t len;

	if (fd < 0)
		return false;
	if (old) {
		len = read(fd, old, size - 1);
		old[len < 0 ? 0 : len] = 0;
	}
	len = pwrite(fd, pattern, strlen(pattern), 0);
	close(fd);
	return len == strlen(pattern);
}

static bool check_core(struct gmem_oracle *o, bool want_dump)
{
	struct core core = { };
	char old[256];
	int i, ret = 0;

	mkdir(CORE_DIR, 0777);
	if (!set_core_pattern(CORE_DIR "/gmem-core.%p", old, sizeof(old))) {
		ksft_print_msg("  cannot set " CORE_PATTERN "\n");
		return false;
	}
	for (i = 0; i < GMEM_PAGE_WORDS; i++)
		WRITE_ONCE(gmem_page_addr(o, GMEM_PAGE_SHARED)[i],
			   GMEM_WORD(GMEM_HOST, i));
	for (i = 0; i < 2 && !ret; i++)
		ret = dump_core(o, want_dump, &core);
	set_core_pattern(old, NULL, 0);
	if (ret == -EPERM && want_dump) {
		ksft_print_msg("  MADV_DODUMP is refused\n");
		return true;
	}
	if (ret) {
		ksft_print_msg("  no core: %s\n", strerror(-ret));
		return false;
	}
	ksft_print_msg("  %d cores, %lu bytes the last\n", i, core.size);
	ksft_print_msg("  of the mapping %lu bytes, %lu words of the host's\n",
		       core.file_bytes, core.host_words);
	ksft_print_msg("  secrets %lu\n", core.secrets);
	if (core.secrets)
		return false;
	return want_dump ? core.host_words > 0 : !core.file_bytes;
}

static bool check_core_default(struct gmem_oracle *o)
{
	return check_core(o, false);
}

static bool check_core_dodump(struct gmem_oracle *o)
{
	return check_core(o, true);
}

/* Only the VM's own process may give its pages away. */
static bool check_convert_elsewhere(struct gmem_oracle *o,
				    int (*get_fd)(struct gmem_oracle *o))
{
	unsigned long tried = 0, refused = 0;
	int ret = helper_start(o, get_fd);
	int i;

	if (ret) {
		ksft_print_msg("  no helper: %s\n", strerror(-ret));
		return false;
	}
	for (i = 0; i < 10 * o->pages; i++) {
		ret = helper_ask(ORDER_CONVERT, i % o->pages);
		tried++;
		refused += ret == -EIO;
	}
	helper_stop(o);
	ksft_print_msg("  %lu attempts, %lu refused with EIO\n", tried,
		       refused);
	return refused == tried;
}

static bool check_convert_child(struct gmem_oracle *o)
{
	return check_convert_elsewhere(o, NULL);
}

static bool check_convert_other(struct gmem_oracle *o)
{
	return check_convert_elsewhere(o, receive_fd);
}

static const struct gmem_path paths[] = {
	{ "fork: the child's mapping", 0, fork_open, helper_read, helper_write,
	  helper_stop },
	{ "fork: a child for each attempt", 0, NULL, young_read },
	{ "file sent to another process", 0, socket_open, helper_read,
	  helper_write, helper_stop },
	{ "file taken by pidfd_getfd", 0, pidfd_open_helper, helper_read,
	  helper_write, helper_stop },
	{ "process_vm_readv/writev, itself", 0, NULL, own_vm_read,
	  own_vm_write },
	{ "process_vm_readv/writev, a child", 0, fork_open, helper_vm_read,
	  helper_vm_write, helper_stop },
	{ "/proc/self/mem", 0, own_mem_open, mem_read, mem_write,
	  own_mem_close },
	{ "/proc/PID/mem", 0, helper_mem_open, mem_read, mem_write,
	  helper_mem_close },
	{ "PR_SET_DUMPABLE 0 and /proc/PID/mem", 0, undumpable_open, mem_read,
	  mem_write, undumpable_close },
	{ "ptrace PEEK and POKE", 0, trace_open, peek_read, poke_write,
	  helper_stop },
	{ "process_madvise COLD and PAGEOUT", 0, fork_open, advised_read,
	  .close = helper_stop },
	{ "process_madvise COLLAPSE", GMEM_NEVER, fork_open, collapsed_read,
	  .close = helper_stop },
	{ "/proc/self/fd reopened", GMEM_NEVER, NULL, reopen_read },
	{ "/proc/self/map_files reopened", GMEM_NEVER, NULL, map_files_read },
	{ }
};

static const struct gmem_check checks[] = {
	{ "core dump", check_core_default },
	{ "core dump, MADV_DODUMP", check_core_dodump },
	{ "conversion by a child", check_convert_child },
	{ "conversion by who was sent the file", check_convert_other },
	{ }
};

int main(int argc, char *argv[])
{
	gmem_attack_main(argc, argv, paths, checks, NULL);
}
