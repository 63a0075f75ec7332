/* SPDX-License-Identifier: GPL-2.0-only */
/* Makes the kernel misbehave on purpose, through LKDTM. */
#ifndef GUEST_FAULTS_PROVOKE_H
#define GUEST_FAULTS_PROVOKE_H

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LKDTM "/sys/kernel/debug/provoke-crash/DIRECT"

/**
 * write_to() - write a word to a file of /proc or /sys.
 * @path: the file.
 * @word: what to write.
 *
 * Return: 0, or 1 after saying what failed.
 */
static inline int write_to(const char *path, const char *word)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0 || write(fd, word, strlen(word)) < 0) {
		perror(path);
		return 1;
	}
	close(fd);
	return 0;
}

/**
 * provoke() - let the kernel do one of LKDTM's misdeeds in this process.
 * @misdeed: one of the names that reading that file gives.
 */
static inline int provoke(const char *misdeed)
{
	return write_to(LKDTM, misdeed);
}

#endif /* GUEST_FAULTS_PROVOKE_H */
