// SPDX-License-Identifier: GPL-2.0-only
/*
 * Is the machine what the other tests count on? If this one fails, look here
 * before looking at theirs.
 */
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>
#include <unistd.h>

#define TMPFS_MAGIC	0x01021994
#define PROC_MAGIC	0x9fa0

static int number, failures;

static void check(bool good, const char *text)
{
	printf("%sok %d - %s\n", good ? "" : "not ", ++number, text);
	failures += !good;
}

static bool mounted(const char *path, long magic)
{
	struct statfs fs;

	return !statfs(path, &fs) && fs.f_type == magic;
}

static bool nested_paging(void)
{
	char answer = 'N';
	int fd = open("/sys/module/kvm_amd/parameters/npt", O_RDONLY);

	if (fd < 0 || read(fd, &answer, 1) != 1)
		return false;
	close(fd);
	return answer == 'Y' || answer == '1';
}

static bool capable(int kvm, int capability)
{
	return ioctl(kvm, KVM_CHECK_EXTENSION, capability) > 0;
}

int main(void)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	printf("TAP version 13\n1..6\n");
	check(sysconf(_SC_NPROCESSORS_ONLN) >= 2,
	      "two processors, so that races are possible");
	check(mounted("/proc", PROC_MAGIC), "proc is mounted");
	check(mounted("/tmp", TMPFS_MAGIC), "/tmp is a tmpfs");
	check(kvm >= 0, "/dev/kvm can be opened");
	check(nested_paging(), "KVM uses nested paging");
	check(capable(kvm, KVM_CAP_GUEST_MEMFD), "KVM has guest_memfd");
	return failures != 0;
}
