// SPDX-License-Identifier: GPL-2.0-only
/* Skips itself. */

int main(void)
{
	return 4;
}
