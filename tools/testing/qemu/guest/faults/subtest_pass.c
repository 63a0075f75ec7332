// SPDX-License-Identifier: GPL-2.0-only
/* Prints good TAP. */
#include <stdio.h>

int main(void)
{
	puts("TAP version 13\n1..2\nok 1 - first\nok 2 - second");
	return 0;
}
