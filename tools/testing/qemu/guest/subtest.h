/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads the TAP that a test program prints, so that its exit status alone is
 * not believed.
 */
#ifndef GUEST_SUBTEST_H
#define GUEST_SUBTEST_H

#include <stdbool.h>

/**
 * struct subtest - what a test program's TAP has said so far.
 * @speaks: the program prints TAP: its version on a line of its own, or a plan
 *	on the first line.
 * @decided: the first line was seen.
 * @planned: number of tests of the plan, -1 before there is one.
 * @seen: number of results.
 * @failed: number of results that are "not ok", TODO ones left out.
 * @bailed: the program gave up ("Bail out!").
 * @skipped: the plan is "1..0", with or without a reason.
 */
struct subtest {
	bool speaks;
	bool decided;
	int planned;
	int seen;
	int failed;
	bool bailed;
	bool skipped;
};

/** subtest_init() - nothing was said yet. */
void subtest_init(struct subtest *subtest);

/**
 * subtest_line() - take one line of the program's standard output.
 * @subtest: what was said until now.
 * @line: without its newline.
 */
void subtest_line(struct subtest *subtest, const char *line);

/**
 * subtest_fault() - what is wrong with the TAP of a program that has ended.
 * @subtest: what it said.
 * @why: receives a phrase that says what is wrong.
 * @size: of @why, in bytes.
 *
 * Return: true if something is wrong.
 */
bool subtest_fault(const struct subtest *subtest, char *why, int size);

#endif /* GUEST_SUBTEST_H */
