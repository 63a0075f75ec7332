// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guests that run on a guest_memfd: they touch every page from inside while
 * pages are converted, punched, unbound and closed outside.
 *
 * Each vCPU does what its struct work says, and reports to the host when it is
 * done. Guest memory is mapped where it is: addresses are guest physical.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>

#include <linux/kvm_para.h>

#include "guest_memfd.h"
#include "kvm_test_harness.h"
#include "ucall_common.h"

#define NR_PAGES	64
#define SIZE		(NR_PAGES * PAGE_SIZE)
#define GPA		0x100000000ULL
#define SLOT		1
#define VCPUS		4
#define WORDS		(PAGE_SIZE / sizeof(uint64_t))
#define MARK		0x6d61726b6d61726bULL
#define MMIO		0x200000000ULL

enum operation {
	FILL,		/* write the value of its page into each word */
	CHECK,		/* count the words that do not have it */
	COUNT,		/* add 1 to a word of each page until told to stop */
	READ,		/* read one word */
	ASK_PRIVATE,	/* ask the host to convert, by a hypercall */
	ASK_SHARED,
	COPY_TO_MMIO,	/* let KVM read one word, to emulate the access */
};

struct work {
	uint32_t vcpu;
	enum operation operation;
	uint64_t address;
	uint64_t nr_pages;
	uint64_t value;
	uint64_t found;
	bool stop;
};

/* ---- inside ------------------------------------------------------------- */

static uint64_t value_of(uint64_t *page, uint64_t value)
{
	return value + (uintptr_t)page;
}

static void guest_fill(struct work *work, uint64_t *page)
{
	size_t i;

	for (i = 0; i < WORDS; i++)
		WRITE_ONCE(page[i], value_of(page, work->value));
}

static void guest_check(struct work *work, uint64_t *page)
{
	size_t i;

	for (i = 0; i < WORDS; i++)
		work->found += READ_ONCE(page[i]) !=
			       value_of(page, work->value);
}

static void guest_count(struct work *work, uint64_t *page)
{
	WRITE_ONCE(page[work->vcpu], READ_ONCE(page[work->vcpu]) + 1);
}

static void guest_copy_to_mmio(uint64_t *from)
{
	uint64_t to = MMIO;

	asm volatile("movsq" : "+S" (from), "+D" (to) : : "memory");
}

static void guest_work(struct work *work)
{
	uint64_t i;

	for (i = 0; i < work->nr_pages; i++) {
		uint64_t *page = (void *)work->address + i * PAGE_SIZE;

		switch (work->operation) {
		case FILL:
			guest_fill(work, page);
			break;
		case CHECK:
			guest_check(work, page);
			break;
		case COUNT:
			guest_count(work, page);
			break;
		case READ:
			work->found = READ_ONCE(*page);
			break;
		case COPY_TO_MMIO:
			guest_copy_to_mmio(page);
			break;
		default:
			GUEST_FAIL("operation %u", work->operation);
		}
	}
}

/* Begin again and again; found is how often. */
static void guest_work_on(struct work *work)
{
	do {
		guest_work(work);
		WRITE_ONCE(work->found, work->found + 1);
	} while (!READ_ONCE(work->stop));
}

static void guest_main(struct work *work)
{
	for (;;) {
		work->found = 0;
		if (work->operation == ASK_PRIVATE ||
		    work->operation == ASK_SHARED)
			kvm_hypercall_map_gpa_range(work->address,
						    work->nr_pages * PAGE_SIZE,
						    work->operation ==
						    ASK_PRIVATE ?
						    KVM_MAP_GPA_RANGE_ENCRYPTED :
						    KVM_MAP_GPA_RANGE_DECRYPTED);
		else if (work->operation == COUNT)
			guest_work_on(work);
		else
			guest_work(work);
		GUEST_SYNC(0);
	}
}

/* ---- outside ------------------------------------------------------------ */

FIXTURE(guest) {
	struct kvm_vm *vm;
	struct kvm_vcpu *vcpus[VCPUS];
	struct work *works[VCPUS];	/* as the host sees them */
	int fd;
	char *mem;
};

FIXTURE_VARIANT(guest) {
	unsigned long type;
	uint64_t flags;
	bool shared;
};

FIXTURE_VARIANT_ADD(guest, ordinary_shared) {
	.type = KVM_X86_DEFAULT_VM,
	.flags = GMEM_MAPPABLE,
	.shared = true,
};

FIXTURE_VARIANT_ADD(guest, ordinary_private) {
	.type = KVM_X86_DEFAULT_VM,
	.flags = GUEST_MEMFD_FLAG_MMAP,
};

FIXTURE_VARIANT_ADD(guest, sw_protected_shared) {
	.type = KVM_X86_SW_PROTECTED_VM,
	.flags = GMEM_MAPPABLE,
	.shared = true,
};

FIXTURE_VARIANT_ADD(guest, sw_protected_private) {
	.type = KVM_X86_SW_PROTECTED_VM,
	.flags = GUEST_MEMFD_FLAG_MMAP,
};

FIXTURE_SETUP(guest)
{
	const struct vm_shape shape = {
		.mode = VM_MODE_DEFAULT,
		.type = variant->type,
	};
	vm_vaddr_t work;
	size_t i;

	self->vm = __vm_create_with_vcpus(shape, VCPUS, 0, guest_main,
					  self->vcpus);
	for (i = 0; i < VCPUS; i++) {
		work = vm_vaddr_alloc_page(self->vm);
		vcpu_args_set(self->vcpus[i], 1, work);
		self->works[i] = addr_gva2hva(self->vm, work);
		self->works[i]->vcpu = i;
	}
	virt_map(self->vm, GPA, GPA, 2 * NR_PAGES);
	virt_map(self->vm, MMIO, MMIO, 1);
	self->fd = vm_create_guest_memfd(self->vm, SIZE, variant->flags);
	self->mem = gmem_map(self->fd, 0, SIZE);
}

FIXTURE_TEARDOWN(guest)
{
	close(self->fd);
	kvm_vm_free(self->vm);
}

static uint64_t gpa_of(size_t page)
{
	return GPA + page * PAGE_SIZE;
}

static int bind_all(struct kvm_vm *vm, int fd, void *hva)
{
	return gmem_bind(vm, SLOT, GPA, SIZE, fd, 0, hva);
}

static int delete(struct kvm_vm *vm, uint32_t slot)
{
	return __vm_set_user_memory_region2(vm, slot, 0, GPA, 0, NULL, 0, 0) ?
	       errno : 0;
}

static void set_work(struct work *work, enum operation operation, size_t first,
		     size_t nr_pages, uint64_t value)
{
	work->operation = operation;
	work->address = gpa_of(first);
	work->nr_pages = nr_pages;
	work->value = value;
}

/*
 * Run a vCPU once. Returns 0 when its work is done, the errno of KVM_RUN, or
 * minus the reason of another exit.
 */
static int run(struct kvm_vcpu *vcpu)
{
	struct ucall uc;

	if (_vcpu_run(vcpu))
		return errno;
	/* A guest that has shut down cannot say why. */
	if (vcpu->run->exit_reason == KVM_EXIT_SHUTDOWN)
		gmem_show_shutdown(vcpu);
	if (vcpu->run->exit_reason != KVM_EXIT_IO)
		return -(int)vcpu->run->exit_reason;
	switch (get_ucall(vcpu, &uc)) {
	case UCALL_SYNC:
		return 0;
	case UCALL_ABORT:
		REPORT_GUEST_ASSERT(uc);
		return -1;
	default:
		TEST_FAIL("unknown ucall %lu", uc.cmd);
		return -1;
	}
}

#define RUN(operation, first, nr_pages, value)				\
	({								\
		set_work(self->works[0], operation, first, nr_pages, value); \
		run(self->vcpus[0]);					\
	})

#define EXPECT_RUN(operation, first, nr_pages, value)			\
	EXPECT_EQ(0, RUN(operation, first, nr_pages, value))

/* The guest finds in these pages what it or the host has filled in. */
#define EXPECT_GUEST_FINDS(first, nr_pages, value)			\
	do {								\
		EXPECT_RUN(CHECK, first, nr_pages, value);		\
		EXPECT_EQ(0, self->works[0]->found);			\
	} while (0)

#define EXPECT_GUEST_READS(expected, page)				\
	do {								\
		EXPECT_RUN(READ, page, 1, 0);				\
		EXPECT_EQ(expected, self->works[0]->found);		\
	} while (0)

#define EXPECT_MEMORY_FAULT(expected_flags, page)			\
	do {								\
		struct kvm_run *exit = self->vcpus[0]->run;		\
									\
		EXPECT_EQ(KVM_EXIT_MEMORY_FAULT, exit->exit_reason);	\
		EXPECT_EQ(expected_flags, exit->memory_fault.flags);	\
		EXPECT_EQ(gpa_of(page), exit->memory_fault.gpa);	\
		EXPECT_EQ(PAGE_SIZE, exit->memory_fault.size);		\
	} while (0)

/* In a VM with private memory nothing is shared any more without its file. */
#define CLOSED_FLAGS							\
	(variant->type == KVM_X86_SW_PROTECTED_VM ?			\
	 KVM_MEMORY_EXIT_FLAG_PRIVATE : 0)

#define EXPECT_CONVERTED(first, nr_pages, attributes)			\
	EXPECT_EQ(0, gmem_convert(self->fd, (first) * PAGE_SIZE,	\
				  (nr_pages) * PAGE_SIZE, attributes).error)

/* Fill pages as the guest at this address would. */
static void host_fill(char *mem, size_t first, size_t nr_pages, uint64_t value)
{
	uint64_t *word = (void *)mem + first * PAGE_SIZE;
	size_t i;

	for (i = 0; i < nr_pages * WORDS; i++)
		word[i] = value + gpa_of(first + i / WORDS);
}

static bool host_finds(const char *mem, size_t first, size_t nr_pages,
		       uint64_t value)
{
	const uint64_t *word = (void *)mem + first * PAGE_SIZE;
	size_t i;

	for (i = 0; i < nr_pages * WORDS; i++)
		if (word[i] != value + gpa_of(first + i / WORDS))
			return false;

	return true;
}

static void *decoy(void)
{
	char *mem = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t i;

	TEST_ASSERT(mem != MAP_FAILED, "mmap()");
	for (i = 0; i < SIZE; i += sizeof(uint64_t))
		*(uint64_t *)(mem + i) = MARK;

	return mem;
}

static bool untouched(const uint64_t *word)
{
	size_t i;

	for (i = 0; i < NR_PAGES * WORDS; i++)
		if (word[i] != MARK)
			return false;

	return true;
}

/* ---- one guest ---------------------------------------------------------- */

TEST_F(guest, finds_zeroes_and_keeps_what_it_writes)
{
	size_t i;

	ASSERT_EQ(0, bind_all(self->vm, self->fd, self->mem));
	for (i = 0; i < NR_PAGES; i++)
		EXPECT_GUEST_READS(0, i);
	EXPECT_RUN(FILL, 0, NR_PAGES, 1);
	EXPECT_GUEST_FINDS(0, NR_PAGES, 1);
	EXPECT_EQ(NR_PAGES, gmem_pages_allocated(self->fd, 0, NR_PAGES));
}

TEST_F(guest, shares_with_the_host_what_is_shared)
{
	ASSERT_EQ(0, bind_all(self->vm, self->fd, self->mem));
	EXPECT_RUN(FILL, 0, NR_PAGES, 1);
	EXPECT_EQ(variant->shared, gmem_is_shared(self->mem));
	EXPECT_CONVERTED(0, NR_PAGES, GMEM_SHARED);
	EXPECT_TRUE(host_finds(self->mem, 0, NR_PAGES, 1));
	host_fill(self->mem, 0, NR_PAGES, 2);
	EXPECT_GUEST_FINDS(0, NR_PAGES, 2);
	EXPECT_RUN(FILL, 3, 1, 3);
	EXPECT_TRUE(host_finds(self->mem, 3, 1, 3));
}

TEST_F(guest, keeps_contents_when_pages_are_converted)
{
	size_t i;

	ASSERT_EQ(0, bind_all(self->vm, self->fd, self->mem));
	EXPECT_RUN(FILL, 0, NR_PAGES, 1);
	if (variant->type == KVM_X86_DEFAULT_VM) {
		EXPECT_EQ(EINVAL, gmem_convert(self->fd, 0, SIZE,
					       GMEM_PRIVATE).error);
		EXPECT_CONVERTED(0, NR_PAGES, GMEM_SHARED);
		EXPECT_GUEST_FINDS(0, NR_PAGES, 1);
		return;
	}
	for (i = 0; i < NR_PAGES; i += 2)
		EXPECT_CONVERTED(i, 1, variant->shared ? GMEM_PRIVATE :
							 GMEM_SHARED);
	EXPECT_GUEST_FINDS(0, NR_PAGES, 1);
	EXPECT_RUN(FILL, 0, NR_PAGES, 2);
	EXPECT_CONVERTED(0, NR_PAGES, GMEM_PRIVATE);
	EXPECT_FALSE(gmem_is_shared(self->mem));
	EXPECT_GUEST_FINDS(0, NR_PAGES, 2);
	EXPECT_RUN(FILL, 0, NR_PAGES, 3);
	EXPECT_CONVERTED(0, NR_PAGES, GMEM_SHARED);
	EXPECT_TRUE(host_finds(self->mem, 0, NR_PAGES, 3));
	host_fill(self->mem, 0, NR_PAGES, 4);
	EXPECT_CONVERTED(0, NR_PAGES, GMEM_PRIVATE);
	EXPECT_GUEST_FINDS(0, NR_PAGES, 4);
}

TEST_F(guest, converts_by_hypercall)
{
	bool ordinary = variant->type == KVM_X86_DEFAULT_VM;
	struct kvm_run *exit = self->vcpus[0]->run;

	vm_enable_cap(self->vm, KVM_CAP_EXIT_HYPERCALL,
		      BIT(KVM_HC_MAP_GPA_RANGE));
	ASSERT_EQ(0, bind_all(self->vm, self->fd, self->mem));
	EXPECT_RUN(FILL, 0, NR_PAGES, 1);
	ASSERT_EQ(-KVM_EXIT_HYPERCALL, RUN(ASK_PRIVATE, 2, 3, 0));
	EXPECT_EQ(KVM_HC_MAP_GPA_RANGE, exit->hypercall.nr);
	EXPECT_EQ(gpa_of(2), exit->hypercall.args[0]);
	EXPECT_EQ(3, exit->hypercall.args[1]);
	EXPECT_EQ(KVM_MAP_GPA_RANGE_ENCRYPTED, exit->hypercall.args[2]);
	EXPECT_EQ(ordinary ? EINVAL : 0,
		  gmem_convert(self->fd, 2 * PAGE_SIZE, 3 * PAGE_SIZE,
			       GMEM_PRIVATE).error);
	exit->hypercall.ret = 0;
	EXPECT_EQ(0, run(self->vcpus[0]));
	EXPECT_EQ(ordinary && variant->shared,
		  gmem_is_shared(self->mem + 4 * PAGE_SIZE));
	EXPECT_GUEST_FINDS(0, NR_PAGES, 1);
	ASSERT_EQ(-KVM_EXIT_HYPERCALL, RUN(ASK_SHARED, 2, 3, 0));
	EXPECT_EQ(KVM_MAP_GPA_RANGE_DECRYPTED, exit->hypercall.args[2]);
	EXPECT_CONVERTED(2, 3, GMEM_SHARED);
	exit->hypercall.ret = 0;
	EXPECT_EQ(0, run(self->vcpus[0]));
	EXPECT_TRUE(host_finds(self->mem, 2, 3, 1));
}

TEST_F(guest, needs_no_userspace_addr)
{
	ASSERT_EQ(0, bind_all(self->vm, self->fd, NULL));
	EXPECT_RUN(FILL, 0, NR_PAGES, 1);
	EXPECT_GUEST_FINDS(0, NR_PAGES, 1);
}

TEST_F(guest, never_uses_userspace_addr)
{
	void *other = decoy();

	ASSERT_EQ(0, bind_all(self->vm, self->fd, other));
	EXPECT_GUEST_READS(0, 0);
	EXPECT_RUN(FILL, 0, NR_PAGES, 1);
	EXPECT_GUEST_FINDS(0, NR_PAGES, 1);
	EXPECT_TRUE(untouched(other));
	EXPECT_CONVERTED(0, NR_PAGES, GMEM_SHARED);
	EXPECT_GUEST_FINDS(0, NR_PAGES, 1);
	EXPECT_TRUE(untouched(other));
}

/* Such a file holds what is private, and userspace_addr what is not. */
TEST_F(guest, uses_userspace_addr_beside_a_file_that_cannot_be_mapped)
{
	int fd = vm_create_guest_memfd(self->vm, SIZE, 0);
	void *other = decoy();

	ASSERT_EQ(0, bind_all(self->vm, fd, other));
	EXPECT_GUEST_READS(MARK, 5);
	EXPECT_RUN(FILL, 0, NR_PAGES, 1);
	EXPECT_TRUE(host_finds(other, 0, NR_PAGES, 1));
	if (variant->type == KVM_X86_DEFAULT_VM)
		return;
	ASSERT_EQ(0, gmem_convert_gpa(self->vm, GPA, SIZE, GMEM_PRIVATE));
	EXPECT_GUEST_READS(0, 5);
	EXPECT_RUN(FILL, 0, NR_PAGES, 2);
	EXPECT_TRUE(host_finds(other, 0, NR_PAGES, 1));
	EXPECT_GUEST_FINDS(0, NR_PAGES, 2);
}

/* KVM itself reads guest memory through userspace_addr. */
TEST_F(guest, is_emulated_through_userspace_addr)
{
	struct kvm_run *exit = self->vcpus[0]->run;

	ASSERT_EQ(0, bind_all(self->vm, self->fd, self->mem));
	EXPECT_RUN(FILL, 0, NR_PAGES, 1);
	EXPECT_CONVERTED(0, NR_PAGES, GMEM_SHARED);
	ASSERT_EQ(-KVM_EXIT_MMIO, RUN(COPY_TO_MMIO, 6, 1, 0));
	EXPECT_EQ(MMIO, exit->mmio.phys_addr);
	EXPECT_TRUE(exit->mmio.is_write);
	EXPECT_EQ(8, exit->mmio.len);
	EXPECT_EQ(gpa_of(6) + 1, *(uint64_t *)exit->mmio.data);
	EXPECT_EQ(0, run(self->vcpus[0]));
}

/* ---- holes, poison, files and slots that go away ------------------------ */

TEST_F(guest, finds_zeroes_in_a_hole)
{
	size_t i;

	ASSERT_EQ(0, bind_all(self->vm, self->fd, self->mem));
	EXPECT_RUN(FILL, 0, NR_PAGES, 1);
	ASSERT_EQ(0, gmem_punch(self->fd, 2 * PAGE_SIZE, 3 * PAGE_SIZE));
	for (i = 2; i < 5; i++)
		EXPECT_GUEST_READS(0, i);
	EXPECT_GUEST_FINDS(0, 2, 1);
	EXPECT_GUEST_FINDS(5, NR_PAGES - 5, 1);
	EXPECT_RUN(FILL, 2, 3, 1);
	EXPECT_GUEST_FINDS(0, NR_PAGES, 1);
	EXPECT_EQ(variant->shared, gmem_is_shared(self->mem + 3 * PAGE_SIZE));
}

TEST_F(guest, stops_at_poison)
{
	ASSERT_EQ(0, bind_all(self->vm, self->fd, NULL));
	EXPECT_RUN(FILL, 0, NR_PAGES, 1);
	EXPECT_CONVERTED(0, NR_PAGES, GMEM_SHARED);
	ASSERT_EQ(0, gmem_read(self->mem + 9 * PAGE_SIZE).signal);
	ASSERT_EQ(0, gmem_poison(self->mem + 9 * PAGE_SIZE));
	EXPECT_EQ(EHWPOISON, RUN(READ, 9, 1, 0));
	EXPECT_MEMORY_FAULT(0, 9);
	/* It comes to it again, until there is another page. */
	EXPECT_EQ(EHWPOISON, run(self->vcpus[0]));
	ASSERT_EQ(0, gmem_punch(self->fd, 9 * PAGE_SIZE, PAGE_SIZE));
	EXPECT_EQ(0, run(self->vcpus[0]));
	EXPECT_EQ(0, self->works[0]->found);
	EXPECT_GUEST_FINDS(0, 9, 1);
	EXPECT_GUEST_FINDS(10, NR_PAGES - 10, 1);
}

TEST_F(guest, stops_when_the_file_is_closed)
{
	void *other = decoy();

	ASSERT_EQ(0, bind_all(self->vm, self->fd, other));
	EXPECT_RUN(FILL, 0, NR_PAGES, 1);
	ASSERT_EQ(0, munmap(self->mem, SIZE));
	ASSERT_EQ(0, close(self->fd));
	EXPECT_EQ(EFAULT, RUN(READ, 7, 1, 0));
	EXPECT_MEMORY_FAULT(CLOSED_FLAGS, 7);
	EXPECT_EQ(EFAULT, run(self->vcpus[0]));
	EXPECT_TRUE(untouched(other));
	ASSERT_EQ(0, delete(self->vm, SLOT));
	self->fd = vm_create_guest_memfd(self->vm, SIZE, variant->flags);
	ASSERT_EQ(0, bind_all(self->vm, self->fd, NULL));
	EXPECT_EQ(0, run(self->vcpus[0]));
	EXPECT_EQ(0, self->works[0]->found);
}

TEST_F(guest, goes_on_while_the_file_is_mapped)
{
	ASSERT_EQ(0, bind_all(self->vm, self->fd, self->mem));
	EXPECT_RUN(FILL, 0, NR_PAGES, 1);
	ASSERT_EQ(0, close(self->fd));
	EXPECT_GUEST_FINDS(0, NR_PAGES, 1);
	self->fd = -1;
}

TEST_F(guest, finds_its_memory_in_a_new_slot)
{
	ASSERT_EQ(0, bind_all(self->vm, self->fd, self->mem));
	EXPECT_RUN(FILL, 0, NR_PAGES, 1);
	ASSERT_EQ(0, delete(self->vm, SLOT));
	EXPECT_EQ(-KVM_EXIT_MMIO, RUN(READ, 3, 1, 0));
	EXPECT_EQ(0, run(self->vcpus[0]));
	ASSERT_EQ(0, bind_all(self->vm, self->fd, NULL));
	EXPECT_GUEST_FINDS(0, NR_PAGES, 1);
	EXPECT_EQ(variant->shared, gmem_is_shared(self->mem));
}

TEST_F(guest, uses_several_files)
{
	int fd = vm_create_guest_memfd(self->vm, SIZE, GMEM_MAPPABLE);
	char *mem = gmem_map(fd, 0, SIZE);

	ASSERT_EQ(0, bind_all(self->vm, self->fd, self->mem));
	ASSERT_EQ(0, gmem_bind(self->vm, SLOT + 1, gpa_of(NR_PAGES), SIZE, fd,
			       0, NULL));
	EXPECT_RUN(FILL, 0, 2 * NR_PAGES, 1);
	EXPECT_GUEST_FINDS(0, 2 * NR_PAGES, 1);
	EXPECT_TRUE(host_finds(mem - SIZE, NR_PAGES, NR_PAGES, 1));
	ASSERT_EQ(0, gmem_punch(self->fd, 0, SIZE));
	EXPECT_GUEST_FINDS(NR_PAGES, NR_PAGES, 1);
	EXPECT_GUEST_READS(0, NR_PAGES - 1);
}

TEST_F(guest, uses_a_file_in_several_slots)
{
	size_t half = NR_PAGES / 2;

	/* The halves change places. */
	ASSERT_EQ(0, gmem_bind(self->vm, SLOT, gpa_of(0), SIZE / 2, self->fd,
			       SIZE / 2, NULL));
	ASSERT_EQ(0, gmem_bind(self->vm, SLOT + 1, gpa_of(half), SIZE / 2,
			       self->fd, 0, NULL));
	EXPECT_RUN(FILL, 0, NR_PAGES, 1);
	EXPECT_GUEST_FINDS(0, NR_PAGES, 1);
	ASSERT_EQ(0, gmem_punch(self->fd, 0, 2 * PAGE_SIZE));
	EXPECT_GUEST_READS(0, half);
	EXPECT_GUEST_READS(0, half + 1);
	EXPECT_GUEST_FINDS(0, half, 1);
	EXPECT_GUEST_FINDS(half + 2, half - 2, 1);
	EXPECT_CONVERTED(0, NR_PAGES, GMEM_SHARED);
	EXPECT_TRUE(host_finds(self->mem + SIZE / 2, 0, half, 1));
	EXPECT_TRUE(host_finds(self->mem - SIZE / 2, half + 2, half - 2, 1));
}

TEST_F(guest, memory_is_faulted_in_before)
{
	struct kvm_pre_fault_memory range = {
		.gpa = gpa_of(4),
		.size = 8 * PAGE_SIZE,
	};

	ASSERT_EQ(0, bind_all(self->vm, self->fd, NULL));
	while (range.size)
		ASSERT_EQ(0, __vcpu_ioctl(self->vcpus[0], KVM_PRE_FAULT_MEMORY,
					  &range));
	EXPECT_EQ(8, gmem_pages_allocated(self->fd, 0, NR_PAGES));
	EXPECT_EQ(8, gmem_pages_allocated(self->fd, 4, 8));
	EXPECT_EQ(variant->shared, gmem_is_shared(self->mem));
	EXPECT_GUEST_READS(0, 4);
	EXPECT_RUN(FILL, 0, NR_PAGES, 1);
	EXPECT_GUEST_FINDS(0, NR_PAGES, 1);
}

/* ---- several at once ---------------------------------------------------- */

/* How often each vCPU counts at least, and how often the host changes things. */
#define ROUNDS		20
#define CHANGES		300

/* Run a vCPU until its work is done; states may change under its feet. */
static void *run_to_the_end(void *argument)
{
	struct kvm_vcpu *vcpu = argument;
	struct kvm_run *exit = vcpu->run;
	int error;

	while ((error = run(vcpu))) {
		TEST_ASSERT(error == EFAULT, "KVM_RUN: %d", error);
		TEST_ASSERT_EQ(exit->exit_reason, KVM_EXIT_MEMORY_FAULT);
		TEST_ASSERT(exit->memory_fault.gpa >= GPA &&
			    exit->memory_fault.gpa < GPA + SIZE,
			    "gpa %llx", exit->memory_fault.gpa);
	}

	return NULL;
}

static void start_counting(struct kvm_vcpu **vcpus, struct work **works,
			   size_t nr, pthread_t *threads)
{
	size_t i;

	for (i = 0; i < nr; i++) {
		set_work(works[i], COUNT, 0, NR_PAGES, 0);
		works[i]->stop = false;
		works[i]->found = 0;
		TEST_ASSERT(!pthread_create(&threads[i], NULL, run_to_the_end,
					    vcpus[i]), "pthread_create()");
	}
}

/* Let each vCPU count for a while, and stop it. */
static void stop_counting(struct work **works, size_t nr, pthread_t *threads)
{
	size_t i;

	for (i = 0; i < nr; i++) {
		while (READ_ONCE(works[i]->found) < ROUNDS)
			sched_yield();
		WRITE_ONCE(works[i]->stop, true);
	}
	for (i = 0; i < nr; i++)
		pthread_join(threads[i], NULL);
}

/* Has each vCPU's word of each page all its counts? */
static bool all_counted(const char *mem, struct work **works, size_t nr)
{
	size_t page, i;

	for (page = 0; page < NR_PAGES; page++)
		for (i = 0; i < nr; i++)
			if (((uint64_t *)(mem + page * PAGE_SIZE))[i] !=
			    works[i]->found)
				return false;

	return true;
}

TEST_F(guest, counts_on_1_to_4_vcpus)
{
	pthread_t threads[VCPUS];
	size_t nr;

	ASSERT_EQ(0, bind_all(self->vm, self->fd, NULL));
	for (nr = 1; nr <= VCPUS; nr++) {
		ASSERT_EQ(0, gmem_punch(self->fd, 0, SIZE));
		start_counting(self->vcpus, self->works, nr, threads);
		stop_counting(self->works, nr, threads);
		EXPECT_CONVERTED(0, NR_PAGES, GMEM_SHARED);
		EXPECT_TRUE(all_counted(self->mem, self->works, nr));
	}
}

/* Not one count is lost while every page goes to and fro. */
TEST_F(guest, counts_while_pages_are_converted)
{
	int refused = variant->type == KVM_X86_DEFAULT_VM ? EINVAL : 0;
	unsigned int done, busy = 0;
	pthread_t threads[VCPUS];
	size_t page = 0;

	ASSERT_EQ(0, bind_all(self->vm, self->fd, NULL));
	start_counting(self->vcpus, self->works, VCPUS, threads);
	for (done = 0; done < CHANGES; done++) {
		bool private = done % 2;
		size_t nr = 1 + done % 7;
		int error;

		if (page + nr > NR_PAGES)
			page = 0;
		error = gmem_convert(self->fd, page * PAGE_SIZE, nr * PAGE_SIZE,
				     private ? GMEM_PRIVATE :
					       GMEM_SHARED).error;
		/* A fault in flight holds the page for a moment. */
		if (error == EAGAIN)
			busy++;
		else
			ASSERT_EQ(private ? refused : 0, error);
		page += private ? nr : 0;
	}
	stop_counting(self->works, VCPUS, threads);
	EXPECT_GT(CHANGES / 10, busy);
	EXPECT_CONVERTED(0, NR_PAGES, GMEM_SHARED);
	EXPECT_TRUE(all_counted(self->mem, self->works, VCPUS));
}

TEST_F(guest, counts_while_its_file_is_allocated)
{
	pthread_t threads[VCPUS];
	size_t i;

	ASSERT_EQ(0, bind_all(self->vm, self->fd, NULL));
	start_counting(self->vcpus, self->works, VCPUS, threads);
	for (i = 0; i < CHANGES; i++) {
		ASSERT_EQ(0, fallocate(self->fd, FALLOC_FL_KEEP_SIZE, 0, SIZE));
		ASSERT_EQ(0, madvise(self->mem, SIZE, MADV_DONTNEED));
	}
	stop_counting(self->works, VCPUS, threads);
	EXPECT_CONVERTED(0, NR_PAGES, GMEM_SHARED);
	EXPECT_TRUE(all_counted(self->mem, self->works, VCPUS));
}

/* Its words are zero again now and then; none of them is anything else. */
TEST_F(guest, counts_while_holes_are_punched)
{
	pthread_t threads[VCPUS];
	size_t page, i;

	ASSERT_EQ(0, bind_all(self->vm, self->fd, NULL));
	start_counting(self->vcpus, self->works, VCPUS, threads);
	for (i = 0; i < CHANGES; i++)
		ASSERT_EQ(0, gmem_punch(self->fd, (i % NR_PAGES) * PAGE_SIZE,
					PAGE_SIZE));
	stop_counting(self->works, VCPUS, threads);
	EXPECT_CONVERTED(0, NR_PAGES, GMEM_SHARED);
	for (page = 0; page < NR_PAGES; page++) {
		uint64_t *word = (uint64_t *)(self->mem + page * PAGE_SIZE);

		for (i = 0; i < VCPUS; i++)
			EXPECT_GE(self->works[i]->found, word[i]);
		for (; i < WORDS; i++)
			ASSERT_EQ(0, word[i]);
	}
}

int main(int argc, char *argv[])
{
	gmem_keep_kvm_on();

	return test_harness_run(argc, argv);
}
