// SPDX-License-Identifier: GPL-2.0-only
/* Passes. */

int main(void)
{
	return 0;
}
