// SPDX-License-Identifier: GPL-2.0-only
/* Returns from the kernel with a spinlock held: a report of lockdep. */
#include "provoke.h"

int main(void)
{
	return provoke("SPINLOCKUP");
}
