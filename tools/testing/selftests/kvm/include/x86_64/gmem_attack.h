/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tries ways to read and write the private pages of a guest, one after
 * another, while the guest converts pages back and forth.
 */
#ifndef SELFTEST_KVM_GMEM_ATTACK_H
#define SELFTEST_KVM_GMEM_ATTACK_H

#include <setjmp.h>

#include "gmem_oracle.h"
#include "kselftest.h"

/* It works on no page, be it shared or not. */
#define GMEM_NEVER	BIT(0)
/* It does not tell whether it has worked: the guest sees what it has done. */
#define GMEM_BLIND	BIT(1)
/* What it writes is its own choice. */
#define GMEM_ITS_WORDS	BIT(2)

/**
 * struct gmem_path - a way by which the host may try to reach a page.
 * @name: what it is called in the results.
 * @flags: GMEM_*.
 * @open: called once before, may be NULL; 0 or a negative errno.
 * @read: copies the page, from its begin on, into a page of memory; returns
 *	  the number of bytes, or a negative errno. NULL if it only writes.
 * @write: copies from a page of memory to the page. NULL if it only reads.
 * @close: called once after, may be NULL.
 */
struct gmem_path {
	const char *name;
	unsigned int flags;
	int (*open)(struct gmem_oracle *o);
	int (*read)(struct gmem_oracle *o, unsigned int page, void *buf);
	int (*write)(struct gmem_oracle *o, unsigned int page, const void *buf);
	void (*close)(struct gmem_oracle *o);
};

/**
 * struct gmem_check - something else to look at while the guest runs.
 * @name: what it is called in the results.
 * @run: true if it is as it must be; it prints the reason otherwise.
 */
struct gmem_check {
	const char *name;
	bool (*run)(struct gmem_oracle *o);
};

/* Where a SIGBUS of this thread continues; see gmem_guarded(). */
extern __thread sigjmp_buf gmem_sigbus_jump;
extern __thread volatile bool gmem_sigbus_expected;

/**
 * gmem_guarded() - do something that may end with SIGBUS.
 * @statement: what to do.
 *
 * Return: 0, or -EFAULT after a SIGBUS.
 */
#define gmem_guarded(statement)						\
({									\
	volatile int __ret = -EFAULT;					\
									\
	if (!sigsetjmp(gmem_sigbus_jump, 0)) {				\
		gmem_sigbus_expected = true;				\
		statement;						\
		__ret = 0;						\
	}								\
	gmem_sigbus_expected = false;					\
	__ret;								\
})

/**
 * gmem_catch_sigbus() - have gmem_guarded() work in all threads.
 */
void gmem_catch_sigbus(void);

/**
 * gmem_require_kernel() - end the test as skipped if the kernel cannot convert.
 */
void gmem_require_kernel(void);

/**
 * gmem_copy() - copy a page word by word.
 * @to: where to.
 * @from: where from; either may be a mapping of the guest_memfd.
 *
 * Return: the bytes of a page, or -EFAULT after a SIGBUS.
 */
int gmem_copy(uint64_t *to, const uint64_t *from);

/**
 * gmem_nonce() - the word that PAGE_SHARED begins with during an attempt.
 */
uint64_t gmem_nonce(void);

/**
 * gmem_attack_main() - the main function of an attacking program.
 * @argc: of main().
 * @argv: of main().
 * @paths: ways to try; the last one has no name.
 * @checks: other things to look at; the last one has no name.
 * @spare_code: what the guest runs on one more vCPU that paths drive, or NULL.
 *
 * Does not return.
 */
void __noreturn gmem_attack_main(int argc, char *argv[],
				 const struct gmem_path *paths,
				 const struct gmem_check *checks,
				 void *spare_code);

#endif /* SELFTEST_KVM_GMEM_ATTACK_H */
