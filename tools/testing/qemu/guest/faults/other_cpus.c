// SPDX-License-Identifier: GPL-2.0-only
/* Passes if it may run on more than one processor, but not on the first. */
#define _GNU_SOURCE
#include <sched.h>

int main(void)
{
	cpu_set_t cpus;

	return sched_getaffinity(0, sizeof(cpus), &cpus) ||
	       CPU_ISSET(0, &cpus) || CPU_COUNT(&cpus) < 2;
}
