// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM as modules: a guest_memfd, or a mapping of one, keeps them loaded; when the
 * last is gone they can be unloaded at once, and be loaded again.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kselftest.h"

#define SIZE	(64UL << 12)
#define ROUNDS	50
#define HOLDERS	4

static bool load(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool loaded = fd >= 0 && !syscall(SYS_finit_module, fd, "", 0);

	close(fd);
	return loaded;
}

static bool load_both(void)
{
	return load("/modules/kvm.ko") && load("/modules/kvm-amd.ko");
}

static bool unload(const char *name)
{
	return !syscall(SYS_delete_module, name, O_NONBLOCK);
}

/* Are the modules in use? Nothing is unloaded if they are. */
static bool busy(void)
{
	return !unload("kvm_amd") && (errno == EAGAIN || errno == EBUSY);
}

/*
 * What a process that exits has held is given back a moment after it has been
 * waited for. Returns how often it was tried, 0 if that was in vain.
 */
static int unload_both(void)
{
	const struct timespec moment = { .tv_nsec = 10000000 };
	int tries;

	for (tries = 1; tries <= 300; tries++) {
		if (unload("kvm_amd"))
			return unload("kvm") ? tries : 0;
		nanosleep(&moment, NULL);
	}
	return 0;
}

/* A file, with nothing else of KVM open. */
static int open_file(void)
{
	struct kvm_create_guest_memfd create = {
		.size = SIZE,
		.flags = GUEST_MEMFD_FLAG_MMAP | GUEST_MEMFD_FLAG_INIT_SHARED,
	};
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC), vm, file;

	vm = ioctl(kvm, KVM_CREATE_VM, 0);
	file = ioctl(vm, KVM_CREATE_GUEST_MEMFD, &create);
	close(vm);
	close(kvm);
	return file;
}

static char *map_file(int file)
{
	return mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
}

static void test_file(void)
{
	char *memory;
	bool good;
	int file;

	ksft_test_result(load_both(), "both modules can be loaded\n");
	file = open_file();
	ksft_test_result(file >= 0 && busy(), "an open file keeps them\n");

	memory = map_file(file);
	close(file);
	good = memory != MAP_FAILED && busy();
	if (good)
		memset(memory, 1, SIZE);
	ksft_test_result(good, "a mapping keeps them, and its memory\n");

	good = good && !munmap(memory, SIZE);
	ksft_test_result(good && unload_both() == 1,
			 "without it they can be unloaded at once\n");
}

/* The file ends in whatever way, and the modules go while it does. */
static void test_rounds(void)
{
	int round, tries = 0, late = 0;
	bool good = true;

	for (round = 0; good && round < ROUNDS; round++) {
		int file, r, holder;

		good = load_both();
		file = good ? open_file() : -1;
		for (holder = 0; file >= 0 && holder < HOLDERS; holder++) {
			if (fork())
				continue;
			if (holder % 2) {
				char *memory = map_file(file);

				if (memory != MAP_FAILED)
					memory[holder << 12] = 1;
			}
			if (holder == 2)
				raise(SIGKILL);
			_exit(0);
		}
		good = good && file >= 0 && busy();
		close(file);
		while (wait(NULL) > 0)
			;
		r = unload_both();
		good = good && r;
		tries += r;
		late += r > 1;
	}
	ksft_print_msg("%d rounds, %d tries, %d not at once\n", round, tries,
		       late);
	ksft_test_result(good, "%d times, with processes that end meanwhile\n",
			 ROUNDS);
}

int main(void)
{
	ksft_print_header();
	ksft_set_plan(5);
	/* Has nothing to do with it, and stays. */
	if (!load("/modules/irqbypass.ko"))
		ksft_exit_fail_msg("irqbypass.ko cannot be loaded\n");
	test_file();
	test_rounds();
	ksft_finished();
}
