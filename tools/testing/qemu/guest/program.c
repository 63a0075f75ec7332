// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "channel.h"
#include "program.h"
#include "subtest.h"

#define SKIP_STATUS	4
#define LINES_MAX	4000
#define DRAIN_MS	200
#define KILL_MS		2000

/**
 * struct stream - one of the program's outputs, cut into lines.
 * @fd: what init reads; -1 once it has ended.
 * @len: bytes of an unfinished line in @line.
 * @line: where lines are put together.
 */
struct stream {
	int fd;
	size_t len;
	char line[4096];
};

/**
 * struct program - a running test program.
 * @name: what it is called.
 * @pid: its process.
 * @pidfd: becomes readable when it has ended.
 * @out: its standard output.
 * @err: its standard error.
 * @subtest: what its TAP said.
 * @lines: number of lines forwarded.
 */
struct program {
	const char *name;
	pid_t pid;
	int pidfd;
	struct stream out;
	struct stream err;
	struct subtest subtest;
	int lines;
};

double uptime(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

/* A program that prints without end must not fill the host's disk. */
static bool may_forward(struct program *program)
{
	if (program->lines++ < LINES_MAX)
		return true;
	if (program->lines == LINES_MAX + 1)
		channel_line("# %s: more than %d lines, the rest is left out",
			     program->name, LINES_MAX);
	return false;
}

static void forward(struct program *program, struct stream *stream)
{
	struct subtest *subtest = &program->subtest;
	bool first = !subtest->speaks;

	stream->line[stream->len] = '\0';
	stream->len = 0;
	if (stream == &program->out)
		subtest_line(subtest, stream->line);
	if (!may_forward(program))
		return;
	if (stream == &program->out && subtest->speaks) {
		if (first)
			channel_line("# Subtest: %s", program->name);
		channel_line("    %s", stream->line);
	} else {
		channel_line("# %s", stream->line);
	}
}

/* Reads what there is. Returns false when there is nothing at the moment. */
static bool stream_read(struct program *program, struct stream *stream)
{
	char chunk[4096];
	ssize_t got, i;

	got = read(stream->fd, chunk, sizeof(chunk));
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (got <= 0) {
		/* EIO is how a pseudo terminal says that nobody has it open. */
		if (stream->len)
			forward(program, stream);
		close(stream->fd);
		stream->fd = -1;
		return false;
	}
	for (i = 0; i < got; i++) {
		if (chunk[i] == '\n') {
			forward(program, stream);
			continue;
		}
		stream->line[stream->len++] = chunk[i];
		if (stream->len == sizeof(stream->line) - 1)
			forward(program, stream);
	}
	return true;
}

/*
 * Standard output is a pseudo terminal: the C library then writes line by
 * line, and the last words of a program that crashes are not lost in a buffer.
 */
static int open_terminal(int *slave)
{
	struct termios raw;
	int master;

	master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (master < 0)
		return -1;
	if (grantpt(master) || unlockpt(master))
		goto fail;
	*slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (*slave < 0)
		goto fail;
	tcgetattr(*slave, &raw);
	cfmakeraw(&raw);
	tcsetattr(*slave, TCSANOW, &raw);
	return master;
fail:
	close(master);
	return -1;
}

/*
 * QEMU (cpu_clear_ignne(), seen in 7.2 and 10.0): when any processor loads its
 * FPU, flags of the first one are written without a lock. One of them says that
 * nested paging is on. It gets lost, or comes back, if the first processor
 * enters or leaves a guest just then: the guest shuts down, or the kernel dies.
 * So guests run on the others, or while no other program runs on those.
 */
void stay_on_cpus(bool first)
{
	cpu_set_t cpus;
	long cpu;

	CPU_ZERO(&cpus);
	for (cpu = 0; cpu < sysconf(_SC_NPROCESSORS_CONF); cpu++)
		if (first == !cpu)
			CPU_SET(cpu, &cpus);
	if (CPU_COUNT(&cpus) && sched_setaffinity(0, sizeof(cpus), &cpus))
		perror("sched_setaffinity");
}

static void become(const char *path, int out, int err)
{
	char *const argv[] = { (char *)path, NULL };
	char *const envp[] = {
		"PATH=/bin:/tests", "HOME=/tmp", getenv("guest_env"), NULL
	};
	int null = open("/dev/null", O_RDONLY);

	setsid();
	dup2(null, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
	if (null > STDERR_FILENO)
		close(null);
	if (chdir("/tmp"))
		perror("chdir /tmp");
	execve(path, argv, envp);
	fprintf(stderr, "cannot execute %s: %s\n", path, strerror(errno));
	_exit(127);
}

static int start(struct program *program, const char *path, bool one_cpu)
{
	int slave, errs[2];

	program->out.fd = open_terminal(&slave);
	if (program->out.fd < 0)
		return -1;
	if (pipe2(errs, O_CLOEXEC)) {
		close(slave);
		close(program->out.fd);
		return -1;
	}
	program->err.fd = errs[0];
	fcntl(program->err.fd, F_SETFL, O_NONBLOCK);

	program->pid = fork();
	if (!program->pid) {
		stay_on_cpus(one_cpu);
		become(path, slave, errs[1]);
	}
	close(slave);
	close(errs[1]);
	program->pidfd = program->pid < 0 ? -1 :
			 pidfd_open(program->pid, 0);
	if (program->pidfd < 0) {
		close(program->out.fd);
		close(program->err.fd);
		return -1;
	}
	fcntl(program->pidfd, F_SETFD, FD_CLOEXEC);
	return 0;
}

/*
 * Forwards output until the program has ended or, if @end is false, until
 * both of its outputs have. Returns false if @deadline passes before that.
 */
static bool follow(struct program *program, double deadline, bool end)
{
	for (;;) {
		struct pollfd fds[] = {
			{ .fd = program->out.fd, .events = POLLIN },
			{ .fd = program->err.fd, .events = POLLIN },
			{ .fd = end ? program->pidfd : -1, .events = POLLIN },
		};
		double left = deadline - uptime();

		if (!end && program->out.fd < 0 && program->err.fd < 0)
			return true;
		if (left <= 0)
			return false;
		poll(fds, 3, left * 1000 + 1);
		if (fds[2].revents)
			return true;
		if (fds[0].revents)
			stream_read(program, &program->out);
		if (fds[1].revents)
			stream_read(program, &program->err);
	}
}

/* Where in the kernel the program's threads sleep. */
static void show_stack(const struct program *program)
{
	char path[64], line[256];
	FILE *stack;

	snprintf(path, sizeof(path), "/proc/%d/stack", program->pid);
	stack = fopen(path, "re");
	if (!stack)
		return;
	channel_line("# %s sleeps in the kernel at:", program->name);
	while (fgets(line, sizeof(line), stack)) {
		line[strcspn(line, "\n")] = '\0';
		channel_line("#   %s", line);
	}
	fclose(stack);
}

/* Kills everything but init and waits for it. Returns false if it stays. */
static bool kill_all(void)
{
	double deadline = uptime() + KILL_MS / 1e3;
	pid_t pid;

	for (;;) {
		kill(-1, SIGKILL);
		do {
			pid = waitpid(-1, NULL, WNOHANG);
		} while (pid > 0);
		if (pid < 0 && errno == ECHILD)
			return true;
		if (uptime() > deadline)
			return false;
		usleep(1000);
	}
}

static void judge_status(struct outcome *outcome, int status)
{
	if (WIFSIGNALED(status)) {
		snprintf(outcome->why, sizeof(outcome->why),
			 "it was killed by signal %d (%s)", WTERMSIG(status),
			 strsignal(WTERMSIG(status)));
	} else if (WEXITSTATUS(status) == SKIP_STATUS) {
		outcome->verdict = PROGRAM_SKIPPED;
		snprintf(outcome->why, sizeof(outcome->why),
			 "it exited with status %d", SKIP_STATUS);
	} else if (WEXITSTATUS(status)) {
		snprintf(outcome->why, sizeof(outcome->why),
			 "it exited with status %d", WEXITSTATUS(status));
	} else {
		outcome->verdict = PROGRAM_PASSED;
	}
}

static void judge(struct outcome *outcome, const struct subtest *subtest,
		  int status)
{
	judge_status(outcome, status);
	if (outcome->verdict != PROGRAM_PASSED)
		return;
	if (subtest_fault(subtest, outcome->why, sizeof(outcome->why))) {
		outcome->verdict = PROGRAM_FAILED;
	} else if (subtest_skipped(subtest)) {
		outcome->verdict = PROGRAM_SKIPPED;
		snprintf(outcome->why, sizeof(outcome->why), "%s",
			 subtest_skipped(subtest));
	}
}

struct outcome program_run(const char *path, const char *name, int timeout,
			   bool one_cpu)
{
	struct outcome outcome = { .verdict = PROGRAM_FAILED };
	struct program program = { .name = name };
	double begin = uptime();
	int status;

	subtest_init(&program.subtest);
	if (start(&program, path, one_cpu)) {
		snprintf(outcome.why, sizeof(outcome.why),
			 "it cannot be started: %s", strerror(errno));
		kill_all();
		return outcome;
	}

	if (follow(&program, begin + timeout, true)) {
		waitpid(program.pid, &status, 0);
		/* A child of it may keep the outputs open: do not wait long. */
		follow(&program, uptime() + DRAIN_MS / 1e3, false);
		judge(&outcome, &program.subtest, status);
	} else {
		show_stack(&program);
		snprintf(outcome.why, sizeof(outcome.why),
			 "it did not end within %d s", timeout);
	}
	outcome.seconds = uptime() - begin;

	if (!kill_all()) {
		outcome.verdict = PROGRAM_FAILED;
		snprintf(outcome.why, sizeof(outcome.why),
			 "it or a child of it cannot be killed");
	}
	close(program.pidfd);
	if (program.out.fd >= 0)
		close(program.out.fd);
	if (program.err.fd >= 0)
		close(program.err.fd);
	return outcome;
}
