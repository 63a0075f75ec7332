// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest_memfd's folios are never replaced by a huge one: the guest would go on
 * using the old ones.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <linux/bits.h>
#include <linux/mman.h>
#include <linux/sizes.h>

#include "kvm_test_harness.h"
#include "kvm_util.h"
#include "processor.h"
#include "test_util.h"

#define THP "/sys/kernel/mm/transparent_hugepage/"
#define KHUGEPAGED THP "khugepaged/"

#define TEST_GPA SZ_4G
#define TEST_GVA 0xc0000000UL
#define TEST_SLOT 10
#define PMD_SIZE SZ_2M
#define PMD_PAGES (PMD_SIZE / SZ_4K)

#define KHUGEPAGED_SECONDS 60
#define PAGEMAP_PRESENT BIT_ULL(63)
#define PAGEMAP_PFN (BIT_ULL(55) - 1)

/* ---- what the kernel has in /sys and /proc ---- */

static void read_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY);
	ssize_t len;

	TEST_ASSERT(fd >= 0, "cannot open %s: %s", path, strerror(errno));
	len = read(fd, text, size - 1);
	TEST_ASSERT(len >= 0, "cannot read %s: %s", path, strerror(errno));
	text[len] = '\0';
	close(fd);
}

static void write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	TEST_ASSERT(fd >= 0, "cannot open %s: %s", path, strerror(errno));
	TEST_ASSERT(write(fd, text, strlen(text)) == strlen(text),
		    "cannot write %s: %s", path, strerror(errno));
	close(fd);
}

static unsigned long read_number(const char *path)
{
	char text[64];

	read_text(path, text, sizeof(text));
	return strtoul(text, NULL, 10);
}

/* Page frame numbers of the PMD_PAGES pages at @memory. */
static void page_frames(const void *memory, uint64_t *frames)
{
	off_t offset = (uintptr_t)memory / SZ_4K * sizeof(*frames);
	size_t size = PMD_PAGES * sizeof(*frames);
	int fd = open("/proc/self/pagemap", O_RDONLY);
	int i;

	TEST_ASSERT(fd >= 0, "cannot open pagemap: %s", strerror(errno));
	TEST_ASSERT(pread(fd, frames, size, offset) == size,
		    "cannot read pagemap: %s", strerror(errno));
	close(fd);
	for (i = 0; i < PMD_PAGES; i++) {
		TEST_ASSERT(frames[i] & PAGEMAP_PRESENT,
			    "page %d is not mapped", i);
		frames[i] &= PAGEMAP_PFN;
		TEST_ASSERT(frames[i], "page frame numbers need root");
	}
}

static bool is_one_block(const uint64_t *frames)
{
	int i;

	for (i = 1; i < PMD_PAGES; i++)
		if (frames[i] != frames[0] + i)
			return false;
	return !(frames[0] % PMD_PAGES);
}

/* ---- the guest ---- */

static uint64_t guest_value;

/* Write a word of each page. */
static void guest_code(void)
{
	unsigned long i;
	uint64_t *word;

	for (;;) {
		for (i = 0; i < PMD_PAGES; i++) {
			word = (uint64_t *)(TEST_GVA + i * SZ_4K);
			WRITE_ONCE(*word, READ_ONCE(guest_value) + i);
		}
		GUEST_SYNC(0);
	}
}

FIXTURE(thp) {
	struct kvm_vm *vm;
	struct kvm_vcpu *vcpu;
	int fd;
	/* An aligned mapping of the first PMD_SIZE bytes of the file. */
	char *memory;
	uint64_t frames[PMD_PAGES];
};

/* PMD_SIZE bytes, aligned; PROT_NONE before and behind them. */
static char *map_aligned(int flags, int fd)
{
	char *area, *memory;

	area = mmap(NULL, 3 * PMD_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
		    -1, 0);
	TEST_ASSERT(area != MAP_FAILED, "mmap: %s", strerror(errno));
	area = align_ptr_up(area + SZ_4K, PMD_SIZE);
	memory = mmap(area, PMD_SIZE, PROT_READ | PROT_WRITE, flags | MAP_FIXED,
		      fd, 0);
	TEST_ASSERT(memory == area, "mmap: %s", strerror(errno));
	return memory;
}

static void guest_write(FIXTURE_DATA(thp) *self, uint64_t value)
{
	struct ucall uc;

	guest_value = value;
	sync_global_to_guest(self->vm, guest_value);
	vcpu_run(self->vcpu);
	TEST_ASSERT_EQ(get_ucall(self->vcpu, &uc), UCALL_SYNC);
}

/* What the guest has written is there for the host. Reads, so as not to dirty. */
static void expect_written(struct __test_metadata *_metadata,
			   FIXTURE_DATA(thp) *self, uint64_t value)
{
	uint64_t *word, missing = 0;
	unsigned long i;

	for (i = 0; i < PMD_PAGES; i++) {
		word = (uint64_t *)(self->memory + i * SZ_4K);
		missing += READ_ONCE(*word) != value + i;
	}
	EXPECT_EQ(0, missing);
}

static void expect_unchanged(struct __test_metadata *_metadata,
			     FIXTURE_DATA(thp) *self)
{
	uint64_t frames[PMD_PAGES];

	page_frames(self->memory, frames);
	EXPECT_EQ(0, memcmp(self->frames, frames, sizeof(frames)));

	guest_write(self, 2000);
	expect_written(_metadata, self, 2000);
}

FIXTURE_SETUP(thp) {
	if (!(kvm_check_cap(KVM_CAP_GUEST_MEMFD_FLAGS) & GUEST_MEMFD_FLAG_MMAP))
		SKIP(return, "guest_memfd cannot be mapped");

	self->vm = vm_create_with_one_vcpu(&self->vcpu, guest_code);
	self->fd = vm_create_guest_memfd(self->vm, PMD_SIZE,
					 GUEST_MEMFD_FLAG_MMAP |
					 GUEST_MEMFD_FLAG_INIT_SHARED);
	vm_mem_add(self->vm, VM_MEM_SRC_ANONYMOUS, TEST_GPA, TEST_SLOT,
		   PMD_PAGES, KVM_MEM_GUEST_MEMFD, self->fd, 0);
	virt_map(self->vm, TEST_GVA, TEST_GPA, PMD_PAGES);

	self->memory = map_aligned(MAP_SHARED, self->fd);
	guest_write(self, 1000);
	expect_written(_metadata, self, 1000);
	page_frames(self->memory, self->frames);
	/* By luck they might be what a collapse would make of them. */
	ASSERT_FALSE(is_one_block(self->frames));
}

FIXTURE_TEARDOWN(thp) {
	munmap(self->memory, PMD_SIZE);
	close(self->fd);
	kvm_vm_free(self->vm);
}

TEST_F(thp, madvise)
{
	EXPECT_EQ(0, madvise(self->memory, PMD_SIZE, MADV_HUGEPAGE));
	EXPECT_EQ(-1, madvise(self->memory, PMD_SIZE, MADV_COLLAPSE));
	EXPECT_EQ(EINVAL, errno);
	expect_unchanged(_metadata, self);
}

static void wait_for_full_scans(unsigned long number)
{
	unsigned long begin = read_number(KHUGEPAGED "full_scans");
	time_t end = time(NULL) + KHUGEPAGED_SECONDS;

	while (read_number(KHUGEPAGED "full_scans") < begin + number) {
		TEST_ASSERT(time(NULL) < end, "khugepaged does not scan");
		usleep(10000);
	}
}

/*
 * Anonymous memory beside the file is collapsed, which shows that khugepaged
 * works and comes by. The file is not.
 */
TEST_F_TIMEOUT(thp, khugepaged, 3 * KHUGEPAGED_SECONDS)
{
	char enabled[64], sleep_before[64], *word, *other;
	uint64_t frames[PMD_PAGES];
	time_t end;

	read_text(THP "enabled", enabled, sizeof(enabled));
	read_text(KHUGEPAGED "scan_sleep_millisecs", sleep_before,
		  sizeof(sleep_before));
	write_text(THP "enabled", "madvise");
	write_text(KHUGEPAGED "scan_sleep_millisecs", "10");

	other = map_aligned(MAP_PRIVATE | MAP_ANONYMOUS, -1);
	ASSERT_EQ(0, madvise(other, PMD_SIZE, MADV_NOHUGEPAGE));
	memset(other, 1, PMD_SIZE);
	ASSERT_EQ(0, madvise(other, PMD_SIZE, MADV_HUGEPAGE));
	ASSERT_EQ(0, madvise(self->memory, PMD_SIZE, MADV_HUGEPAGE));

	end = time(NULL) + KHUGEPAGED_SECONDS;
	do {
		ASSERT_LT(time(NULL), end);
		usleep(10000);
		page_frames(other, frames);
	} while (!is_one_block(frames));
	wait_for_full_scans(3);

	/* Where it was unmapped for a collapse, map it again. */
	expect_written(_metadata, self, 1000);
	expect_unchanged(_metadata, self);

	write_text(KHUGEPAGED "scan_sleep_millisecs", sleep_before);
	word = strtok(strchr(enabled, '[') + 1, "]");
	write_text(THP "enabled", word);
	munmap(other, PMD_SIZE);
}

int main(int argc, char *argv[])
{
	__TEST_REQUIRE(!access(KHUGEPAGED "full_scans", R_OK),
		       "CONFIG_TRANSPARENT_HUGEPAGE is needed");
	__TEST_REQUIRE(!geteuid(), "root is needed");
	return test_harness_run(argc, argv);
}
