/* SPDX-License-Identifier: GPL-2.0-only */
/* Maps a file in every way, and records what comes of each. */
#ifndef AB_MATRIX_H
#define AB_MATRIX_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/**
 * struct target - a file that can be mapped, or refuses to be.
 * @label: tells it from other targets of the same thing; may be NULL.
 * @fd: the file.
 * @base: first offset that can be mapped, in bytes.
 * @size: how much can be mapped from there, in bytes; 0 stands for a page.
 * @contents: what is in it is always the same.
 * @write: writing to it does no harm.
 * @quiet: it is mapped and never accessed.
 * @whole: only all of it can be mapped, so there are fewer combinations.
 */
struct target {
	const char *label;
	int fd;
	off_t base;
	size_t size;
	bool contents;
	bool write;
	bool quiet;
	bool whole;
};

/** matrix_short() - from now on leave out what costs much time. */
void matrix_short(void);

/** matrix_is_short() - was it asked for? */
bool matrix_is_short(void);

/**
 * matrix_run() - do everything with a target.
 * @target: the file; it stays open.
 */
void matrix_run(const struct target *target);

/**
 * matrix_few() - map a target once for each kind of sharing.
 * @target: the file; it stays open.
 *
 * For files that differ from another only in who made them.
 */
void matrix_few(const struct target *target);

/**
 * matrix_anywhere() - map a target that may not be told where.
 * @target: the file; it stays open.
 */
void matrix_anywhere(const struct target *target);

#endif /* AB_MATRIX_H */
