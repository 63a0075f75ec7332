/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest that keeps secrets in the private pages of a guest_memfd, and says
 * whether somebody has touched them.
 *
 * Each word that the guest writes to a private page begins with GMEM_SECRET
 * and tells which word of which page it is. The guest wipes a page before it
 * gives it back, so no host may see GMEM_SECRET by any way, and the guest may
 * see nothing else in a page while it is private.
 */
#ifndef SELFTEST_KVM_GMEM_ORACLE_H
#define SELFTEST_KVM_GMEM_ORACLE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "kvm_util.h"
#include "processor.h"

#define GMEM_PAGE_WORDS		(PAGE_SIZE / sizeof(uint64_t))
#define GMEM_MAX_VCPUS		4
#define GMEM_CHURN_PER_VCPU	4
#define GMEM_GPA		BIT_ULL(32)
#define GMEM_SLOT		10

/* The upper halves of words: of the guest's secrets, its other data, ours. */
#define GMEM_SECRET		0x5ec2e7a9ULL
#define GMEM_PUBLIC		0x9b11c0deULL
#define GMEM_HOST		0x40574057ULL

#define GMEM_WORD(kind, low)	((kind) << 32 | (uint32_t)(low))
#define GMEM_KIND(word)		((uint64_t)(word) >> 32)

/* Pages of the file: for the test alone, always shared, always private. */
enum gmem_page {
	GMEM_PAGE_HOST,
	GMEM_PAGE_SHARED,
	GMEM_PAGE_PRIVATE,
	GMEM_PAGE_CHURN,	/* from here on the vCPUs convert them */
};

/**
 * struct gmem_guest - what a vCPU counts, in the guest's own memory.
 * @stop: set by the host: the guest ends after this round.
 * @rounds: rounds done.
 * @to_private: conversions to private done.
 * @busy: conversions to private refused because of a reference.
 * @words: words of private pages looked at.
 * @host_words: words of the host's seen in shared pages.
 * @violations: words that should not have been there.
 * @page: page of the file that had the last of them.
 * @index: word of that page.
 * @found: what was there.
 * @wanted: what should have been there; 0 for "no secret".
 */
struct gmem_guest {
	uint64_t stop;
	uint64_t rounds;
	uint64_t to_private;
	uint64_t busy;
	uint64_t words;
	uint64_t host_words;
	uint64_t violations;
	uint64_t page;
	uint64_t index;
	uint64_t found;
	uint64_t wanted;
};

/**
 * struct gmem_oracle - a VM whose vCPUs convert pages of a guest_memfd.
 * @vm: the VM.
 * @fd: its guest_memfd.
 * @pages: size of the file, in pages.
 * @mem: mapping of the file that is there all the time, also the slot's
 *	 userspace_addr.
 * @nr_vcpus: vCPUs that run.
 * @vcpus: these, and after them @nr_spare more for the test.
 * @nr_spare: number of those.
 * @guest: what they count.
 * @threads: the threads that run them.
 * @errors: what must never happen, seen by these threads.
 * @error: text about the last of it.
 */
struct gmem_oracle {
	struct kvm_vm *vm;
	int fd;
	unsigned int pages;
	uint64_t *mem;
	int nr_vcpus;
	int nr_spare;
	struct kvm_vcpu *vcpus[GMEM_MAX_VCPUS + 1];
	struct gmem_guest *guest[GMEM_MAX_VCPUS];
	pthread_t threads[GMEM_MAX_VCPUS];
	uint64_t errors;
	char error[128];
};

/**
 * gmem_try_set() - make a range of a guest_memfd private or shared.
 * @fd: the guest_memfd.
 * @offset: first byte.
 * @size: number of bytes.
 * @private: what it is to become.
 * @error_offset: set to what the kernel has written there, unless NULL.
 *
 * Return: 0 or a negative errno.
 */
int gmem_try_set(int fd, uint64_t offset, uint64_t size, bool private,
		 uint64_t *error_offset);

/**
 * gmem_find_secret() - the first word of the guest's secrets in a buffer.
 * @buf: aligned to 8 bytes.
 * @size: number of bytes.
 *
 * Return: the word, or 0.
 */
uint64_t gmem_find_secret(const void *buf, size_t size);

/**
 * gmem_page_addr() - where a page of the file is in the lasting mapping.
 * @o: the oracle.
 * @page: page of the file.
 */
static inline uint64_t *gmem_page_addr(struct gmem_oracle *o, unsigned int page)
{
	return o->mem + page * GMEM_PAGE_WORDS;
}

/**
 * gmem_oracle_create() - make the VM and its file; nothing runs yet.
 * @o: filled in.
 * @nr_vcpus: vCPUs that convert pages.
 * @spare_code: what one more vCPU runs that the test drives, or NULL.
 */
void gmem_oracle_create(struct gmem_oracle *o, int nr_vcpus, void *spare_code);

/**
 * gmem_oracle_start() - run the vCPUs, each in a thread of its own.
 * @o: the oracle. Returns when the guest has hidden its first secrets.
 */
void gmem_oracle_start(struct gmem_oracle *o);

/**
 * gmem_oracle_settle() - wait until each vCPU has looked at all its pages.
 * @o: the oracle.
 *
 * Return: false if one did not within a minute.
 */
bool gmem_oracle_settle(struct gmem_oracle *o);

/**
 * gmem_oracle_sum() - add up what the vCPUs have counted so far.
 * @o: the oracle.
 * @sum: filled in; @sum->page and what follows are of one of the vCPUs.
 */
void gmem_oracle_sum(struct gmem_oracle *o, struct gmem_guest *sum);

/**
 * gmem_oracle_stop() - end the vCPUs' threads, and free everything.
 * @o: the oracle.
 */
void gmem_oracle_stop(struct gmem_oracle *o);

#endif /* SELFTEST_KVM_GMEM_ORACLE_H */
