// SPDX-License-Identifier: GPL-2.0-only
/* Kills init, which no signal can: makes it jump to address 0. */
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>

int main(void)
{
	struct user_regs_struct regs;

	if (ptrace(PTRACE_ATTACH, 1, 0, 0) || waitpid(1, NULL, 0) != 1 ||
	    ptrace(PTRACE_GETREGS, 1, 0, &regs)) {
		perror("ptrace init");
		return 1;
	}
	regs.rip = 0;
	/* No restart of the system call that init is in. */
	regs.orig_rax = -1;
	ptrace(PTRACE_SETREGS, 1, 0, &regs);
	return ptrace(PTRACE_DETACH, 1, 0, 0);
}
