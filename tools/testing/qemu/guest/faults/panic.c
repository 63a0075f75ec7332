// SPDX-License-Identifier: GPL-2.0-only
/* Panics the kernel. */
#include "provoke.h"

int main(void)
{
	return write_to("/proc/sysrq-trigger", "c");
}
