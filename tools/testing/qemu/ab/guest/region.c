// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "region.h"

static sigjmp_buf escape;

static void jump(int number)
{
	siglongjmp(escape, number);
}

/* Returns 0 the first time, and the signal when one has come. */
#define TRY() ({						\
	struct sigaction action = { .sa_handler = jump };	\
								\
	sigaction(SIGBUS, &action, NULL);			\
	sigaction(SIGSEGV, &action, NULL);			\
	sigsetjmp(escape, 1);					\
})

static unsigned int checksum(const void *addr, unsigned int sum)
{
	const volatile uint32_t *word = addr;
	size_t i;

	for (i = 0; i < PAGE / sizeof(*word); i++)
		sum = sum * 31 + word[i];
	return sum;
}

int region_read(const void *addr, unsigned int *sum)
{
	int number = TRY();

	if (!number)
		*sum = checksum(addr, *sum);
	return number;
}

int region_touch(const void *addr)
{
	int number = TRY();

	if (!number)
		(void)*(const volatile uint32_t *)addr;
	return number;
}

int region_write(void *addr, unsigned char value)
{
	int number = TRY();

	if (!number)
		*(volatile unsigned char *)addr = value;
	return number;
}

const char *region_signal(int number)
{
	switch (number) {
	case 0:
		return "ok";
	case SIGBUS:
		return "SIGBUS";
	case SIGSEGV:
		return "SIGSEGV";
	}
	return "signal";
}

/* The lines of one VMA behind its first: the flags, and how much is locked. */
static unsigned long read_details(FILE *smaps, char *flags, size_t size)
{
	char line[512];
	unsigned long locked = 0;
	size_t len;

	flags[0] = '\0';
	while (fgets(line, sizeof(line), smaps)) {
		if (sscanf(line, "Locked: %lu kB", &locked) == 1)
			continue;
		if (strncmp(line, "VmFlags:", 8))
			continue;
		len = strcspn(line, "\n");
		while (line[len - 1] == ' ')
			len--;
		line[len] = '\0';
		snprintf(flags, size, "%s", line + 8);
		break;
	}
	return locked;
}

/* A private mapping of device memory has the frame's number as its offset. */
static int has_frame(const char *perms, const char *flags)
{
	return perms[3] == 'p' && strstr(flags, " pf") && strstr(flags, " mw");
}

int region_describe(const void *start, size_t len, off_t base, char *text,
		    size_t size)
{
	unsigned long first = (unsigned long)start, from, to, offset;
	FILE *smaps = fopen("/proc/self/smaps", "re");
	char line[512], perms[8], flags[512], shown[32];
	unsigned long locked;
	size_t used;
	int count = 0;

	text[0] = '\0';
	while (smaps && fgets(line, sizeof(line), smaps)) {
		if (sscanf(line, "%lx-%lx %7s %lx", &from, &to, perms,
			   &offset) != 4 || from >= first + len || to <= first)
			continue;
		locked = read_details(smaps, flags, sizeof(flags));
		snprintf(shown, sizeof(shown), "%ld",
			 (long)(offset - (offset ? base : 0)) / (long)PAGE);
		used = strlen(text);
		snprintf(text + used, size - used, "[%ld-%ld %s %s%s%s]",
			 (long)(from - first) / (long)PAGE,
			 (long)(to - first) / (long)PAGE, perms,
			 has_frame(perms, flags) ? "frame" : shown, flags,
			 locked ? " locked" : "");
		count++;
	}
	if (smaps)
		fclose(smaps);
	return count;
}
