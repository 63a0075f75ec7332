// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tries to reach private pages of a guest_memfd through KVM itself, which
 * reaches what it has to write for a guest by the slot's userspace_addr: here
 * that is a mapping of the file. And through a second VM that has the mapping
 * for its memory.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/kvm_para.h>
#include <sys/mman.h>
#include <unistd.h>

#include "gmem_attack.h"

/* ---- a vCPU of the guest that does what it is told to ---- */

#define IO_PORT		0x2000
#define IO_BYTES	64

enum spare_order {
	SPARE_NOTHING,
	SPARE_OUT,
	SPARE_IN,
	SPARE_LOAD,
	SPARE_STORE,
};

static struct spare {
	uint64_t order;
	uint64_t addr;
	uint64_t word;
} spare;

static void spare_code(void)
{
	uint64_t addr, count;

	for (;;) {
		addr = READ_ONCE(spare.addr);
		count = IO_BYTES;
		switch (READ_ONCE(spare.order)) {
		case SPARE_OUT:
			asm volatile("cld; rep outsb" : "+S"(addr), "+c"(count)
				     : "d"(IO_PORT) : "memory");
			break;
		case SPARE_IN:
			asm volatile("cld; rep insb" : "+D"(addr), "+c"(count)
				     : "d"(IO_PORT) : "memory");
			break;
		case SPARE_LOAD:
			WRITE_ONCE(spare.word, READ_ONCE(*(uint64_t *)addr));
			break;
		case SPARE_STORE:
			WRITE_ONCE(*(uint64_t *)addr, READ_ONCE(spare.word));
			break;
		}
		GUEST_SYNC(0);
	}
}

static struct kvm_vcpu *spare_vcpu(struct gmem_oracle *o)
{
	return o->vcpus[o->nr_vcpus];
}

static uint64_t page_gpa(unsigned int page)
{
	return GMEM_GPA + page * PAGE_SIZE;
}

/*
 * Runs the vCPU until it has done what it was told to. @buf: what it puts out,
 * or what it gets. Returns bytes, or -EFAULT if KVM could not reach memory: it
 * takes that for a device.
 */
static int spare_do(struct gmem_oracle *o, enum spare_order order,
		    uint64_t gpa, void *buf)
{
	struct kvm_vcpu *vcpu = spare_vcpu(o);
	struct kvm_run *run = vcpu->run;
	bool refused = false;
	struct spare *told;
	struct ucall uc;
	int done = 0;
	void *data;
	int size;

	told = addr_gva2hva(o->vm, (vm_vaddr_t)&spare);
	WRITE_ONCE(told->addr, gpa);
	WRITE_ONCE(told->order, order);
	for (;;) {
		if (__vcpu_run(vcpu)) {
			TEST_ASSERT(errno == EFAULT, "KVM_RUN: errno %d",
				    errno);
			return -EFAULT;
		}
		if (run->exit_reason == KVM_EXIT_MMIO) {
			refused = true;
			if (!run->mmio.is_write)
				memset(run->mmio.data, 0,
				       sizeof(run->mmio.data));
			continue;
		}
		TEST_ASSERT(run->exit_reason == KVM_EXIT_IO, "exit %s",
			    exit_reason_str(run->exit_reason));
		if (run->io.port != IO_PORT)
			break;
		data = (char *)run + run->io.data_offset;
		size = run->io.size * run->io.count;
		if (run->io.direction == KVM_EXIT_IO_IN)
			memcpy(data, buf + done % PAGE_SIZE, size);
		else if (done + size <= PAGE_SIZE)
			memcpy(buf + done, data, size);
		done += size;
	}
	TEST_ASSERT(get_ucall(vcpu, &uc) == UCALL_SYNC, "ucall %lu", uc.cmd);
	return refused ? -EFAULT : done ?: 1;
}

static int out_read(struct gmem_oracle *o, unsigned int page, void *buf)
{
	return spare_do(o, SPARE_OUT, page_gpa(page), buf);
}

static int in_write(struct gmem_oracle *o, unsigned int page, const void *buf)
{
	return spare_do(o, SPARE_IN, page_gpa(page), (void *)buf);
}

static void spare_runs(struct gmem_oracle *o)
{
	spare_do(o, SPARE_NOTHING, 0, NULL);
}

/* ---- what KVM writes by itself ---- */

static int set_msr(struct gmem_oracle *o, uint32_t index, uint64_t value)
{
	return _vcpu_set_msr(spare_vcpu(o), index, value) == 1 ? 0 : -EINVAL;
}

static int wall_clock_write(struct gmem_oracle *o, unsigned int page,
			    const void *buf)
{
	return set_msr(o, MSR_KVM_WALL_CLOCK_NEW, page_gpa(page));
}

/* KVM keeps the page at hand from one update of the clock to the next. */
static int clock_write(struct gmem_oracle *o, unsigned int page,
		       const void *buf)
{
	int ret = set_msr(o, MSR_KVM_SYSTEM_TIME_NEW, page_gpa(page) | 1);
	int i;

	for (i = 0; i < 4 && !ret; i++) {
		spare_runs(o);
		usleep(500);
		__vcpu_ioctl(spare_vcpu(o), KVM_KVMCLOCK_CTRL, NULL);
	}
	spare_runs(o);
	return ret;
}

static void clock_close(struct gmem_oracle *o)
{
	set_msr(o, MSR_KVM_SYSTEM_TIME_NEW, 0);
	spare_runs(o);
}

static int steal_write(struct gmem_oracle *o, unsigned int page,
		       const void *buf)
{
	int ret = set_msr(o, MSR_KVM_STEAL_TIME, page_gpa(page) |
			  KVM_MSR_ENABLED);
	int i;

	for (i = 0; i < 4 && !ret; i++) {
		spare_runs(o);
		usleep(500);
	}
	return ret;
}

static void steal_close(struct gmem_oracle *o)
{
	set_msr(o, MSR_KVM_STEAL_TIME, 0);
	spare_runs(o);
}

/* ---- a second VM ---- */

#define SECOND_SLOT	11
/* The accesses are of this length; see second_code(). */
#define ACCESS_BYTES	3

enum second_order {
	SECOND_READ,
	SECOND_WRITE,
};

/**
 * struct second - what the second VM's guest is told, and what it tells.
 * @order: what to do.
 * @addr: with which page.
 * @failed: set by the host: an access did not succeed.
 * @words: what was read, or is to be written.
 */
static struct second {
	uint64_t order;
	uint64_t addr;
	uint64_t failed;
	uint64_t words[GMEM_PAGE_WORDS];
} second;

static struct {
	struct kvm_vm *vm;
	struct kvm_vcpu *vcpu;
} other;

/* The instructions that may fail are "48 8b 07" and "48 89 07". */
static void second_code(void)
{
	uint64_t addr, word;
	int i;

	for (;;) {
		addr = READ_ONCE(second.addr);
		for (i = 0; i < GMEM_PAGE_WORDS; i++, addr += sizeof(word)) {
			word = second.words[i];
			if (READ_ONCE(second.order) == SECOND_READ)
				asm volatile(".byte 0x48, 0x8b, 0x07"
					     : "+a"(word) : "D"(addr)
					     : "memory");
			else
				asm volatile(".byte 0x48, 0x89, 0x07"
					     : : "a"(word), "D"(addr)
					     : "memory");
			if (READ_ONCE(second.failed))
				break;
			second.words[i] = word;
		}
		GUEST_SYNC(0);
	}
}

static int second_open(struct gmem_oracle *o)
{
	other.vm = vm_create_with_one_vcpu(&other.vcpu, second_code);
	vm_set_user_memory_region2(other.vm, SECOND_SLOT, 0, GMEM_GPA,
				   o->pages * PAGE_SIZE, o->mem, 0, 0);
	virt_map(other.vm, GMEM_GPA, GMEM_GPA, o->pages);
	return 0;
}

static void second_close(struct gmem_oracle *o)
{
	kvm_vm_free(other.vm);
}

/* An access that fails is skipped. */
static int second_do(enum second_order order, unsigned int page,
		     struct second *told)
{
	struct kvm_regs regs;
	struct ucall uc;

	told->order = order;
	told->addr = page_gpa(page);
	told->failed = 0;
	while (__vcpu_run(other.vcpu)) {
		TEST_ASSERT(errno == EFAULT, "KVM_RUN: errno %d", errno);
		told->failed = 1;
		vcpu_regs_get(other.vcpu, &regs);
		regs.rip += ACCESS_BYTES;
		vcpu_regs_set(other.vcpu, &regs);
	}
	TEST_ASSERT(get_ucall(other.vcpu, &uc) == UCALL_SYNC, "exit %s",
		    exit_reason_str(other.vcpu->run->exit_reason));
	return told->failed ? -EFAULT : PAGE_SIZE;
}

static int second_read(struct gmem_oracle *o, unsigned int page, void *buf)
{
	struct second *told = addr_gva2hva(other.vm, (vm_vaddr_t)&second);
	uint64_t *words = buf;
	int ret, i;

	for (i = 0; i < GMEM_PAGE_WORDS; i++)
		WRITE_ONCE(told->words[i], 0);
	ret = second_do(SECOND_READ, page, told);
	for (i = 0; i < GMEM_PAGE_WORDS; i++)
		words[i] = READ_ONCE(told->words[i]);
	return ret;
}

static int second_write(struct gmem_oracle *o, unsigned int page,
			const void *buf)
{
	struct second *told = addr_gva2hva(other.vm, (vm_vaddr_t)&second);
	const uint64_t *words = buf;
	int i;

	for (i = 0; i < GMEM_PAGE_WORDS; i++)
		WRITE_ONCE(told->words[i], words[i]);
	return second_do(SECOND_WRITE, page, told);
}

/* ---- the guest's own mappings ---- */

#define ALONE_SLOT	12
#define ALONE_GPA	(12ULL << 30)

/*
 * A file of one page that KVM knows by the file alone, and where the host has
 * the page: not the userspace_addr of the slot, which is 0, so that no
 * unmapping there takes it from the guest.
 */
static struct {
	int fd;
	uint64_t *word;
} alone;

static void alone_create(struct gmem_oracle *o)
{
	alone.fd = vm_create_guest_memfd(o->vm, PAGE_SIZE,
					 GUEST_MEMFD_FLAG_MMAP |
					 GUEST_MEMFD_FLAG_INIT_SHARED);
	alone.word = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
			  alone.fd, 0);
	TEST_ASSERT(alone.word != MAP_FAILED, "mmap: errno %d", errno);
	vm_set_user_memory_region2(o->vm, ALONE_SLOT, KVM_MEM_GUEST_MEMFD,
				   ALONE_GPA, PAGE_SIZE, NULL, alone.fd, 0);
	virt_map(o->vm, ALONE_GPA, ALONE_GPA, 1);
}

static void alone_delete(struct gmem_oracle *o)
{
	vm_set_user_memory_region2(o->vm, ALONE_SLOT, 0, ALONE_GPA, 0, NULL,
				   0, 0);
	munmap(alone.word, PAGE_SIZE);
	close(alone.fd);
}

static uint64_t guest_load(struct gmem_oracle *o)
{
	struct spare *told = addr_gva2hva(o->vm, (vm_vaddr_t)&spare);

	spare_do(o, SPARE_LOAD, ALONE_GPA, NULL);
	return READ_ONCE(told->word);
}

static void guest_store(struct gmem_oracle *o, uint64_t word)
{
	struct spare *told = addr_gva2hva(o->vm, (vm_vaddr_t)&spare);

	WRITE_ONCE(told->word, word);
	spare_do(o, SPARE_STORE, ALONE_GPA, NULL);
}

static bool convert_alone(bool private)
{
	int ret = gmem_try_set(alone.fd, 0, PAGE_SIZE, private, NULL);

	if (ret)
		ksft_print_msg("  conversion: %s\n", strerror(-ret));
	return !ret;
}

static bool is_word(const char *what, uint64_t found, uint64_t wanted)
{
	if (found != wanted)
		ksft_print_msg("  %s: %lx instead of %lx\n", what, found,
			       wanted);
	return found == wanted;
}

static bool converted_page_is_one(struct gmem_oracle *o, uint64_t i)
{
	bool good = true;

	WRITE_ONCE(*alone.word, i);
	good &= is_word("guest, shared", guest_load(o), i);
	good &= convert_alone(true);
	good &= is_word("guest, private", guest_load(o), i);
	guest_store(o, ~i);
	good &= convert_alone(false);
	good &= is_word("host, shared again", READ_ONCE(*alone.word), ~i);
	good &= is_word("guest, shared again", guest_load(o), ~i);
	return good;
}

static bool punched_page_is_one(struct gmem_oracle *o, uint64_t i)
{
	bool good = convert_alone(i & 1);

	TEST_ASSERT(!fallocate(alone.fd, FALLOC_FL_PUNCH_HOLE |
			       FALLOC_FL_KEEP_SIZE, 0, PAGE_SIZE),
		    "fallocate: errno %d", errno);
	good &= is_word("guest, hole", guest_load(o), 0);
	guest_store(o, i);
	good &= convert_alone(false);
	good &= is_word("host, after a hole", READ_ONCE(*alone.word), i);
	return good;
}

/* Guest and host have one page, after conversions and after holes. */
static bool check_one_page(struct gmem_oracle *o)
{
	bool good = true;
	uint64_t i;

	alone_create(o);
	for (i = 1; i <= 20 && good; i++)
		good = converted_page_is_one(o, i) && punched_page_is_one(o, i);
	alone_delete(o);
	ksft_print_msg("  %lu rounds\n", i - 1);
	return good;
}

static const struct gmem_path paths[] = {
	{ "emulated OUTS", 0, NULL, out_read },
	{ "emulated INS", 0, NULL, .write = in_write },
	{ "wall clock", GMEM_BLIND | GMEM_ITS_WORDS, NULL,
	  .write = wall_clock_write },
	{ "kvmclock", GMEM_BLIND | GMEM_ITS_WORDS, NULL, .write = clock_write,
	  .close = clock_close },
	{ "steal time", GMEM_BLIND | GMEM_ITS_WORDS, NULL,
	  .write = steal_write, .close = steal_close },
	{ "memory of a second VM", 0, second_open, second_read, second_write,
	  second_close },
	{ }
};

static const struct gmem_check checks[] = {
	{ "guest and host have one page", check_one_page },
	{ }
};

int main(int argc, char *argv[])
{
	gmem_attack_main(argc, argv, paths, checks, spare_code);
}
