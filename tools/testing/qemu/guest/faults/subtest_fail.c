// SPDX-License-Identifier: GPL-2.0-only
/* Prints TAP with a failure, and exits with 0. */
#include <stdio.h>

int main(void)
{
	puts("TAP version 13\n1..2\nok 1 - first\nnot ok 2 - second");
	return 0;
}
