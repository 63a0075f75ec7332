// SPDX-License-Identifier: GPL-2.0-only
/* Stops its CPU: it spins in the kernel with interrupts off. */
#include "provoke.h"

int main(void)
{
	return provoke("HARDLOCKUP");
}
