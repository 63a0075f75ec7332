// SPDX-License-Identifier: GPL-2.0-only
/* Sleeps uninterruptibly for ever. */
#include "provoke.h"

int main(void)
{
	return provoke("HUNG_TASK");
}
