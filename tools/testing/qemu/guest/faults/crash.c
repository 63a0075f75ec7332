// SPDX-License-Identifier: GPL-2.0-only
/* Dies of a signal; what it printed before must not be lost. */
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
	printf("last words\n");
	abort();
}
