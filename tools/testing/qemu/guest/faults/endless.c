// SPDX-License-Identifier: GPL-2.0-only
/* Prints without end. */
#include <stdio.h>

int main(void)
{
	for (;;)
		puts("again");
}
