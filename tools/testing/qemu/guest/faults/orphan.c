// SPDX-License-Identifier: GPL-2.0-only
/* Passes, but leaves a child behind that keeps its output open. */
#include <stdio.h>
#include <unistd.h>

int main(void)
{
	if (!fork())
		pause();
	printf("parent ends\n");
	return 0;
}
