/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the run has observed, one line for each operation:
 *
 *	THING: OPERATION = VALUE
 *
 * The lines of two kernels are compared, so a line holds nothing that differs
 * from boot to boot: no address, no time, no process id.
 */
#ifndef AB_RECORD_H
#define AB_RECORD_H

#define __printf(a, b) __attribute__((__format__(__printf__, a, b)))

/**
 * record_open() - find the virtio port named "records" and open it.
 *
 * Return: 0, or -1 with errno set.
 */
int record_open(void);

/**
 * record_thing() - what the following operations are about.
 * @name: of the thing; must stay valid.
 */
void record_thing(const char *name);

/** record_name() - the name given to record_thing(). */
const char *record_name(void);

/**
 * record() - say what came of an operation.
 * @operation: a few words; those of one thing are numbered if they repeat.
 * @format: of the value, as printf(); of the arguments behind it.
 */
__printf(2, 3)
void record(const char *operation, const char *format, ...);

/**
 * record_error() - say whether a system call succeeded.
 * @operation: as record().
 * @result: what it returned: -1 for a failure, whose errno is recorded.
 *
 * Return: @result.
 */
long record_error(const char *operation, long result);

/** record_note() - a line that is not compared: "#NAME TEXT". */
__printf(1, 2)
void record_note(const char *format, ...);

#endif /* AB_RECORD_H */
