// SPDX-License-Identifier: GPL-2.0-only
/*
 * The first program of the test machine. It runs every test program of a
 * folder and reports to the host, or gives a person a shell; then it powers
 * the machine off.
 *
 * The kernel hands words of its command line that it does not know over as
 * environment variables:
 *
 *	guest_mode=shell	a shell on the console instead of the tests
 *	guest_dir=/tests	the folder
 *	guest_tests=a,b,c	only these programs of it, in this order
 *	guest_timeout=120	seconds that each may run
 *	guest_one_cpu=a,b	these stay on the first processor, others do not
 *	guest_env=NAME=VALUE	one more variable of their environment
 *
 * The report is TAP: the plan first, then one line per program. Lines that
 * start with "#:" are for the runner on the host (no test program can print
 * one, see program.c); without END_MARK it takes the result for lost.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "channel.h"
#include "program.h"

#define END_MARK	"#: end of results"
#define TESTS_MAX	512
#define __noreturn	__attribute__((__noreturn__))

static __noreturn void power_off(void)
{
	sync();
	reboot(RB_POWER_OFF);
	/* Without ACPI. An init that ends is a panic: the host sees that. */
	fprintf(stderr, "init: cannot power off: %s\n", strerror(errno));
	exit(1);
}

/* Tells the host and the console why there are no tests, and stops. */
static __noreturn __printf(1, 2)
void give_up(const char *format, ...)
{
	char why[256];
	va_list args;

	va_start(args, format);
	vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	fprintf(stderr, "init: %s\n", why);
	channel_line("Bail out! %s", why);
	power_off();
}

/* Leaves a mark in the kernel log: what follows belongs to this. */
static void log_mark(const char *text)
{
	int fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	char line[400];
	int len;

	if (fd < 0)
		return;
	len = snprintf(line, sizeof(line), "init: %s\n", text);
	if (write(fd, line, len) < 0)
		fprintf(stderr, "init: /dev/kmsg: %s\n", strerror(errno));
	close(fd);
}

static void mount_one(const char *type, const char *where)
{
	mkdir(where, 0755);
	if (mount(type, where, type, 0, NULL) && errno != EBUSY)
		give_up("cannot mount %s on %s: %s", type, where,
			strerror(errno));
}

static void mount_all(void)
{
	umask(0);
	mount_one("devtmpfs", "/dev");
	mount_one("devpts", "/dev/pts");
	mount_one("tmpfs", "/dev/shm");
	mount_one("proc", "/proc");
	mount_one("sysfs", "/sys");
	mount_one("tmpfs", "/tmp");
	umask(022);
	/* Only tests that break the kernel on purpose need it. */
	mount("debugfs", "/sys/kernel/debug", "debugfs", 0, NULL);
}

/* The kernel could not: /dev/console did not exist yet. */
static void open_console(void)
{
	int fd = open("/dev/console", O_RDWR);

	if (fd < 0)
		return;
	dup2(fd, STDIN_FILENO);
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}

static const char *setting(const char *name, const char *otherwise)
{
	const char *value = getenv(name);

	return value && *value ? value : otherwise;
}

static int is_program(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* The names of all programs of the folder, sorted. */
static int list_folder(const char *folder, char **names)
{
	struct dirent **entries;
	int count, i;

	count = scandir(folder, &entries, is_program, alphasort);
	if (count < 0)
		give_up("cannot read the folder %s: %s", folder,
			strerror(errno));
	if (count > TESTS_MAX)
		give_up("more than %d test programs in %s", TESTS_MAX, folder);
	for (i = 0; i < count; i++)
		names[i] = entries[i]->d_name;
	return count;
}

static int list_setting(const char *value, char **names)
{
	char *list = strdup(value), *name;
	int count = 0;

	while (list && (name = strsep(&list, ","))) {
		if (count == TESTS_MAX)
			give_up("more than %d names in guest_tests", TESTS_MAX);
		if (*name)
			names[count++] = name;
	}
	return count;
}

static bool among(const char *name, char **names, int count)
{
	while (count--) {
		if (!strcmp(names[count], name))
			return true;
	}
	return false;
}

static void report(int number, const char *name, const struct outcome *outcome)
{
	switch (outcome->verdict) {
	case PROGRAM_PASSED:
		channel_line("ok %d - %s", number, name);
		break;
	case PROGRAM_SKIPPED:
		channel_line("ok %d - %s # SKIP %s", number, name,
			     outcome->why);
		break;
	case PROGRAM_FAILED:
		channel_line("not ok %d - %s", number, name);
		channel_line("# %s failed: %s", name, outcome->why);
		break;
	}
	channel_line("# %s: %.2f s", name, outcome->seconds);
}

static void run_tests(void)
{
	const char *folder = setting("guest_dir", "/tests");
	const char *chosen = setting("guest_tests", "");
	int timeout = atoi(setting("guest_timeout", "120"));
	static char *names[TESTS_MAX], *one_cpu[TESTS_MAX];
	struct outcome outcome;
	char path[512], mark[300];
	int count, one_cpus, i;

	if (channel_open())
		give_up("no virtio port named results: %s", strerror(errno));
	channel_line("TAP version 13");
	if (timeout <= 0)
		give_up("guest_timeout is not a number of seconds above 0");
	count = *chosen ? list_setting(chosen, names) :
			  list_folder(folder, names);
	if (!count)
		give_up("no test program in %s", folder);
	one_cpus = list_setting(setting("guest_one_cpu", ""), one_cpu);
	channel_line("1..%d", count);
	channel_line("#: uptime at first test %.2f", uptime());

	for (i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		snprintf(mark, sizeof(mark), "test %d: %s", i + 1, names[i]);
		log_mark(mark);
		channel_line("#: running %s", names[i]);
		outcome = program_run(path, names[i], timeout,
				      among(names[i], one_cpu, one_cpus));
		report(i + 1, names[i], &outcome);
	}
	log_mark("all tests have ended");
	channel_line(END_MARK);
}

/* The size of the person's terminal; the serial line does not tell it. */
static void set_window(void)
{
	struct winsize size = {
		.ws_row = atoi(setting("guest_rows", "24")),
		.ws_col = atoi(setting("guest_columns", "80")),
	};

	ioctl(STDIN_FILENO, TIOCSWINSZ, &size);
}

static void run_and_wait(char *const argv[])
{
	static char *const envp[] = {
		"PATH=/bin:/tests", "HOME=/tmp", "TERM=linux", "PS1=\\w # ",
		NULL
	};
	pid_t pid = fork(), ended;
	int fd;

	if (!pid) {
		stay_on_cpus(false);
		/* A terminal of its own, for Ctrl-C and job control. */
		setsid();
		fd = open("/dev/ttyS0", O_RDWR);
		if (fd >= 0) {
			dup2(fd, STDIN_FILENO);
			dup2(fd, STDOUT_FILENO);
			dup2(fd, STDERR_FILENO);
			ioctl(fd, TIOCSCTTY, 1);
			if (fd > STDERR_FILENO)
				close(fd);
		}
		set_window();
		if (chdir("/tests"))
			perror("chdir /tests");
		execve(argv[0], argv, envp);
		fprintf(stderr, "init: cannot execute %s: %s\n", argv[0],
			strerror(errno));
		_exit(127);
	}
	do {
		ended = waitpid(-1, NULL, 0);
	} while (ended != pid && (ended > 0 || errno == EINTR));
}

static void run_shell(void)
{
	char *const install[] = { "/bin/busybox", "--install", "-s", "/bin",
				  NULL };
	char *const shell[] = { "/bin/busybox", "sh", NULL };

	run_and_wait(install);
	printf("\nThe tests are in /tests.\n");
	printf("'exit' powers the machine off, Ctrl-A X stops QEMU.\n\n");
	fflush(stdout);
	run_and_wait(shell);
}

int main(void)
{
	mount_all();
	open_console();
	stay_on_cpus(true);
	if (!strcmp(setting("guest_mode", "tests"), "shell"))
		run_shell();
	else
		run_tests();
	power_off();
}
