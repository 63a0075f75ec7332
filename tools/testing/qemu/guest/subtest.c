// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "subtest.h"

static bool starts(const char *line, const char *with)
{
	return !strncmp(line, with, strlen(with));
}

/* "ok" and "not ok" as words: "okay" is not a result. */
static bool is_result(const char *line, const char *word)
{
	size_t len = strlen(word);

	return starts(line, word) && (!line[len] || isspace(line[len]));
}

void subtest_init(struct subtest *subtest)
{
	memset(subtest, 0, sizeof(*subtest));
	subtest->planned = -1;
}

void subtest_line(struct subtest *subtest, const char *line)
{
	if (!subtest->speaks)
		subtest->speaks = starts(line, "TAP version") ||
				  starts(line, "KTAP version") ||
				  (!subtest->begun && starts(line, "1.."));
	subtest->begun = true;
	if (!subtest->speaks)
		return;

	if (starts(line, "1..")) {
		subtest->planned = atoi(line + 3);
	} else if (starts(line, "Bail out!")) {
		subtest->bailed = true;
	} else if (is_result(line, "ok")) {
		subtest->seen++;
		if (strcasestr(line, "# SKIP"))
			subtest->skips++;
	} else if (is_result(line, "not ok")) {
		subtest->seen++;
		if (!strcasestr(line, "# TODO"))
			subtest->failed++;
	}
}

bool subtest_fault(const struct subtest *subtest, char *why, int size)
{
	if (!subtest->speaks)
		return false;
	if (subtest->bailed)
		snprintf(why, size, "it bailed out");
	else if (subtest->failed)
		snprintf(why, size, "%d of its %d results are not ok",
			 subtest->failed, subtest->seen);
	else if (subtest->planned < 0)
		snprintf(why, size, "it printed no plan");
	else if (subtest->seen != subtest->planned)
		snprintf(why, size, "it planned %d results and printed %d",
			 subtest->planned, subtest->seen);
	else
		return false;
	return true;
}

const char *subtest_skipped(const struct subtest *subtest)
{
	if (!subtest->speaks)
		return NULL;
	if (!subtest->planned)
		return "its plan is empty";
	if (subtest->skips == subtest->seen)
		return "each of its results is a skip";
	return NULL;
}
