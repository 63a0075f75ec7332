// SPDX-License-Identifier: GPL-2.0-only
/*
 * A small VMM that keeps all memory of its guest in one guest_memfd, which it
 * maps once: it can read and write what the guest shares, and nothing else.
 * The guest converts ranges by hypercall. See
 * Documentation/virt/kvm/guest_memfd.rst.
 *
 * It runs the same guest twice: in a software-protected VM, whose memory is
 * private until it is shared, and in an ordinary VM, where all of it is shared.
 *
 * Exit status: 0 if all went as it should, 1 if not, 4 if this machine or its
 * kernel cannot do it.
 */
#define _GNU_SOURCE
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <linux/kvm_para.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "guest_memfd_vmm.h"

#define PAGE 4096
#define EXIT_UNSUPPORTED 4
/* How often, and how long apart, a conversion is tried that is refused. */
#define TRIES 10
#define PAUSE_US 1000

#define say(format, ...) printf(format "\n", ##__VA_ARGS__)
/* Say why it ends here. */
#define die(format, ...) do { \
	say("Result: FAILED: " format, ##__VA_ARGS__); \
	exit(EXIT_FAILURE); \
} while (0)
#define unsupported(format, ...) do { \
	say("Result: this cannot run here: " format, ##__VA_ARGS__); \
	exit(EXIT_UNSUPPORTED); \
} while (0)

static_assert(HC_MAP_GPA_RANGE == KVM_HC_MAP_GPA_RANGE, "hypercall");
static_assert(HC_PRIVATE == KVM_MAP_GPA_RANGE_ENCRYPTED, "hypercall");
static_assert(HC_UNSUPPORTED == -KVM_EOPNOTSUPP, "hypercall");

struct entry {
	__u32 what;
	__u32 value;
};

/*
 * In shared memory: the other side can change anything at any time, so each
 * thing is read once.
 */
struct ring {
	__u32 head;
	__u32 unused;
	struct entry entries[RING_ENTRIES];
};

static_assert(sizeof(struct ring) == RING_FIRST + 8 * RING_ENTRIES, "ring");

/**
 * struct vm - a VM, and what this VMM knows about it.
 * @protected: it has private memory.
 * @kvm: /dev/kvm.
 * @fd: the VM.
 * @memory: the guest_memfd with all of the guest's memory.
 * @map: the one mapping of @memory.
 * @vcpu: the one vCPU.
 * @run: what @vcpu shares with us.
 * @run_size: of that, in bytes.
 * @taken: how many entries of the guest's ring have been taken.
 * @io: a pipe that holds a page of the buffer; -1 while there is none.
 * @sum: of the buffer, with our answer in it.
 */
struct vm {
	bool protected;
	int kvm;
	int fd;
	int memory;
	char *map;
	int vcpu;
	struct kvm_run *run;
	int run_size;
	__u32 taken;
	int io[2];
	__u32 sum;
};

static void need(bool good, const char *what)
{
	if (!good)
		die("%s: %s", what, strerror(errno));
}

/* ---- what becomes of an access to private memory -------------------------- */

static sigjmp_buf after_sigbus;
static bool sigbus_expected;
static void *sigbus_address;

static void on_sigbus(int signal, siginfo_t *info, void *context)
{
	static const char text[] = "Result: FAILED: unexpected SIGBUS\n";

	if (__atomic_load_n(&sigbus_expected, __ATOMIC_RELAXED)) {
		sigbus_address = info->si_addr;
		siglongjmp(after_sigbus, 1);
	}
	/* The guest has made private what it had promised to share. */
	if (write(STDOUT_FILENO, text, sizeof(text) - 1) < 0)
		_exit(EXIT_FAILURE);
	_exit(EXIT_FAILURE);
}

/* Can this process read the byte at this address, or is it a SIGBUS? */
static bool readable(const char *address)
{
	if (sigsetjmp(after_sigbus, 1)) {
		sigbus_expected = false;
		if (sigbus_address != address)
			die("SIGBUS at %p instead of %p", sigbus_address,
			    address);
		return false;
	}
	__atomic_store_n(&sigbus_expected, true, __ATOMIC_SEQ_CST);
	__atomic_load_n(address, __ATOMIC_SEQ_CST);
	__atomic_store_n(&sigbus_expected, false, __ATOMIC_SEQ_CST);

	return true;
}

/* Can the kernel read the byte for this process, as it does for any I/O? */
static bool readable_by_kernel(const char *address)
{
	int io[2];
	bool good;

	need(!pipe(io), "pipe");
	good = write(io[1], address, 1) == 1;
	if (!good && errno != EFAULT)
		need(false, "write to a pipe");
	close(io[0]);
	close(io[1]);

	return good;
}

/* Stop if the VMM can reach what only the guest may. */
static void must_be_private(struct vm *vm, __u64 offset, const char *what)
{
	if (!vm->protected)
		return;
	if (readable(vm->map + offset))
		die("%s is private, and can be read", what);
	if (readable_by_kernel(vm->map + offset))
		die("%s is private, and a system call can read it", what);
	say("VMM:    reading %s: SIGBUS; having it written to a pipe: EFAULT",
	    what);
}

/* ---- conversion ----------------------------------------------------------- */

/*
 * A device would read a buffer of the guest like this: the pages are in use
 * until it is done.
 */
static void begin_io(struct vm *vm, __u64 offset)
{
	struct iovec iov = { vm->map + offset, PAGE };

	need(!pipe(vm->io), "pipe");
	need(vmsplice(vm->io[1], &iov, 1, 0) == PAGE, "vmsplice");
	say("VMM:    begins I/O from the page at %#llx", offset);
}

/* End our own I/O, if there is some that uses the page; false if not. */
static bool end_io(struct vm *vm, __u64 page)
{
	if (vm->io[0] < 0 || page != BUFFER_GPA)
		return false;
	close(vm->io[0]);
	close(vm->io[1]);
	vm->io[0] = -1;
	say("VMM:    that is our I/O: end it");

	return true;
}

/*
 * Make a range of the guest's memory private or shared. The contents stay.
 * Returns 0 or -errno; then nothing has changed.
 */
static int convert(struct vm *vm, __u64 offset, __u64 size, bool private)
{
	struct kvm_memory_attributes2 range = {
		.offset = offset,
		.size = size,
		.attributes = private ? KVM_MEMORY_ATTRIBUTE_PRIVATE : 0,
	};
	int tries = 0;

	while (ioctl(vm->memory, KVM_SET_MEMORY_ATTRIBUTES2, &range)) {
		if (errno != EAGAIN)
			return -errno;
		say("kernel: EAGAIN, somebody uses the page at %#llx",
		    range.error_offset);
		if (++tries == TRIES)
			return -EAGAIN;
		/* Whoever else it is may need time. */
		if (!end_io(vm, range.error_offset))
			usleep(PAUSE_US);
	}
	say("VMM:    %#llx to %#llx is %s now", offset,
	    (offset + size), private ? "private" : "shared");

	return 0;
}

static const char *explain(int error)
{
	switch (-error) {
	case EAGAIN:
		return "somebody keeps using a page of it";
	case EIO:
		return "only the process that has created the VM may convert";
	case EHWPOISON:
		return "a page of it has a memory error";
	case ENOTTY:
		return "the kernel cannot convert this file";
	default:
		return strerror(-error);
	}
}

static void must_convert(struct vm *vm, __u64 offset, __u64 size,
			 bool private)
{
	int error = convert(vm, offset, size, private);

	if (error)
		die("conversion: %s", explain(error));
}

/* ---- the VM --------------------------------------------------------------- */

static long long capability(int fd, int number)
{
	int value = ioctl(fd, KVM_CHECK_EXTENSION, number);

	return value < 0 ? 0 : value;
}

/*
 * Without the third or the fourth a VMM keeps what is shared in a second
 * backend, at userspace_addr.
 */
static void check_kernel(int kvm)
{
	if (!(capability(kvm, KVM_CAP_VM_TYPES) & 1 << KVM_X86_SW_PROTECTED_VM))
		unsupported("no VMs with private memory (CONFIG_KVM_SW_PROTECTED_VM)");
	if (!capability(kvm, KVM_CAP_GUEST_MEMFD))
		unsupported("no guest_memfd (KVM_CAP_GUEST_MEMFD)");
	if (!(capability(kvm, KVM_CAP_GUEST_MEMFD_FLAGS) &
	      GUEST_MEMFD_FLAG_MMAP))
		unsupported("no mmap() of guest_memfd (KVM_CAP_GUEST_MEMFD_FLAGS)");
	if (!(capability(kvm, KVM_CAP_GUEST_MEMFD_MEMORY_ATTRIBUTES) &
	      KVM_MEMORY_ATTRIBUTE_PRIVATE))
		unsupported("no conversion in place (KVM_CAP_GUEST_MEMFD_MEMORY_ATTRIBUTES)");
	if (!(capability(kvm, KVM_CAP_EXIT_HYPERCALL) &
	      1 << KVM_HC_MAP_GPA_RANGE))
		unsupported("no conversion by hypercall (KVM_CAP_EXIT_HYPERCALL)");
}

static void create_vm(struct vm *vm)
{
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_EXIT_HYPERCALL,
		.args[0] = 1 << KVM_HC_MAP_GPA_RANGE,
	};

	vm->fd = ioctl(vm->kvm, KVM_CREATE_VM, vm->protected ?
		       KVM_X86_SW_PROTECTED_VM : KVM_X86_DEFAULT_VM);
	need(vm->fd >= 0, "KVM_CREATE_VM");
	need(!ioctl(vm->fd, KVM_ENABLE_CAP, &cap), "KVM_ENABLE_CAP");
}

/* One file, one mapping, one slot. */
static void create_memory(struct vm *vm)
{
	struct kvm_create_guest_memfd create = {
		.size = MEMORY_SIZE,
		.flags = GUEST_MEMFD_FLAG_MMAP,
	};
	struct kvm_userspace_memory_region2 region = {
		.flags = KVM_MEM_GUEST_MEMFD,
		.memory_size = MEMORY_SIZE,
	};

	if (!vm->protected)
		create.flags |= GUEST_MEMFD_FLAG_INIT_SHARED;
	vm->memory = ioctl(vm->fd, KVM_CREATE_GUEST_MEMFD, &create);
	need(vm->memory >= 0, "KVM_CREATE_GUEST_MEMFD");
	vm->map = mmap(NULL, MEMORY_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
		       vm->memory, 0);
	need(vm->map != MAP_FAILED, "mmap of the guest_memfd");

	/* The guest uses the file; the mapping is for KVM's own accesses. */
	region.userspace_addr = (unsigned long)vm->map;
	region.guest_memfd = vm->memory;
	need(!ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION2, &region),
	     "KVM_SET_USER_MEMORY_REGION2");
	say("VMM:    %d KiB of memory in one guest_memfd, all of it %s",
	    MEMORY_SIZE / 1024, vm->protected ? "private" : "shared");
}

/* Which instruction is a hypercall depends on the processor. */
static void fill_hypercall_page(char *page)
{
	static const char vmcall[] = "\x0f\x01\xc1\xc3";
	static const char vmmcall[] = "\x0f\x01\xd9\xc3";
	__u32 ebx, ecx, edx, max = 0;

	__asm__("cpuid" : "+a" (max), "=b" (ebx), "=c" (ecx), "=d" (edx));
	/* Gen*uine*Intel, C*enta*urHauls; AMD's and Hygon's are others. */
	memcpy(page, edx == 0x49656e69 || edx == 0x48727561 ? vmcall : vmmcall,
	       sizeof(vmcall) - 1);
}

/*
 * Memory is private from the start, so what the guest begins with is shared for
 * as long as it takes to copy it. The hypercall page stays shared, as the rings
 * do: KVM has to read the instruction on processors that do not tell how long
 * it is.
 */
static void load_guest(struct vm *vm)
{
	size_t length = guest_end - guest_begin;

	if (length > PAGE)
		die("the guest's program is %zu bytes long", length);
	if (vm->protected) {
		must_convert(vm, CODE_GPA, PAGE, false);
		must_convert(vm, CALL_GPA, BUFFER_GPA - CALL_GPA, false);
	}
	memcpy(vm->map + CODE_GPA, guest_begin, length);
	fill_hypercall_page(vm->map + CALL_GPA);
	if (vm->protected)
		must_convert(vm, CODE_GPA, PAGE, true);
	must_be_private(vm, CODE_GPA, "the guest's program");
}

static void create_vcpu(struct vm *vm)
{
	struct kvm_segment data = {
		.limit = 0xffffffff, .selector = 16, .type = 3, .present = 1,
		.db = 1, .s = 1, .g = 1,
	};
	struct kvm_segment code = data;
	struct kvm_regs regs = { .rip = CODE_GPA, .rflags = 2 };
	struct kvm_sregs sregs;

	vm->vcpu = ioctl(vm->fd, KVM_CREATE_VCPU, 0);
	need(vm->vcpu >= 0, "KVM_CREATE_VCPU");
	vm->run_size = ioctl(vm->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	need(vm->run_size > 0, "KVM_GET_VCPU_MMAP_SIZE");
	vm->run = mmap(NULL, vm->run_size, PROT_READ | PROT_WRITE, MAP_SHARED,
		       vm->vcpu, 0);
	need(vm->run != MAP_FAILED, "mmap of the vCPU");

	/* Protected mode without paging, all segments from 0 to 4 GiB. */
	need(!ioctl(vm->vcpu, KVM_GET_SREGS, &sregs), "KVM_GET_SREGS");
	code.selector = 8;
	code.type = 11;
	sregs.cs = code;
	sregs.ds = data;
	sregs.es = data;
	sregs.fs = data;
	sregs.gs = data;
	sregs.ss = data;
	sregs.cr0 |= 1;
	need(!ioctl(vm->vcpu, KVM_SET_SREGS, &sregs), "KVM_SET_SREGS");
	need(!ioctl(vm->vcpu, KVM_SET_REGS, &regs), "KVM_SET_REGS");
}

/* ---- what the guest asks for ---------------------------------------------- */

/* A hypercall of the guest's, whose arguments can be anything. */
static long long serve_hypercall(struct vm *vm)
{
	const __u64 *args = vm->run->hypercall.args;
	bool private = args[2] & KVM_MAP_GPA_RANGE_ENCRYPTED;
	int error;

	if (vm->run->hypercall.nr != KVM_HC_MAP_GPA_RANGE)
		return -KVM_ENOSYS;
	if (args[0] % PAGE || args[0] >= MEMORY_SIZE ||
	    args[1] > (MEMORY_SIZE - args[0]) / PAGE)
		return -KVM_EINVAL;
	say("guest:  asks for %llu pages at %#llx to be %s", args[1], args[0],
	    private ? "private" : "shared");
	if (!vm->protected) {
		say("VMM:    this VM is ordinary, they are shared");
		return -KVM_EOPNOTSUPP;
	}
	error = convert(vm, args[0], args[1] * PAGE, private);
	if (error)
		say("VMM:    conversion: %s", explain(error));

	return error ? -KVM_EINVAL : 0;
}

/* Read what the guest has written, and answer in the same place. */
static void serve_letter(struct vm *vm, __u64 address)
{
	static const char answer[] = "The VMM has read it.";
	struct ring *ring = (struct ring *)(vm->map + TO_GUEST);
	char *buffer = vm->map + BUFFER_GPA;
	char text[64];
	size_t i;

	if (address != BUFFER_GPA)
		die("the guest shows %#llx", address);
	/* The guest might change it while it is looked at. */
	memcpy(text, buffer, sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	say("VMM:    reads \"%s\"", text);
	if (strcmp(text, "I was written before I was shown"))
		die("that is not what the guest has written");

	memcpy(buffer + PAGE, answer, sizeof(answer));
	vm->sum = 0;
	for (i = 0; i < BUFFER_SIZE; i += 4)
		vm->sum += *(__u32 *)(buffer + i);
	if (vm->protected)
		begin_io(vm, BUFFER_GPA);

	ring->entries[0].what = VMM_ANSWER;
	ring->entries[0].value = 0;
	__atomic_store_n(&ring->head, 1, __ATOMIC_RELEASE);
}

/* Returns true if it was the guest's last entry. */
static bool serve_entry(struct vm *vm, __u32 what, __u32 value)
{
	switch (what) {
	case GUEST_HELLO:
		say("guest:  runs");
		return false;
	case GUEST_SECRET:
		say("guest:  has a secret at %#x", value);
		if (value != SECRET_GPA)
			die("that is not where it should be");
		must_be_private(vm, SECRET_GPA, "the guest's secret");
		return false;
	case GUEST_LETTER:
		say("guest:  shows what is at %#x", value);
		serve_letter(vm, value);
		return false;
	case GUEST_SUM:
		say("guest:  the buffer that it took back has the sum %#x",
		    value);
		if (value != vm->sum)
			die("it was %#x while it was shared", vm->sum);
		must_be_private(vm, BUFFER_GPA, "the buffer's first page");
		must_be_private(vm, BUFFER_GPA + PAGE, "our answer");
		return false;
	case GUEST_DONE:
		say("guest:  still has its secret, and is done");
		return true;
	case GUEST_FAILED:
		die("the guest's check %u failed", value);
	default:
		die("the guest's ring has an entry %u", what);
	}
}

/* Take all that is in the guest's ring; true if the guest is done. */
static bool serve_ring(struct vm *vm)
{
	struct ring *ring = (struct ring *)(vm->map + TO_VMM);
	__u32 head = __atomic_load_n(&ring->head, __ATOMIC_ACQUIRE);
	struct entry *entry;
	__u32 what, value;

	if (head - vm->taken > RING_ENTRIES)
		die("the guest has filled its ring with %u entries",
		    head - vm->taken);
	while (vm->taken != head) {
		entry = &ring->entries[vm->taken++ % RING_ENTRIES];
		what = __atomic_load_n(&entry->what, __ATOMIC_RELAXED);
		value = __atomic_load_n(&entry->value, __ATOMIC_RELAXED);
		if (serve_entry(vm, what, value))
			return true;
	}

	return false;
}

static void run_guest(struct vm *vm)
{
	struct kvm_run *run = vm->run;

	for (;;) {
		if (ioctl(vm->vcpu, KVM_RUN, NULL)) {
			if (errno == EINTR)
				continue;
			/* The one exit that comes with an error. */
			if (run->exit_reason == KVM_EXIT_MEMORY_FAULT)
				die("the guest cannot use %#llx as %s memory: %s",
				    run->memory_fault.gpa,
				    run->memory_fault.flags &
				    KVM_MEMORY_EXIT_FLAG_PRIVATE ?
				    "private" : "shared", strerror(errno));
			need(false, "KVM_RUN");
		}
		switch (run->exit_reason) {
		case KVM_EXIT_HYPERCALL:
			run->hypercall.ret = serve_hypercall(vm);
			break;
		case KVM_EXIT_IO:
			if (run->io.direction != KVM_EXIT_IO_OUT ||
			    run->io.port != DOORBELL)
				die("the guest uses I/O port %#x",
				    run->io.port);
			if (serve_ring(vm))
				return;
			break;
		default:
			die("the guest stopped with exit reason %u",
			    run->exit_reason);
		}
	}
}

static void demonstrate(int kvm, bool protected)
{
	struct vm vm = { .protected = protected, .kvm = kvm, .io = { -1, -1 } };

	say("%s VM", protected ? "A software-protected" : "An ordinary");
	create_vm(&vm);
	create_memory(&vm);
	load_guest(&vm);
	create_vcpu(&vm);
	run_guest(&vm);
	/* Each of these keeps the VM. */
	munmap(vm.run, vm.run_size);
	munmap(vm.map, MEMORY_SIZE);
	close(vm.vcpu);
	close(vm.memory);
	close(vm.fd);
}

int main(void)
{
	struct sigaction action = {
		.sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO,
	};
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	if (kvm < 0)
		unsupported("/dev/kvm: %s", strerror(errno));
	check_kernel(kvm);
	need(!sigaction(SIGBUS, &action, NULL), "sigaction");
	setvbuf(stdout, NULL, _IOLBF, 0);
	demonstrate(kvm, true);
	demonstrate(kvm, false);
	say("Result: the host saw what the guests shared, and nothing else");

	return EXIT_SUCCESS;
}
