/* SPDX-License-Identifier: GPL-2.0-only */
/* Runs one test program and forwards what it prints. */
#ifndef GUEST_PROGRAM_H
#define GUEST_PROGRAM_H

#include <stdbool.h>

enum verdict {
	PROGRAM_PASSED,
	PROGRAM_FAILED,
	PROGRAM_SKIPPED,
};

/**
 * struct outcome - how a test program ended.
 * @verdict: passed, failed or skipped.
 * @seconds: how long it ran.
 * @why: a phrase that says why it failed or was skipped; empty if it passed.
 */
struct outcome {
	enum verdict verdict;
	double seconds;
	char why[200];
};

/**
 * program_run() - run a test program to its end or to its timeout.
 * @path: of the executable.
 * @name: the name to report it by.
 * @timeout: seconds it may run.
 * @one_cpu: keep it and its threads on the first processor, which is init's;
 *	else they get all others, if there are any.
 *
 * Its standard output goes to the result channel, as a subtest if it is TAP
 * and else as diagnostics, and so does its standard error, as diagnostics.
 * It passes if it exits with 0 and its TAP, if any, is complete and good;
 * exit status 4 is a skip, as for every kernel selftest. Afterwards no
 * process is left but init.
 */
struct outcome program_run(const char *path, const char *name, int timeout,
			   bool one_cpu);

/**
 * stay_on_cpus() - choose the processors of the calling process.
 * @first: the first one; else all others, or the only one.
 */
void stay_on_cpus(bool first);

/** uptime() - seconds since the kernel started. */
double uptime(void);

#endif /* GUEST_PROGRAM_H */
