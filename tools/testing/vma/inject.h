/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fault injection: each step that can fail asks inject() whether it does.
 */
#ifndef _INJECT_H
#define _INJECT_H

#include <stdbool.h>

#include <linux/compiler.h>

/* The steps, and the functions of the kernel that they stand for. */
enum inject_step {
	INJECT_KMALLOC,		/* kmalloc(), kzalloc() */
	INJECT_HOOK,		/* mmap_proto(), mmap() */
	INJECT_SEALS,		/* memfd_check_seals_mmap() */
	INJECT_MLOCK,		/* mlock_future_ok() */
	INJECT_MDWE,		/* map_deny_write_exec() */
	INJECT_ARCH,		/* arch_validate_flags() */
	INJECT_WRITABLE,	/* mapping_map_writable() */
	INJECT_SPLIT,		/* vm_ops->may_split() */
	INJECT_VMA_DUP,		/* vm_area_dup() */
	INJECT_POLICY,		/* vma_dup_policy() */
	INJECT_ANON_VMA,	/* anon_vma_clone() */
	INJECT_NODE,		/* nodes of the maple tree */
	INJECT_UFFD,		/* userfaultfd_unmap_prep() */
	INJECT_LIMIT,		/* may_expand_vm() */
	INJECT_CHARGE,		/* security_vm_enough_memory_mm() */
	INJECT_VMA,		/* vm_area_alloc() */
	INJECT_SHMEM,		/* shmem_zero_setup() */
	INJECT_ENTRY,		/* entries of the page table */
	INJECT_MAPPED,		/* vm_ops->mapped() */
	INJECT_STEPS,
};

static struct {
	/* Set: which step fails: the first for 1, ...; 0: none. */
	unsigned long at;
	/* Set: do all steps fail from then on? */
	bool lasting;
	/* Read: steps taken since at was set by inject_at(). */
	unsigned long taken;
	/* Read: the last that failed; INJECT_STEPS while none has. */
	enum inject_step failed;
	/* Read: how often each was made to fail, since the program began. */
	unsigned long count[INJECT_STEPS];
} injection = { .failed = INJECT_STEPS };

static const char *const inject_names[] __maybe_unused = {
	[INJECT_KMALLOC] = "kmalloc",
	[INJECT_HOOK] = "hook",
	[INJECT_SEALS] = "seals",
	[INJECT_MLOCK] = "mlock limit",
	[INJECT_MDWE] = "MDWE",
	[INJECT_ARCH] = "arch flags",
	[INJECT_WRITABLE] = "writable file",
	[INJECT_SPLIT] = "may_split",
	[INJECT_VMA_DUP] = "VMA copy",
	[INJECT_POLICY] = "policy",
	[INJECT_ANON_VMA] = "anon_vma",
	[INJECT_NODE] = "maple node",
	[INJECT_UFFD] = "userfaultfd",
	[INJECT_LIMIT] = "limit",
	[INJECT_CHARGE] = "charge",
	[INJECT_VMA] = "VMA",
	[INJECT_SHMEM] = "shmem",
	[INJECT_ENTRY] = "page table",
	[INJECT_MAPPED] = "mapped",
	[INJECT_STEPS] = "nothing",
};

/* Let the step with that number from now on fail; with 0: none. */
static inline void inject_at(unsigned long at)
{
	injection.at = at;
	injection.taken = 0;
	injection.failed = INJECT_STEPS;
}

/* Does this step fail? */
static inline bool inject(enum inject_step step)
{
	if (!injection.at || ++injection.taken < injection.at ||
	    (injection.taken > injection.at && !injection.lasting))
		return false;

	injection.failed = step;
	injection.count[step]++;
	return true;
}

#endif /* _INJECT_H */
