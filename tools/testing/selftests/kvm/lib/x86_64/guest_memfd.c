// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <linux/falloc.h>
#include <linux/mman.h>

#include "guest_memfd.h"

#define TRACEFS		"/sys/kernel/debug/tracing"
#define TRACE_LINES	400

/* Where an access continues after it raised a signal; NULL outside of one. */
static __thread sigjmp_buf *resume;
static __thread struct gmem_access raised;

int gmem_open(const char *path, int flags)
{
	int fd = open(path, flags);

	TEST_ASSERT(fd >= 0, __KVM_SYSCALL_ERROR(path, fd));

	return fd;
}

void gmem_keep_kvm_on(void)
{
	int kvm = gmem_open(KVM_DEV_PATH, O_RDWR);

	TEST_ASSERT(ioctl(kvm, KVM_CREATE_VM, KVM_X86_DEFAULT_VM) >= 0,
		    __KVM_IOCTL_ERROR("KVM_CREATE_VM", -1));
	close(kvm);
}

/* Print the last lines of the trace, and stop it: no test goes on after that. */
static void show_trace(void)
{
	static char lines[TRACE_LINES][256];
	size_t nr = 0, i;
	FILE *trace;
	int fd;

	fd = open(TRACEFS "/tracing_on", O_WRONLY);
	if (fd < 0 || write(fd, "0", 1) != 1)
		return;
	close(fd);

	trace = fopen(TRACEFS "/trace", "r");
	if (!trace)
		return;
	while (fgets(lines[nr % TRACE_LINES], sizeof(lines[0]), trace))
		nr++;
	fclose(trace);
	for (i = nr > TRACE_LINES ? nr - TRACE_LINES : 0; i < nr; i++)
		fputs(lines[i % TRACE_LINES], stderr);
}

void gmem_show_shutdown(struct kvm_vcpu *vcpu)
{
	fprintf(stderr, "vCPU %u has shut down\n", vcpu->id);
	vcpu_dump(stderr, vcpu, 0);
	show_trace();
}

struct kvm_vm *gmem_vm(unsigned long type)
{
	return vm_create_barebones_type(type);
}

void *gmem_map(int fd, uint64_t offset, size_t size)
{
	void *address = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			     offset);

	TEST_ASSERT(address != MAP_FAILED, __KVM_SYSCALL_ERROR("mmap()", -1));

	return address;
}

int gmem_bind(struct kvm_vm *vm, uint32_t slot, uint64_t gpa, uint64_t size,
	      int fd, uint64_t offset, void *hva)
{
	struct kvm_userspace_memory_region2 region = {
		.slot = slot,
		.flags = KVM_MEM_GUEST_MEMFD,
		.guest_phys_addr = gpa,
		.memory_size = size,
		.userspace_addr = (uintptr_t)hva,
		.guest_memfd = fd,
		.guest_memfd_offset = offset,
	};

	return __vm_ioctl(vm, KVM_SET_USER_MEMORY_REGION2, &region) ? errno : 0;
}

struct gmem_result
gmem_set_attributes(int fd, struct kvm_memory_attributes2 *attributes)
{
	struct gmem_result result = {};

	if (ioctl(fd, KVM_SET_MEMORY_ATTRIBUTES2, attributes))
		result.error = errno;
	result.offset = attributes->error_offset;

	return result;
}

struct gmem_result gmem_convert(int fd, uint64_t offset, uint64_t size,
				uint64_t attributes)
{
	struct kvm_memory_attributes2 argument = {
		.offset = offset,
		.size = size,
		.attributes = attributes,
		.error_offset = GMEM_UNWRITTEN,
	};

	return gmem_set_attributes(fd, &argument);
}

int gmem_convert_gpa(struct kvm_vm *vm, uint64_t gpa, uint64_t size,
		     uint64_t attributes)
{
	struct kvm_memory_attributes argument = {
		.address = gpa,
		.size = size,
		.attributes = attributes,
	};

	return __vm_ioctl(vm, KVM_SET_MEMORY_ATTRIBUTES, &argument) ? errno : 0;
}

static void note_signal(int signal, siginfo_t *info, void *context)
{
	raised = (struct gmem_access) {
		.signal = signal,
		.code = info->si_code,
		.address = info->si_addr,
	};
	if (!resume)
		_exit(128 + signal);
	siglongjmp(*resume, 1);
}

static void catch_signals(void)
{
	struct sigaction action = {
		.sa_sigaction = note_signal,
		.sa_flags = SA_SIGINFO,
	};

	TEST_ASSERT(!sigaction(SIGBUS, &action, NULL), "sigaction()");
	TEST_ASSERT(!sigaction(SIGSEGV, &action, NULL), "sigaction()");
}

static struct gmem_access attempt(uint8_t *address, int value)
{
	sigjmp_buf here;

	catch_signals();
	raised = (struct gmem_access) {};
	if (!sigsetjmp(here, 1)) {
		WRITE_ONCE(resume, &here);
		if (value < 0)
			(void)READ_ONCE(*address);
		else
			WRITE_ONCE(*address, value);
	}
	WRITE_ONCE(resume, NULL);

	return raised;
}

struct gmem_access gmem_read(const void *address)
{
	return attempt((uint8_t *)address, -1);
}

struct gmem_access gmem_write(void *address, uint8_t value)
{
	return attempt(address, value);
}

bool gmem_is_shared(const void *address)
{
	struct gmem_access access = gmem_read(address);

	TEST_ASSERT(!access.signal || access.signal == SIGBUS,
		    "read of %p raised signal %d", address, access.signal);

	return !access.signal;
}

bool gmem_is_filled(const void *at, size_t size, uint8_t value)
{
	const uint64_t *word = at, *end = at + size;
	uint64_t expected = 0x0101010101010101ULL * value;

	while (word < end && *word == expected)
		word++;

	return word == end;
}

size_t gmem_pages_mapped(const void *address, size_t nr_pages)
{
	int fd = gmem_open("/proc/self/pagemap", O_RDONLY);
	size_t i, mapped = 0;
	uint64_t entry;

	for (i = 0; i < nr_pages; i++) {
		off_t at = ((uintptr_t)address / PAGE_SIZE + i) * sizeof(entry);

		TEST_ASSERT(pread(fd, &entry, sizeof(entry), at) ==
			    sizeof(entry), "read of pagemap");
		mapped += entry >> 63;
	}
	close(fd);

	return mapped;
}

size_t gmem_pages_allocated(int fd, size_t first, size_t nr_pages)
{
	struct cachestat_range range = {
		.off = first * PAGE_SIZE,
		.len = nr_pages * PAGE_SIZE,
	};
	struct cachestat cachestat = {};

	TEST_ASSERT(!syscall(__NR_cachestat, fd, &range, &cachestat, 0),
		    __KVM_SYSCALL_ERROR("cachestat()", -1));

	return cachestat.nr_cache;
}

int gmem_punch(int fd, uint64_t offset, uint64_t size)
{
	if (fallocate(fd, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, offset,
		      size))
		return errno;

	return 0;
}

static void let_signal_pass(int signal)
{
}

int gmem_poison(void *address)
{
	int error;

	TEST_ASSERT(signal(SIGBUS, let_signal_pass) != SIG_ERR, "signal()");
	error = madvise(address, PAGE_SIZE, MADV_HWPOISON) ? errno : 0;
	TEST_ASSERT(signal(SIGBUS, SIG_DFL) != SIG_ERR, "signal()");

	/* The page is poisoned, but has not been taken out of the file. */
	return error == EBUSY ? 0 : error;
}
