// SPDX-License-Identifier: GPL-2.0-only
/* Spins in the kernel for ever. */
#include "provoke.h"

int main(void)
{
	return provoke("SOFTLOCKUP");
}
