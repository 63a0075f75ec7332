// SPDX-License-Identifier: GPL-2.0-only
/*
 * Maps everything that it can reach, in every way, and records what comes of
 * it (record.h). Run on two kernels, it tells where they differ.
 *
 * Words of the kernel's command line: ab_short leaves out what takes long,
 * ab_things=A,B runs these things alone.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "matrix.h"
#include "reach.h"
#include "record.h"
#include "region.h"
#include "thing.h"

#define THING_SECONDS 120
#define SETTLE_MS 3000
#define PROBES "/ab/probes"

static const struct thing *const tables[] = {
	memory_things, kernel_things, device_things, media_things, bus_things,
	file_system_things,
};

static char command_line[4096];

int thing_open(const char *path, int flags)
{
	char operation[300];
	int fd = open(path, flags | O_CLOEXEC);

	snprintf(operation, sizeof(operation), "open %s", path);
	record_error(operation, fd < 0 ? -1 : 0);
	return fd;
}

int thing_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	ssize_t len = strlen(text), wrote;
	int error;

	if (fd < 0)
		return -1;
	wrote = write(fd, text, len);
	error = errno;
	close(fd);
	errno = error;
	return wrote == len ? 0 : -1;
}

const char *thing_find(const char *pattern)
{
	static char path[512];
	glob_t found;

	if (glob(pattern, 0, NULL, &found))
		return NULL;
	snprintf(path, sizeof(path), "%s", found.gl_pathv[0]);
	globfree(&found);
	return path;
}

int thing_fill(int fd, size_t size)
{
	static unsigned char bytes[PAGE];
	size_t at, len, i;

	for (at = 0; at < size; at += len) {
		len = size - at < PAGE ? size - at : PAGE;
		/* The first byte of a page is 0, as after an access. */
		for (i = 0; i < len; i++)
			bytes[i] = i ? i * 7 + at / PAGE : 0;
		if (pwrite(fd, bytes, len, at) != (ssize_t)len)
			return -1;
	}
	return 0;
}

/* The words of "NAME=A,B": is @word one of them, or is there none? */
static bool chosen(const char *name, const char *word)
{
	char *list = strstr(command_line, name), *end;
	size_t len = strlen(word);

	if (!list)
		return true;
	list += strlen(name);
	for (;;) {
		end = list + strcspn(list, ", \n");
		if ((size_t)(end - list) == len && !strncmp(list, word, len))
			return true;
		if (*end != ',')
			return false;
		list = end + 1;
	}
}

/* What the kernel counts for all processes, and a thing may leave behind. */
enum { OPEN_FILES, COMMITTED, HUGE_FREE, HUGE_RESERVED, COUNTS };

static const struct {
	const char *name, *file, *format;
} counts[COUNTS] = {
	{ "files left open", "/proc/sys/fs/file-nr", "%ld" },
	{ "memory left committed", "/proc/meminfo", "Committed_AS: %ld" },
	{ "free huge pages left", "/proc/meminfo", "HugePages_Free: %ld" },
	{ "reserved huge pages left", "/proc/meminfo",
	  "HugePages_Rsvd: %ld" },
};

static void read_counts(long *values)
{
	char line[256];
	FILE *file;
	int i;

	for (i = 0; i < COUNTS; i++) {
		values[i] = -1;
		file = fopen(counts[i].file, "re");
		while (file && values[i] < 0 &&
		       fgets(line, sizeof(line), file)) {
			if (sscanf(line, counts[i].format, &values[i]) != 1)
				values[i] = -1;
		}
		if (file)
			fclose(file);
	}
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

static void run_child(const struct thing *thing)
{
	char folder[128];
	int null = open("/dev/null", O_RDWR);

	dup2(null, 0);
	close(null);
	setpgid(0, 0);
	snprintf(folder, sizeof(folder), "/tmp/ab-%s", thing->name);
	mkdir(folder, 0755);
	if (chdir(folder))
		_exit(1);
	thing->run(thing->argument);
	_exit(0);
}

/* Waits for the process; kills it and what it started when time is over. */
static int wait_for(pid_t pid)
{
	double deadline = now() + THING_SECONDS;
	int status;

	while (waitpid(pid, &status, WNOHANG) != pid) {
		if (now() > deadline) {
			kill(-pid, SIGKILL);
			kill(pid, SIGKILL);
			waitpid(pid, &status, 0);
			return -1;
		}
		usleep(2000);
	}
	kill(-pid, SIGKILL);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	return status;
}

static int run_thing(const struct thing *thing)
{
	long before[COUNTS], after[COUNTS];
	double begun = now(), deadline;
	int status, i;
	pid_t pid;

	read_counts(before);
	record_thing(thing->name);
	record_note("begin %s", thing->name);
	pid = fork();
	if (!pid)
		run_child(thing);
	status = wait_for(pid);
	record("ended", "%s", status < 0 ? "too late" :
	       WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "ok");
	deadline = now() + SETTLE_MS / 1e3;
	do {
		read_counts(after);
	} while (memcmp(before, after, sizeof(before)) && now() < deadline &&
		 !usleep(10000));
	for (i = 0; i < COUNTS; i++)
		record(counts[i].name, "%ld", after[i] - before[i]);
	reach_note(thing->name);
	record_note("seconds %s %.2f", thing->name, now() - begun);
	return status;
}

int main(void)
{
	int fd = open("/proc/cmdline", O_RDONLY | O_CLOEXEC);
	const struct thing *thing;
	int number = 0, status;
	size_t i;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (fd < 0 || read(fd, command_line, sizeof(command_line) - 1) < 0)
		return 1;
	close(fd);
	if (record_open()) {
		printf("Bail out! no virtio port named records\n");
		return 1;
	}
	record_note("probes %d", reach_begin(PROBES));
	if (strstr(command_line, "ab_short"))
		matrix_short();
	for (i = 0; i < ARRAY_SIZE(tables); i++) {
		for (thing = tables[i]; thing->name; thing++) {
			if (!chosen("ab_things=", thing->name))
				continue;
			status = run_thing(thing);
			printf("%sok %d - %s\n", status ? "not " : "",
			       ++number, thing->name);
		}
	}
	record_note("end");
	printf("1..%d\n", number);
	return 0;
}
