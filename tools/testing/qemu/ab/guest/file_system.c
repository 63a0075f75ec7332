// SPDX-License-Identifier: GPL-2.0-only
/* Files of file systems, and those of an overlay on top of each. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/fuse.h>
#include <linux/keyctl.h>
#include <mtd/mtd-abi.h>
#include <mtd/ubi-user.h>

#include "ecryptfs_key.h"
#include "fuse_server.h"
#include "matrix.h"
#include "record.h"
#include "region.h"
#include "thing.h"

#define FILE_SIZE (4 * PAGE + 123)
#define HUGE_SIZE (2UL << 20)

/**
 * struct file_system - how a file system is mounted.
 * @type: its name.
 * @source: what it is on; NULL stands for the disk named @type.
 * @options: for mount().
 * @read_only: it has the file "data", and takes no other.
 * @no_overlay: an overlay does not take it.
 * @size: of the file in bytes; 0 stands for some pages and a part of one.
 */
struct file_system {
	const char *type;
	const char *source;
	const char *options;
	bool read_only;
	bool no_overlay;
	size_t size;
};

/* The host lists the disks in the order of their numbers: "NAME NUMBER". */
static const char *disk_of(const char *name)
{
	FILE *list = fopen("/ab/disks", "re");
	char found[32], pattern[128];
	const char *path = NULL;
	int number;

	while (list && !path && fscanf(list, "%31s %d", found, &number) == 2) {
		if (strcmp(found, name))
			continue;
		snprintf(pattern, sizeof(pattern),
			 "/sys/class/scsi_disk/*:*:*:%d/device/block/sd*",
			 number);
		path = thing_find(pattern);
	}
	if (list)
		fclose(list);
	return path ? strrchr(path, '/') + 1 : NULL;
}

static void map_file(const char *label, const char *path, int flags,
		     size_t size, bool write, bool few)
{
	struct target target = {
		.label = label, .size = size, .contents = true,
		.write = write, .whole = size >= HUGE_SIZE };

	target.fd = open(path, flags | O_CLOEXEC, 0644);
	if (target.fd < 0) {
		record(label, "open %s", strerrorname_np(errno));
		return;
	}
	if (few)
		matrix_few(&target);
	else
		matrix_run(&target);
	close(target.fd);
}

/* Reads through the lower file, then writes, which copies it up. */
static void map_overlay(void)
{
	mkdir("overlay", 0755);
	mkdir("upper", 0755);
	mkdir("work", 0755);
	if (record_error("mount an overlay", mount("overlay", "overlay",
			"overlay", 0,
			"lowerdir=mnt,upperdir=upper,workdir=work")))
		return;
	map_file("lower", "overlay/data", O_RDONLY, FILE_SIZE, false,
		 matrix_is_short());
	map_file("upper", "overlay/data", O_RDWR, FILE_SIZE, true, true);
	record_error("unmount the overlay", umount("overlay"));
}

static void run_file_system(const void *argument)
{
	const struct file_system *fs = argument;
	size_t size = fs->size ?: FILE_SIZE;
	const char *name;
	char source[64];
	int fd;

	snprintf(source, sizeof(source), "%s", fs->source ?: "");
	if (!fs->source) {
		name = disk_of(fs->type);
		if (!name) {
			record("disk", "absent");
			return;
		}
		snprintf(source, sizeof(source), "/dev/%s", name);
	}
	mkdir("mnt", 0755);
	if (record_error("mount", mount(source, "mnt", fs->type,
					fs->read_only ? MS_RDONLY : 0,
					fs->options)))
		return;
	if (!fs->read_only) {
		fd = open("mnt/data", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
		record_error("create", fd);
		if (fs->size)
			record_error("resize", ftruncate(fd, size));
		else
			record_error("fill", thing_fill(fd, size));
		fsync(fd);
		close(fd);
		map_file("file", "mnt/data", O_RDWR, size, true, false);
		map_file("write only", "mnt/data", O_WRONLY, size, false,
			 true);
	}
	map_file("read only", "mnt/data", O_RDONLY, size, false,
		 !fs->read_only);
	map_file("folder", "mnt", O_RDONLY | O_DIRECTORY, size, false, true);
	if (!fs->no_overlay)
		map_overlay();
	if (!fs->read_only) {
		record_error("remove", unlink("mnt/data"));
		map_file("removed", "mnt/data", O_RDWR, size, false, true);
	}
	record_error("unmount", umount("mnt"));
}

static void run_fuse(const void *argument)
{
	const unsigned int open_flags = *(const unsigned int *)argument;
	char options[128];
	int fd = thing_open("/dev/fuse", O_RDWR);
	pid_t server;

	mkdir("mnt", 0755);
	snprintf(options, sizeof(options),
		 "fd=%d,rootmode=40000,user_id=0,group_id=0", fd);
	if (record_error("mount", mount("ab", "mnt", "fuse", 0, options)))
		return;
	server = fork();
	if (!server) {
		fuse_serve(fd, open_flags);
		_exit(0);
	}
	close(fd);
	map_file("file", "mnt/" FUSE_FILE, O_RDWR, FILE_SIZE, true, false);
	map_file("read only", "mnt/" FUSE_FILE, O_RDONLY, FILE_SIZE, false,
		 true);
	map_overlay();
	record_error("unmount", umount("mnt"));
	kill(server, SIGKILL);
}

static const unsigned int cached = FOPEN_KEEP_CACHE;
static const unsigned int direct = FOPEN_DIRECT_IO;

/* Erases the whole device: an empty one is a good file system. */
static void erase_mtd(const char *path)
{
	struct mtd_info_user info;
	struct erase_info_user erase = { };
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (!ioctl(fd, MEMGETINFO, &info)) {
		erase.length = info.size;
		record_error("erase", ioctl(fd, MEMERASE, &erase));
	}
	close(fd);
}

static const struct file_system jffs2 = { "jffs2", "mtd0" };
static const struct file_system ubifs = { "ubifs", "ubi0:ab" };

static void run_jffs2(const void *argument)
{
	(void)argument;
	erase_mtd("/dev/mtd0");
	run_file_system(&jffs2);
}

static void run_ubifs(const void *argument)
{
	struct ubi_attach_req attach = { .ubi_num = 0, .mtd_num = 0 };
	struct ubi_mkvol_req volume = {
		.vol_id = 0, .alignment = 1, .bytes = 5 << 20,
		.vol_type = UBI_DYNAMIC_VOLUME, .name = "ab",
		.name_len = 2 };
	int control, device, number = 0;

	(void)argument;
	erase_mtd("/dev/mtd0");
	control = thing_open("/dev/ubi_ctrl", O_RDONLY);
	record_error("attach", ioctl(control, UBI_IOCATT, &attach));
	device = thing_open("/dev/ubi0", O_RDONLY);
	record_error("volume", ioctl(device, UBI_IOCMKVOL, &volume));
	close(device);
	run_file_system(&ubifs);
	record_error("detach", ioctl(control, UBI_IOCDET, &number));
}

/* Its key is found through the keyring of the session. */
static void run_ecryptfs(const void *argument)
{
	const struct file_system ecryptfs = {
		.type = "ecryptfs", .source = "lower", .options =
		"ecryptfs_cipher=aes,ecryptfs_key_bytes=16,ecryptfs_sig="
		ECRYPTFS_SIGNATURE };

	(void)argument;
	mkdir("lower", 0755);
	record_error("join", syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING,
				     NULL) < 0 ? -1 : 0);
	record_error("link", syscall(SYS_keyctl, KEYCTL_LINK,
				     KEY_SPEC_USER_KEYRING,
				     KEY_SPEC_SESSION_KEYRING));
	record_error("key", ecryptfs_add_key());
	run_file_system(&ecryptfs);
}

static const struct file_system zonefs = { "zonefs", "/dev/nullb0" };

/* One file for each zone, made by the file system itself. */
static void run_zonefs(const void *argument)
{
	int image, disk;
	char block[PAGE];

	(void)argument;
	image = thing_open("/ab/zonefs.img", O_RDONLY);
	disk = thing_open("/dev/nullb0", O_RDWR);
	record_error("format", read(image, block, PAGE) == PAGE &&
		     pwrite(disk, block, PAGE, 0) == PAGE &&
		     !fsync(disk) ? 0 : -1);
	close(image);
	close(disk);
	mkdir("mnt", 0755);
	if (record_error("mount", mount(zonefs.source, "mnt", "zonefs", 0,
					NULL)))
		return;
	map_file("conventional", "mnt/cnv/0", O_RDWR, 4 * PAGE, true, false);
	map_file("sequential", "mnt/seq/0", O_RDWR | O_DIRECT, 4 * PAGE,
		 false, false);
	record_error("unmount", umount("mnt"));
}

/* Files of a folder of the host. */
static const struct file_system p9_linux = { "9p", "ab",
	"trans=virtio,version=9p2000.L,cache=none,msize=65536" };
static const struct file_system p9_cached = { "9p", "ab",
	"trans=virtio,version=9p2000.L,cache=loose,msize=65536" };
static const struct file_system p9_mmap = { "9p", "ab",
	"trans=virtio,version=9p2000.L,cache=mmap,msize=65536" };
static const struct file_system p9_unix = { .type = "9p", .source = "ab",
	.options = "trans=virtio,version=9p2000.u,cache=loose,msize=65536",
	.read_only = true };

static const struct file_system tmpfs = { "tmpfs", "none", "size=16M" };
static const struct file_system tmpfs_huge = { "tmpfs", "none",
	"size=16M,huge=always" };
static const struct file_system ramfs = { "ramfs", "none" };
static const struct file_system hugetlbfs = { .type = "hugetlbfs",
	.source = "none", .no_overlay = true, .size = HUGE_SIZE };

static const struct file_system ext2 = { "ext2" };
static const struct file_system ext4 = { "ext4" };
static const struct file_system ext4_journal = { "ext4", NULL,
	"data=journal" };
static const struct file_system xfs = { "xfs" };
static const struct file_system btrfs = { "btrfs" };
static const struct file_system f2fs = { "f2fs" };
static const struct file_system vfat = { "vfat" };
static const struct file_system exfat = { "exfat" };
static const struct file_system ntfs3 = { "ntfs3" };
static const struct file_system nilfs2 = { "nilfs2" };
static const struct file_system udf = { "udf" };
static const struct file_system minix = { "minix" };
static const struct file_system bfs = { .type = "bfs",
	.no_overlay = true };
static const struct file_system jfs = { "jfs" };
static const struct file_system reiserfs = { "reiserfs" };
static const struct file_system gfs2 = { "gfs2" };
static const struct file_system ufs = { .type = "ufs",
	.options = "ufstype=44bsd", .read_only = true };
static const struct file_system squashfs = { .type = "squashfs",
	.read_only = true };
static const struct file_system erofs = { .type = "erofs", .read_only = true };
static const struct file_system romfs = { .type = "romfs", .read_only = true };

const struct thing file_system_things[] = {
	{ "tmpfs", run_file_system, &tmpfs },
	{ "tmpfs-huge", run_file_system, &tmpfs_huge },
	{ "ramfs", run_file_system, &ramfs },
	{ "hugetlbfs", run_file_system, &hugetlbfs },
	{ "ext2", run_file_system, &ext2 },
	{ "ext4", run_file_system, &ext4 },
	{ "ext4-journal", run_file_system, &ext4_journal },
	{ "xfs", run_file_system, &xfs },
	{ "btrfs", run_file_system, &btrfs },
	{ "f2fs", run_file_system, &f2fs },
	{ "vfat", run_file_system, &vfat },
	{ "exfat", run_file_system, &exfat },
	{ "ntfs3", run_file_system, &ntfs3 },
	{ "nilfs2", run_file_system, &nilfs2 },
	{ "udf", run_file_system, &udf },
	{ "minix", run_file_system, &minix },
	{ "bfs", run_file_system, &bfs },
	{ "jfs", run_file_system, &jfs },
	{ "reiserfs", run_file_system, &reiserfs },
	{ "gfs2", run_file_system, &gfs2 },
	{ "ufs", run_file_system, &ufs },
	{ "squashfs", run_file_system, &squashfs },
	{ "erofs", run_file_system, &erofs },
	{ "romfs", run_file_system, &romfs },
	/* It finds the file of the host, which the others remove. */
	{ "9p-unix", run_file_system, &p9_unix },
	{ "9p-linux", run_file_system, &p9_linux },
	{ "9p-cached", run_file_system, &p9_cached },
	{ "9p-mmap", run_file_system, &p9_mmap },
	{ "fuse", run_fuse, &cached },
	{ "fuse-direct", run_fuse, &direct },
	{ "jffs2", run_jffs2, NULL },
	{ "ubifs", run_ubifs, NULL },
	{ "ecryptfs", run_ecryptfs, NULL },
	{ "zonefs", run_zonefs, NULL },
	{ }
};
