// SPDX-License-Identifier: GPL-2.0-only
/* Writes to address 0 in the kernel. */
#include "provoke.h"

int main(void)
{
	return provoke("EXCEPTION");
}
