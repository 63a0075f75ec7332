/* SPDX-License-Identifier: GPL-2.0-only */
/* What can be mapped: each thing sets itself up and runs the matrix on it. */
#ifndef AB_THING_H
#define AB_THING_H

#include <sys/types.h>

/**
 * struct thing - something that can be mapped.
 * @name: begins the lines that are recorded about it.
 * @run: makes it, maps it, and takes it away again; runs in a process of its
 *	own, in an empty folder that is its working directory.
 * @argument: passed to @run.
 */
struct thing {
	const char *name;
	void (*run)(const void *argument);
	const void *argument;
};

/* The tables of each file, each ended by a thing without a name. */
extern const struct thing memory_things[];
extern const struct thing kernel_things[];
extern const struct thing device_things[];
extern const struct thing media_things[];
extern const struct thing bus_things[];
extern const struct thing file_system_things[];

/**
 * thing_open() - open a file and record whether that succeeded.
 * @path: of the file.
 * @flags: as for open().
 *
 * Return: the descriptor, or -1.
 */
int thing_open(const char *path, int flags);

/**
 * thing_write() - write a line to a file, as "echo" does.
 * @path: of the file.
 * @text: the line.
 *
 * Return: 0, or -1 with errno set.
 */
int thing_write(const char *path, const char *text);

/**
 * thing_find() - the first path that matches a pattern.
 * @pattern: as for glob().
 *
 * Return: the path, valid until the next call, or NULL.
 */
const char *thing_find(const char *pattern);

/**
 * thing_fill() - fill a file with what is the same in each run.
 * @fd: the file.
 * @size: in bytes.
 *
 * Return: 0, or -1 with errno set.
 */
int thing_fill(int fd, size_t size);

#endif /* AB_THING_H */
