/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest of guest_memfd_vmm: 32-bit code without paging, which the VMM
 * copies to CODE_GPA. It decides what the host may see: everything it needs
 * from the VMM goes through pages that it has asked to be shared.
 */
#include "guest_memfd_vmm.h"

/* Where @label is once the program is loaded. */
#define LOADED(label)	(CODE_GPA + (label) - guest_begin)

/* Put an entry into the ring to the VMM, and ring the bell. */
.macro tell what, value
	mov	\value, %edx
	mov	$\what, %eax
	call	put_entry
.endm

/* Fail, with the number of this check, if what was compared is not equal. */
.macro must_be_equal number
	mov	$\number, %edi
	jne	failed
.endm

	.section guest_program, "ax", @progbits
	.code32
	.global guest_begin, guest_end
guest_begin:
	cld
	mov	$STACK_TOP, %esp
	tell	GUEST_HELLO, $0

	/* A secret that the VMM does not know; a copy of it is on the stack. */
	rdtsc
	mov	%eax, SECRET_GPA
	push	%eax
	tell	GUEST_SECRET, $SECRET_GPA

	/* Write a letter while nobody can look, then show it. */
	mov	$LOADED(letter), %esi
	mov	$BUFFER_GPA, %edi
	mov	$letter_end - letter, %ecx
	rep movsb
	mov	$HC_SHARED, %edx
	call	convert_buffer
	tell	GUEST_LETTER, $BUFFER_GPA

	/* The VMM has written its answer before it let us go on. */
	mov	TO_GUEST + RING_HEAD, %eax
	cmp	$1, %eax
	must_be_equal	1
	mov	TO_GUEST + RING_FIRST, %eax
	cmp	$VMM_ANSWER, %eax
	must_be_equal	2

	/* Take the buffer back: what the VMM has written stays in it. */
	mov	$HC_PRIVATE, %edx
	call	convert_buffer
	xor	%edx, %edx
	mov	$BUFFER_GPA, %esi
	mov	$BUFFER_SIZE / 4, %ecx
1:	lodsl
	add	%eax, %edx
	loop	1b
	tell	GUEST_SUM, %edx

	pop	%eax
	cmp	%eax, SECRET_GPA
	must_be_equal	3
	tell	GUEST_DONE, $0
	/* Not reached: the VMM does not let a guest go on that is done. */

failed:
	tell	GUEST_FAILED, %edi
	jmp	failed

/* Put the entry %eax with the value %edx into the ring to the VMM. */
put_entry:
	mov	TO_VMM + RING_HEAD, %ecx
	and	$RING_ENTRIES - 1, %ecx
	mov	%eax, TO_VMM + RING_FIRST(, %ecx, 8)
	mov	%edx, TO_VMM + RING_FIRST + 4(, %ecx, 8)
	incl	TO_VMM + RING_HEAD
	out	%al, $DOORBELL
	ret

/* Have the buffer made what %edx says: HC_SHARED or HC_PRIVATE. */
convert_buffer:
	mov	$HC_MAP_GPA_RANGE, %eax
	mov	$BUFFER_GPA, %ebx
	mov	$BUFFER_SIZE / 4096, %ecx
	mov	$CALL_GPA, %esi
	call	*%esi
	/* An ordinary VM has nothing but shared memory: go on with that. */
	cmp	$HC_UNSUPPORTED, %eax
	je	1f
	test	%eax, %eax
	must_be_equal	4
1:	ret

letter:
	.asciz	"I was written before I was shown"
letter_end:
guest_end:

	.section .note.GNU-stack, "", @progbits
