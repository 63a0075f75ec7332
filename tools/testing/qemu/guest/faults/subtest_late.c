// SPDX-License-Identifier: GPL-2.0-only
/* Prints something else before its TAP, which has a failure; exits with 0. */
#include <stdio.h>

int main(void)
{
	puts("words\nTAP version 13\n1..2\nok 1 - first\nnot ok 2 - second");
	return 0;
}
