// SPDX-License-Identifier: GPL-2.0-only
/* Never ends, and ignores polite requests to. */
#include <signal.h>
#include <unistd.h>

int main(void)
{
	signal(SIGTERM, SIG_IGN);
	for (;;)
		pause();
}
