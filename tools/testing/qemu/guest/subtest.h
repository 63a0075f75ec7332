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
 * @speaks: the program prints TAP: from its first line on, or from a line that
 *	gives TAP's version.
 * @begun: the first line was seen.
 * @planned: number of tests of the plan, -1 before there is one.
 * @seen: number of results.
 * @failed: number of results that are "not ok", TODO ones left out.
 * @skips: number of results that are "ok" only because they were skipped.
 * @bailed: the program gave up ("Bail out!").
 */
struct subtest {
	bool speaks;
	bool begun;
	int planned;
	int seen;
	int failed;
	int skips;
	bool bailed;
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

/**
 * subtest_skipped() - whether the TAP of a program without fault shows a test.
 * @subtest: what it said.
 *
 * Return: a phrase that says why none has run; NULL if one has, or if the
 * program prints no TAP.
 */
const char *subtest_skipped(const struct subtest *subtest);

#endif /* GUEST_SUBTEST_H */
