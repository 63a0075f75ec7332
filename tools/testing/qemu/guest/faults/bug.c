// SPDX-License-Identifier: GPL-2.0-only
/* Runs into a BUG() of the kernel. */
#include "provoke.h"

int main(void)
{
	return provoke("BUG");
}
