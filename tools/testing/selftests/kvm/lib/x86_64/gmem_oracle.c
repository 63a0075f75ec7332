// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest that keeps secrets in private pages; see gmem_oracle.h.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <linux/kvm_para.h>

#include "gmem_oracle.h"
#include "guest_memfd.h"

/* How often the guest looks at its pages before it gives them back. */
#define SWEEPS		8
#define SETTLE_SECONDS	60

/* KVM wants this bit for "private", and none for "shared". */
#define MAP_GPA_PRIVATE	BIT(4)

static struct gmem_guest guest_state[GMEM_MAX_VCPUS];

static uint64_t *guest_page(unsigned int page)
{
	return (uint64_t *)(GMEM_GPA + (uint64_t)page * PAGE_SIZE);
}

static uint64_t secret_word(unsigned int page, uint64_t round, int index)
{
	return GMEM_WORD(GMEM_SECRET, page << 20 | (round & 0x7ff) << 9 |
			 index);
}

static void guest_report(struct gmem_guest *g, unsigned int page, int index,
			 uint64_t found, uint64_t wanted)
{
	g->page = page;
	g->index = index;
	g->found = found;
	g->wanted = wanted;
	WRITE_ONCE(g->violations, g->violations + 1);
}

static void guest_hide(unsigned int page, uint64_t round)
{
	uint64_t *words = guest_page(page);
	int i;

	for (i = 0; i < GMEM_PAGE_WORDS; i++)
		WRITE_ONCE(words[i], secret_word(page, round, i));
}

static void guest_wipe(unsigned int page)
{
	uint64_t *words = guest_page(page);
	int i;

	for (i = 0; i < GMEM_PAGE_WORDS; i++)
		WRITE_ONCE(words[i], GMEM_WORD(GMEM_PUBLIC, page << 9 | i));
}

/* Whoever has changed a word changes it once: it is written anew. */
static void guest_check_private(struct gmem_guest *g, unsigned int page,
				uint64_t round)
{
	uint64_t *words = guest_page(page);
	uint64_t wanted, found;
	int i;

	for (i = 0; i < GMEM_PAGE_WORDS; i++) {
		wanted = secret_word(page, round, i);
		found = READ_ONCE(words[i]);
		if (found == wanted)
			continue;
		guest_report(g, page, i, found, wanted);
		WRITE_ONCE(words[i], wanted);
	}
	g->words += GMEM_PAGE_WORDS;
}

static void guest_check_shared(struct gmem_guest *g, unsigned int page)
{
	uint64_t *words = guest_page(page);
	uint64_t found;
	int i;

	for (i = 0; i < GMEM_PAGE_WORDS; i++) {
		found = READ_ONCE(words[i]);
		if (GMEM_KIND(found) == GMEM_SECRET)
			guest_report(g, page, i, found, 0);
		if (GMEM_KIND(found) == GMEM_HOST)
			g->host_words++;
	}
}

static uint64_t guest_convert(unsigned int page, unsigned int nr, bool private)
{
	return __kvm_hypercall_map_gpa_range(GMEM_GPA + page * PAGE_SIZE,
					     nr * PAGE_SIZE,
					     private ? MAP_GPA_PRIVATE : 0);
}

/* Returns false if somebody holds one of the pages. */
static bool guest_keep_secrets(struct gmem_guest *g, unsigned int first,
			       unsigned int nr, bool keeper)
{
	unsigned int page, sweep;

	if (guest_convert(first, nr, true)) {
		WRITE_ONCE(g->busy, g->busy + 1);
		return false;
	}
	WRITE_ONCE(g->to_private, g->to_private + 1);

	for (page = first; page < first + nr; page++)
		guest_hide(page, g->rounds);
	for (sweep = 0; sweep < SWEEPS; sweep++) {
		for (page = first; page < first + nr; page++)
			guest_check_private(g, page, g->rounds);
		if (keeper)
			guest_check_private(g, GMEM_PAGE_PRIVATE, 0);
	}
	for (page = first; page < first + nr; page++)
		guest_wipe(page);
	GUEST_ASSERT(!guest_convert(first, nr, false));
	return true;
}

/* @first and @nr are this vCPU's pages; the first vCPU also keeps one. */
static void guest_code(struct gmem_guest *g, unsigned int first,
		       unsigned int nr, bool keeper)
{
	uint64_t random = rdtsc() | 1;
	unsigned int skip, some, page;

	if (keeper)
		guest_hide(GMEM_PAGE_PRIVATE, 0);

	while (!READ_ONCE(g->stop)) {
		random = random * 6364136223846793005ULL + 1442695040888963407ULL;
		skip = (random >> 33) % nr;
		some = 1 + (random >> 48) % (nr - skip);
		guest_keep_secrets(g, first + skip, some, keeper);
		if (keeper)
			guest_check_private(g, GMEM_PAGE_PRIVATE, 0);
		for (page = first; page < first + nr; page++)
			guest_check_shared(g, page);
		WRITE_ONCE(g->rounds, g->rounds + 1);
	}
	GUEST_DONE();
}

int gmem_try_set(int fd, uint64_t offset, uint64_t size, bool private,
		 uint64_t *error_offset)
{
	struct kvm_memory_attributes2 attributes = {
		.offset = offset,
		.size = size,
		.attributes = private ? KVM_MEMORY_ATTRIBUTE_PRIVATE : 0,
		.error_offset = ~0ULL,
	};
	int ret = ioctl(fd, KVM_SET_MEMORY_ATTRIBUTES2, &attributes);

	if (error_offset)
		*error_offset = attributes.error_offset;
	return ret ? -errno : 0;
}

uint64_t gmem_find_secret(const void *buf, size_t size)
{
	const uint64_t *words = buf;
	size_t i;

	for (i = 0; i < size / sizeof(*words); i++)
		if (GMEM_KIND(words[i]) == GMEM_SECRET)
			return words[i];
	return 0;
}

static void host_error(struct gmem_oracle *o, const char *what, long detail)
{
	snprintf(o->error, sizeof(o->error), "%s: %ld", what, detail);
	__atomic_fetch_add(&o->errors, 1, __ATOMIC_SEQ_CST);
}

/* The guest is told whether the pages are what it wants them to be. */
static void handle_conversion(struct gmem_oracle *o, struct kvm_run *run)
{
	uint64_t offset = run->hypercall.args[0] - GMEM_GPA;
	uint64_t size = run->hypercall.args[1] * PAGE_SIZE;
	bool private = run->hypercall.args[2] & MAP_GPA_PRIVATE;
	uint64_t where;
	int ret;

	ret = gmem_try_set(o->fd, offset, size, private, &where);
	if (ret == -EAGAIN && !private)
		host_error(o, "a conversion to shared is refused at", where);
	else if (ret == -EAGAIN && (where < offset || where >= offset + size ||
				    where % PAGE_SIZE))
		host_error(o, "error_offset of EAGAIN", where);
	else if (ret && ret != -EAGAIN)
		host_error(o, "a conversion fails with errno", -ret);
	run->hypercall.ret = ret ? 1 : 0;
}

struct vcpu_thread {
	struct gmem_oracle *o;
	struct kvm_vcpu *vcpu;
};

static void *run_vcpu(void *arg)
{
	struct vcpu_thread thread = *(struct vcpu_thread *)arg;
	struct kvm_run *run = thread.vcpu->run;
	struct ucall uc;
	int ret;

	free(arg);
	for (;;) {
		ret = __vcpu_run(thread.vcpu);
		TEST_ASSERT(!ret, "KVM_RUN: errno %d, exit reason %s, gpa %llx",
			    errno, exit_reason_str(run->exit_reason),
			    run->memory_fault.gpa);
		if (run->exit_reason == KVM_EXIT_HYPERCALL) {
			handle_conversion(thread.o, run);
			continue;
		}
		/* A guest that has shut down cannot say why. */
		if (run->exit_reason == KVM_EXIT_SHUTDOWN)
			gmem_show_shutdown(thread.vcpu);
		TEST_ASSERT(run->exit_reason == KVM_EXIT_IO,
			    "Unexpected exit: %s",
			    exit_reason_str(run->exit_reason));
		switch (get_ucall(thread.vcpu, &uc)) {
		case UCALL_ABORT:
			REPORT_GUEST_ASSERT(uc);
		case UCALL_DONE:
			return NULL;
		default:
			TEST_FAIL("Unknown ucall %lu", uc.cmd);
		}
	}
}

void gmem_oracle_create(struct gmem_oracle *o, int nr_vcpus, void *spare_code)
{
	const struct vm_shape shape = {
		.mode = VM_MODE_DEFAULT,
		.type = KVM_X86_SW_PROTECTED_VM,
	};
	size_t size;
	int i;

	TEST_ASSERT(nr_vcpus > 0 && nr_vcpus <= GMEM_MAX_VCPUS,
		    "1 to %d vCPUs", GMEM_MAX_VCPUS);
	memset(o, 0, sizeof(*o));
	o->nr_vcpus = nr_vcpus;
	o->nr_spare = !!spare_code;
	o->pages = GMEM_PAGE_CHURN + nr_vcpus * GMEM_CHURN_PER_VCPU;
	size = o->pages * PAGE_SIZE;

	o->vm = __vm_create_with_vcpus(shape, nr_vcpus + o->nr_spare, 0,
				       guest_code, o->vcpus);
	vm_enable_cap(o->vm, KVM_CAP_EXIT_HYPERCALL, 1 << KVM_HC_MAP_GPA_RANGE);

	o->fd = vm_create_guest_memfd(o->vm, size, GUEST_MEMFD_FLAG_MMAP |
				      GUEST_MEMFD_FLAG_INIT_SHARED);
	o->mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, o->fd, 0);
	TEST_ASSERT(o->mem != MAP_FAILED, "mmap: errno %d", errno);
	vm_set_user_memory_region2(o->vm, GMEM_SLOT, KVM_MEM_GUEST_MEMFD,
				   GMEM_GPA, size, o->mem, o->fd, 0);
	virt_map(o->vm, GMEM_GPA, GMEM_GPA, o->pages);

	i = gmem_try_set(o->fd, GMEM_PAGE_PRIVATE * PAGE_SIZE, PAGE_SIZE, true,
			 NULL);
	TEST_ASSERT(!i, "The first conversion fails with errno %d", -i);

	for (i = 0; i < nr_vcpus; i++) {
		o->guest[i] = addr_gva2hva(o->vm, (vm_vaddr_t)&guest_state[i]);
		vcpu_args_set(o->vcpus[i], 4, &guest_state[i], GMEM_PAGE_CHURN +
			      i * GMEM_CHURN_PER_VCPU, GMEM_CHURN_PER_VCPU, !i);
	}
	if (spare_code)
		vcpu_arch_set_entry_point(o->vcpus[nr_vcpus], spare_code);
}

void gmem_oracle_start(struct gmem_oracle *o)
{
	struct vcpu_thread *thread;
	int i;

	for (i = 0; i < o->nr_vcpus; i++) {
		thread = malloc(sizeof(*thread));
		TEST_ASSERT(thread, "No memory");
		thread->o = o;
		thread->vcpu = o->vcpus[i];
		pthread_create(&o->threads[i], NULL, run_vcpu, thread);
	}
	TEST_ASSERT(gmem_oracle_settle(o), "The guest does not run");
}

bool gmem_oracle_settle(struct gmem_oracle *o)
{
	time_t end = time(NULL) + SETTLE_SECONDS;
	uint64_t rounds;
	int i;

	for (i = 0; i < o->nr_vcpus; i++) {
		rounds = READ_ONCE(o->guest[i]->rounds) + 2;
		while (READ_ONCE(o->guest[i]->rounds) < rounds) {
			if (time(NULL) > end)
				return false;
			usleep(1000);
		}
	}
	return true;
}

void gmem_oracle_sum(struct gmem_oracle *o, struct gmem_guest *sum)
{
	struct gmem_guest *guest;
	int i;

	memset(sum, 0, sizeof(*sum));
	for (i = 0; i < o->nr_vcpus; i++) {
		guest = o->guest[i];
		if (READ_ONCE(guest->violations)) {
			sum->page = guest->page;
			sum->index = guest->index;
			sum->found = guest->found;
			sum->wanted = guest->wanted;
		}
		sum->rounds += READ_ONCE(guest->rounds);
		sum->to_private += READ_ONCE(guest->to_private);
		sum->busy += READ_ONCE(guest->busy);
		sum->words += READ_ONCE(guest->words);
		sum->host_words += READ_ONCE(guest->host_words);
		sum->violations += READ_ONCE(guest->violations);
	}
}

void gmem_oracle_stop(struct gmem_oracle *o)
{
	int i;

	for (i = 0; i < o->nr_vcpus; i++)
		WRITE_ONCE(o->guest[i]->stop, 1);
	for (i = 0; i < o->nr_vcpus; i++)
		pthread_join(o->threads[i], NULL);
	kvm_vm_free(o->vm);
	munmap(o->mem, o->pages * PAGE_SIZE);
	close(o->fd);
}
