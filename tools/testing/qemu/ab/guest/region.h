/* SPDX-License-Identifier: GPL-2.0-only */
/* Reads and writes memory that may not be there, and says what is mapped. */
#ifndef AB_REGION_H
#define AB_REGION_H

#include <stddef.h>
#include <sys/types.h>

#define PAGE 4096UL
#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#define __aligned(bytes) __attribute__((__aligned__(bytes)))

/**
 * region_describe() - what is mapped in a range of addresses.
 * @start: first address.
 * @len: in bytes.
 * @base: offset into the file that is shown as 0, in bytes.
 * @text: receives, for each VMA, "[FIRST-END PERMS OFFSET FLAGS LOCKED]" in
 *	pages from @start, in the words of /proc/self/smaps.
 * @size: of @text in bytes.
 *
 * Return: number of VMAs.
 */
int region_describe(const void *start, size_t len, off_t base, char *text,
		    size_t size);

/**
 * region_read() - add the bytes of a page to a checksum.
 * @addr: of the page.
 * @sum: the checksum.
 *
 * Return: 0, or the signal that came instead.
 */
int region_read(const void *addr, unsigned int *sum);

/**
 * region_touch() - read one aligned word, as device registers need.
 * @addr: aligned to four bytes.
 *
 * Return: 0, or the signal that came instead.
 */
int region_touch(const void *addr);

/** region_write() - write one byte; returns 0 or the signal. */
int region_write(void *addr, unsigned char value);

/** region_signal() - "ok", "SIGBUS", ... for what the above return. */
const char *region_signal(int number);

#endif /* AB_REGION_H */
