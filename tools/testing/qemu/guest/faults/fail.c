// SPDX-License-Identifier: GPL-2.0-only
/* Fails. */
#include <stdio.h>

int main(void)
{
	fprintf(stderr, "the reason of the failure\n");
	return 1;
}
