// SPDX-License-Identifier: GPL-2.0-only
/*
 * What guest_memfd costs in the machine of tools/testing/qemu, in ticks of the
 * time stamp counter, which are instructions when QEMU runs with -icount shift=0:
 * faults of the host beside those of a memfd, conversions in place beside those
 * of a VMM with two backends, with few ranges and with many.
 *
 * Prints a line "bench NAME TICKS" for each case, of one page; "missing gmem" if
 * the kernel cannot convert in place.
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/kvm.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <x86intrin.h>

#ifdef KVM_CAP_GUEST_MEMFD_MEMORY_ATTRIBUTES

#define PAGE		4096UL
#define PAGES		4096UL
#define GIB_PAGES	(1UL << 18)
#define GPA		(1UL << 32)
/* Of the median of so many rounds. */
#define ROUNDS		5
#define MANY_RANGES	100000UL

enum backing { IN_PLACE, TWO_BACKENDS };

/*
 * @memory: where the host has mapped what it shares
 * @memfd: the other backend, if there are two
 */
struct machine {
	enum backing backing;
	unsigned long pages;
	int vm;
	int vcpu;
	int gmem;
	int memfd;
	char *memory;
};

static int kvm;

static int do_ioctl(int fd, unsigned long request, void *arg, const char *what)
{
	int r = ioctl(fd, request, arg);

	if (r < 0)
		err(1, "%s", what);
	return r;
}

static char *map_file(int fd, unsigned long pages)
{
	char *memory = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE,
			    MAP_SHARED, fd, 0);

	if (memory == MAP_FAILED)
		err(1, "mmap");
	return memory;
}

static void bind(struct machine *machine)
{
	struct kvm_userspace_memory_region2 slot = {
		.flags = KVM_MEM_GUEST_MEMFD,
		.guest_phys_addr = GPA,
		.memory_size = machine->pages * PAGE,
		.userspace_addr = (unsigned long)machine->memory,
		.guest_memfd = machine->gmem,
	};

	do_ioctl(machine->vm, KVM_SET_USER_MEMORY_REGION2, &slot, "slot");
}

static struct machine new_machine(enum backing backing, unsigned long pages,
				  bool bound)
{
	struct kvm_create_guest_memfd create = {
		.size = pages * PAGE,
		.flags = backing == IN_PLACE ? GUEST_MEMFD_FLAG_MMAP : 0,
	};
	struct machine machine = { .backing = backing, .pages = pages };

	machine.vm = ioctl(kvm, KVM_CREATE_VM, KVM_X86_SW_PROTECTED_VM);
	if (machine.vm < 0)
		err(1, "KVM_CREATE_VM");
	machine.vcpu = ioctl(machine.vm, KVM_CREATE_VCPU, 0);
	if (machine.vcpu < 0)
		err(1, "KVM_CREATE_VCPU");
	machine.gmem = do_ioctl(machine.vm, KVM_CREATE_GUEST_MEMFD, &create,
				"KVM_CREATE_GUEST_MEMFD");
	machine.memfd = memfd_create("bench", 0);
	if (machine.memfd < 0 || ftruncate(machine.memfd, pages * PAGE))
		err(1, "memfd");
	machine.memory = map_file(backing == IN_PLACE ? machine.gmem :
				  machine.memfd, pages);
	if (bound)
		bind(&machine);
	return machine;
}

static void free_machine(struct machine *machine)
{
	munmap(machine->memory, machine->pages * PAGE);
	close(machine->gmem);
	close(machine->memfd);
	close(machine->vcpu);
	close(machine->vm);
}

static void punch_hole(int fd, unsigned long page, unsigned long pages)
{
	if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		      page * PAGE, pages * PAGE))
		err(1, "fallocate");
}

/* Make pages private or shared, and free what is not used any more. */
static void convert(struct machine *machine, unsigned long page,
		    unsigned long pages, bool private)
{
	struct kvm_memory_attributes2 in_place = {
		.offset = page * PAGE,
		.size = pages * PAGE,
		.attributes = private ? KVM_MEMORY_ATTRIBUTE_PRIVATE : 0,
	};
	struct kvm_memory_attributes attributes = {
		.address = GPA + page * PAGE,
		.size = pages * PAGE,
		.attributes = in_place.attributes,
	};

	if (machine->backing == IN_PLACE) {
		do_ioctl(machine->gmem, KVM_SET_MEMORY_ATTRIBUTES2, &in_place,
			 "KVM_SET_MEMORY_ATTRIBUTES2");
		return;
	}

	do_ioctl(machine->vm, KVM_SET_MEMORY_ATTRIBUTES, &attributes,
		 "KVM_SET_MEMORY_ATTRIBUTES");
	punch_hole(private ? machine->memfd : machine->gmem, page, pages);
}

static void touch(char *memory, unsigned long page, unsigned long pages)
{
	for (; pages--; page++)
		*(volatile char *)(memory + page * PAGE) = 1;
}

/* Let the guest have all pages mapped, as its faults would. */
static void map_in_guest(struct machine *machine)
{
	struct kvm_pre_fault_memory range = {
		.gpa = GPA,
		.size = machine->pages * PAGE,
	};

	while (range.size)
		do_ioctl(machine->vcpu, KVM_PRE_FAULT_MEMORY, &range,
			 "KVM_PRE_FAULT_MEMORY");
}

static int compare(const void *one, const void *other)
{
	const double difference = *(double *)one - *(double *)other;

	return (difference > 0) - (difference < 0);
}

static void report(const char *name, double *ticks, int rounds)
{
	qsort(ticks, rounds, sizeof(ticks[0]), compare);
	printf("bench %s %.1f\n", name, ticks[rounds / 2]);
	fflush(stdout);
}

/* ---- faults of the host ---- */

static void bench_faults(const char *name, char *memory, int fd)
{
	double first[ROUNDS], again[ROUNDS];
	char text[64];
	int i;

	for (i = 0; i < ROUNDS; i++) {
		unsigned long begun;

		punch_hole(fd, 0, PAGES);
		begun = __rdtsc();
		touch(memory, 0, PAGES);
		first[i] = (double)(__rdtsc() - begun) / PAGES;

		if (madvise(memory, PAGES * PAGE, MADV_DONTNEED))
			err(1, "madvise");
		begun = __rdtsc();
		touch(memory, 0, PAGES);
		again[i] = (double)(__rdtsc() - begun) / PAGES;
	}

	snprintf(text, sizeof(text), "%s-fault", name);
	report(text, first, ROUNDS);
	snprintf(text, sizeof(text), "%s-refault", name);
	report(text, again, ROUNDS);
}

static void bench_host(bool bound)
{
	struct machine machine = new_machine(IN_PLACE, PAGES, bound);

	convert(&machine, 0, PAGES, false);
	if (bound) {
		touch(machine.memory, 0, PAGES);
		map_in_guest(&machine);
	}
	bench_faults(bound ? "gmem-bound" : "gmem", machine.memory,
		     machine.gmem);
	if (!bound)
		bench_faults("memfd", map_file(machine.memfd, PAGES),
			     machine.memfd);
	free_machine(&machine);
}

/* ---- conversions ---- */

static void bench_conversions(const char *name, enum backing backing,
			      unsigned long pages, unsigned long at_once,
			      bool bound)
{
	/* Of a gigabyte one round is enough: it has many pages. */
	const int rounds = pages == GIB_PAGES ? 1 : ROUNDS;
	double to_private[ROUNDS], to_shared[ROUNDS];
	struct machine machine = new_machine(backing, pages, bound);
	unsigned long page, begun;
	char text[64];
	int i;

	convert(&machine, 0, pages, false);
	touch(machine.memory, 0, pages);
	for (i = 0; i < rounds; i++) {
		if (bound)
			map_in_guest(&machine);
		begun = __rdtsc();
		for (page = 0; page < pages; page += at_once)
			convert(&machine, page, at_once, true);
		to_private[i] = (double)(__rdtsc() - begun) / pages;

		if (bound)
			map_in_guest(&machine);
		begun = __rdtsc();
		for (page = 0; page < pages; page += at_once) {
			convert(&machine, page, at_once, false);
			touch(machine.memory, page, at_once);
		}
		to_shared[i] = (double)(__rdtsc() - begun) / pages;
	}
	free_machine(&machine);

	snprintf(text, sizeof(text), "%s-private", name);
	report(text, to_private, rounds);
	snprintf(text, sizeof(text), "%s-shared", name);
	report(text, to_shared, rounds);
}

/* ---- ranges ---- */

/*
 * Convert one page to and fro, and fault it, in the middle of a file in which
 * every other page is shared, or none but one.
 */
static void bench_ranges(const char *name, unsigned long ranges)
{
	double conversion[ROUNDS], fault[ROUNDS];
	struct machine machine = new_machine(IN_PLACE, 2 * MANY_RANGES, true);
	unsigned long begun, page, n;
	char text[64];
	int i;

	for (page = 0; page < 2 * ranges; page += 2)
		convert(&machine, page, 1, false);
	page = ranges / 2 * 2;

	for (i = 0; i < ROUNDS; i++) {
		convert(&machine, page, 1, false);
		touch(machine.memory, page, 1);

		begun = __rdtsc();
		for (n = 0; n < 1000; n++) {
			convert(&machine, page, 1, true);
			convert(&machine, page, 1, false);
		}
		conversion[i] = (double)(__rdtsc() - begun) / 2000;

		begun = __rdtsc();
		for (n = 0; n < 1000; n++) {
			if (madvise(machine.memory + page * PAGE, PAGE,
				    MADV_DONTNEED))
				err(1, "madvise");
			touch(machine.memory, page, 1);
		}
		fault[i] = (double)(__rdtsc() - begun) / 1000;
	}
	free_machine(&machine);

	snprintf(text, sizeof(text), "%s-convert", name);
	report(text, conversion, ROUNDS);
	snprintf(text, sizeof(text), "%s-fault", name);
	report(text, fault, ROUNDS);
}

/* ---- faults of the guest ---- */

static void bench_guest(const char *name, enum backing backing)
{
	struct machine machine = new_machine(backing, PAGES, true);
	double first[ROUNDS];
	unsigned long begun;
	int i;

	convert(&machine, 0, PAGES, true);
	for (i = 0; i < ROUNDS; i++) {
		punch_hole(machine.gmem, 0, PAGES);
		begun = __rdtsc();
		map_in_guest(&machine);
		first[i] = (double)(__rdtsc() - begun) / PAGES;
	}
	free_machine(&machine);
	report(name, first, ROUNDS);
}

int main(void)
{
	kvm = open("/dev/kvm", O_RDWR);
	if (kvm < 0)
		err(1, "/dev/kvm");
	if (ioctl(kvm, KVM_CHECK_EXTENSION,
		  KVM_CAP_GUEST_MEMFD_MEMORY_ATTRIBUTES) <= 0)
		errx(1, "the kernel does not convert in place");

	bench_host(false);
	bench_host(true);

	bench_conversions("page", IN_PLACE, PAGES, 1, false);
	bench_conversions("page-two", TWO_BACKENDS, PAGES, 1, false);
	bench_conversions("page-bound", IN_PLACE, PAGES, 1, true);
	bench_conversions("page-two-bound", TWO_BACKENDS, PAGES, 1, true);
	bench_conversions("all", IN_PLACE, PAGES, PAGES, false);
	bench_conversions("all-two", TWO_BACKENDS, PAGES, PAGES, false);
	bench_conversions("all-bound", IN_PLACE, PAGES, PAGES, true);
	bench_conversions("all-two-bound", TWO_BACKENDS, PAGES, PAGES, true);
	bench_conversions("gib", IN_PLACE, GIB_PAGES, GIB_PAGES, false);
	bench_conversions("gib-two", TWO_BACKENDS, GIB_PAGES, GIB_PAGES, false);
	bench_conversions("gib-bound", IN_PLACE, GIB_PAGES, GIB_PAGES, true);
	bench_conversions("gib-two-bound", TWO_BACKENDS, GIB_PAGES, GIB_PAGES,
			  true);

	bench_ranges("range", 1);
	bench_ranges("ranges", MANY_RANGES);

	bench_guest("guest", IN_PLACE);
	bench_guest("guest-two", TWO_BACKENDS);
	return 0;
}

#else

int main(void)
{
	puts("missing gmem");
	return 0;
}

#endif
