// SPDX-License-Identifier: GPL-2.0-only
/* Makes the kernel warn, and passes. */
#include "provoke.h"

int main(void)
{
	return provoke("WARNING");
}
