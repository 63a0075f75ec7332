// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reach.h"
#include "record.h"
#include "thing.h"

#define TRACING "/sys/kernel/tracing"
/* A buffer of its own: the one at the top is something to be mapped. */
#define INSTANCE TRACING "/instances/ab"
#define PAIRS_MAX 256

static int add_probe(const char *line)
{
	int fd = open(TRACING "/kprobe_events", O_WRONLY | O_APPEND);
	ssize_t len = strlen(line);
	int result;

	if (fd < 0)
		return -1;
	result = write(fd, line, len) == len ? 0 : -1;
	close(fd);
	return result;
}

int reach_begin(const char *list)
{
	FILE *lines = fopen(list, "re");
	char line[256];
	int count = 0;

	mount("tracefs", TRACING, "tracefs", 0, NULL);
	while (lines && fgets(line, sizeof(line), lines)) {
		if (add_probe(line))
			record_note("no probe %s", strtok(line, "\n"));
		else
			count++;
	}
	if (lines)
		fclose(lines);
	if (mkdir(INSTANCE, 0755) ||
	    thing_write(INSTANCE "/buffer_size_kb", "2048") ||
	    thing_write(INSTANCE "/events/ab/enable", "1"))
		return -1;
	return count;
}

void reach_note(const char *thing)
{
	static char seen[PAIRS_MAX][64];
	FILE *trace = fopen(INSTANCE "/trace", "re");
	char line[512], pair[64], *hook, *operations;
	int count = 0, i;

	while (trace && fgets(line, sizeof(line), trace)) {
		hook = strstr(line, ": h_");
		operations = strstr(line, "operations=");
		if (!hook || !operations)
			continue;
		snprintf(pair, sizeof(pair), "%.16s %.18s", hook + 4,
			 operations + strlen("operations="));
		pair[strcspn(pair, "\n")] = '\0';
		for (i = 0; i < count && strcmp(seen[i], pair); i++)
			;
		if (i < count || count == PAIRS_MAX)
			continue;
		strcpy(seen[count++], pair);
		record_note("reached %s %s", thing, pair);
	}
	if (trace)
		fclose(trace);
	thing_write(INSTANCE "/trace", "");
}
