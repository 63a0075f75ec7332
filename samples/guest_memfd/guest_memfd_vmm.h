/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the VMM and its guest have agreed on: where things are, and what the
 * entries of the rings mean. For C and for the assembler.
 */
#ifndef GUEST_MEMFD_VMM_H
#define GUEST_MEMFD_VMM_H

/* Guest physical addresses, which are offsets into the guest_memfd as well. */
#define MEMORY_SIZE	0x100000
#define CODE_GPA	0x1000		/* private once it is loaded */
#define STACK_GPA	0x2000		/* private always */
#define STACK_TOP	0x3000
#define SECRET_GPA	0x3000		/* private always */
#define CALL_GPA	0x4000		/* shared always: the hypercall page */
#define RINGS_GPA	0x5000		/* shared always */
#define BUFFER_GPA	0x6000		/* private, shared, private again */
#define BUFFER_SIZE	0x4000

/*
 * A ring is a struct ring. The writer counts the entries that it has written
 * in head, the reader keeps for itself how many it has read.
 */
#define TO_VMM		RINGS_GPA
#define TO_GUEST	(RINGS_GPA + 0x800)
#define RING_HEAD	0
#define RING_ENTRIES	8
#define RING_FIRST	8		/* of entries of 8 bytes */

/* A byte written to this port tells the VMM that there are new entries. */
#define DOORBELL	0x10

/* What the guest tells, and the value that comes with it. */
#define GUEST_HELLO	1		/* 0 */
#define GUEST_SECRET	2		/* the address of its secret */
#define GUEST_LETTER	3		/* the address of a text, now shared */
#define GUEST_SUM	4		/* the sum of the buffer, now private */
#define GUEST_DONE	5		/* 0 */
#define GUEST_FAILED	6		/* the number of the check that failed */

/* What the VMM tells. */
#define VMM_ANSWER	1		/* 0; the answer is in the buffer */

/* Of linux/kvm_para.h, which is not for the assembler. */
#define HC_MAP_GPA_RANGE	12
#define HC_SHARED		0
#define HC_PRIVATE		0x10
#define HC_UNSUPPORTED		(-95)

#ifndef __ASSEMBLER__
/* The guest's program, to be copied to CODE_GPA. */
extern const char guest_begin[], guest_end[];
#endif

#endif /* GUEST_MEMFD_VMM_H */
