// SPDX-License-Identifier: GPL-2.0-only
/* Passes if there is no other process but init: the tests before left none. */
#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Kernel threads have no command line. */
static int is_program(const char *pid)
{
	char path[300], first;
	FILE *line;
	size_t got;

	snprintf(path, sizeof(path), "/proc/%s/cmdline", pid);
	line = fopen(path, "r");
	if (!line)
		return 0;
	got = fread(&first, 1, 1, line);
	fclose(line);
	return got == 1;
}

int main(void)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	int others = 0;

	while (proc && (entry = readdir(proc))) {
		if (isdigit(entry->d_name[0]) && is_program(entry->d_name) &&
		    atoi(entry->d_name) != 1 && atoi(entry->d_name) != getpid())
			others++;
	}
	return !proc || others;
}
