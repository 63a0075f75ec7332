// SPDX-License-Identifier: GPL-2.0-only
/* Powers the machine off before the plan is fulfilled. */
#include <sys/reboot.h>

int main(void)
{
	return reboot(RB_POWER_OFF);
}
