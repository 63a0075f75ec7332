// SPDX-License-Identifier: GPL-2.0-only
/* Character devices, and disks. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/android/binder.h>
#include <linux/android/binderfs.h>
#include <linux/io_uring.h>
#include <linux/ublk_cmd.h>
#include <scsi/sg.h>

#include "matrix.h"
#include "record.h"
#include "region.h"
#include "thing.h"

/**
 * struct device - a device that is opened and mapped, no more.
 * @path: of it, as a pattern.
 * @flags: for open().
 * @target: what can be mapped.
 */
struct device {
	const char *path;
	int flags;
	struct target target;
};

static void run_device(const void *argument)
{
	const struct device *device = argument;
	struct target target = device->target;
	const char *path = thing_find(device->path);

	if (!path) {
		record("device", "absent");
		return;
	}
	target.fd = thing_open(path, device->flags);
	if (target.fd >= 0)
		matrix_run(&target);
}

/* The BIOS is in the same place of every machine. */
static const struct device mem = { "/dev/mem", O_RDWR,
	{ .base = 0xf0000, .size = 4 * PAGE, .contents = true } };
/* Registers of the local APIC's page: memory of devices, cached by none. */
static const struct device mem_sync = { "/dev/mem", O_RDWR | O_SYNC,
	{ .base = 0xfee00000, .size = PAGE, .quiet = true } };
static const struct device hpet = { "/dev/hpet", O_RDONLY,
	{ .size = PAGE } };
static const struct device disk = { "/dev/vda", O_RDWR,
	{ .size = 4 * PAGE, .contents = true, .write = true } };
static const struct device disk_read_only = { "/dev/vda", O_RDONLY,
	{ .size = 4 * PAGE, .contents = true } };
static const struct device comedi = { "/dev/comedi0", O_RDWR,
	{ .size = 4 * PAGE } };
static const struct device stm = { "/dev/dummy_stm.0", O_RDWR,
	{ .size = PAGE } };
static const struct device usbmon = { "/dev/usbmon0", O_RDONLY,
	{ .size = 4 * PAGE } };
static const struct device usb = { "/dev/bus/usb/001/001", O_RDWR,
	{ .size = 4 * PAGE, .write = true } };
static const struct device dmirror = { "/dev/hmm_dmirror0", O_RDWR,
	{ .size = 4 * PAGE } };
static const struct device mtd = { "/dev/mtd0", O_RDWR,
	{ .size = 4 * PAGE } };
static const struct device mtd_read_only = { "/dev/mtd0ro", O_RDONLY,
	{ .size = 4 * PAGE } };
static const struct device frame_buffer = { "/dev/fb0", O_RDWR,
	{ .size = 4 * PAGE } };
static const struct device frame_buffer_drm = { "/dev/fb1", O_RDWR,
	{ .size = 4 * PAGE } };
static const struct device pci_resource = {
	"/sys/bus/pci/devices/0000:00:12.0/resource2", O_RDWR,
	{ .size = 4 * PAGE, .write = true } };
static const struct device pci_config = {
	"/sys/bus/pci/devices/0000:00:12.0/config", O_RDWR, { .size = PAGE } };

static void run_sg(const void *argument)
{
	struct target target = { .size = 4 * PAGE, .write = true };
	int size = 16 * PAGE;

	(void)argument;
	target.fd = thing_open("/dev/sg0", O_RDWR);
	record_error("buffer", ioctl(target.fd, SG_SET_RESERVED_SIZE, &size));
	matrix_run(&target);
}

static void run_binder(const void *argument)
{
	struct binderfs_device device = { .name = "ab" };
	struct target target = { .size = 4 * PAGE };
	int control;

	(void)argument;
	mkdir("binder", 0755);
	record_error("mount", mount("binder", "binder", "binder", 0, NULL));
	control = thing_open("binder/binder-control", O_RDWR);
	record_error("add", ioctl(control, BINDER_CTL_ADD, &device));
	close(control);
	target.fd = thing_open("binder/ab", O_RDWR);
	matrix_run(&target);
	close(target.fd);
	/* A file can be mapped once: it has not been, so far. */
	target.fd = thing_open("binder/ab", O_RDWR);
	target.label = "another";
	matrix_few(&target);
	close(target.fd);
	/* Files go away later than they are closed. */
	usleep(100000);
	record_error("unmount", umount("binder"));
}

/* One command to the control device; the ring is mapped by hand. */
static int ublk_command(int control, unsigned int operation,
			struct ublksrv_ctrl_cmd *command)
{
	struct io_uring_params params = {
		.flags = IORING_SETUP_SQE128 };
	int ring = syscall(SYS_io_uring_setup, 4, &params), result;
	struct io_uring_sqe *entry;
	struct io_uring_cqe *completions;
	char *rings;

	if (ring < 0)
		return -errno;
	rings = mmap(NULL, params.cq_off.cqes + params.cq_entries *
		     sizeof(*completions), PROT_READ | PROT_WRITE, MAP_SHARED,
		     ring, IORING_OFF_SQ_RING);
	entry = mmap(NULL, params.sq_entries * 128, PROT_READ | PROT_WRITE,
		     MAP_SHARED, ring, IORING_OFF_SQES);
	if (rings == MAP_FAILED || (void *)entry == MAP_FAILED)
		return -errno;
	memset(entry, 0, 128);
	entry->opcode = IORING_OP_URING_CMD;
	entry->fd = control;
	entry->cmd_op = operation;
	memcpy(entry->cmd, command, sizeof(*command));
	*(unsigned int *)(rings + params.sq_off.array) = 0;
	__atomic_store_n((unsigned int *)(rings + params.sq_off.tail), 1,
			 __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS,
		    NULL, 0) < 0)
		return -errno;
	completions = (void *)(rings + params.cq_off.cqes);
	result = completions[0].res;
	close(ring);
	return result;
}

static void run_ublk(const void *argument)
{
	struct ublksrv_ctrl_dev_info info = {
		.nr_hw_queues = 1, .queue_depth = 64, .dev_id = 0,
		.max_io_buf_bytes = 65536 };
	struct ublksrv_ctrl_cmd command = {
		.dev_id = 0, .queue_id = -1, .addr = (uintptr_t)&info,
		.len = sizeof(info) };
	struct target target = { .size = PAGE, .whole = true };
	int control = thing_open("/dev/ublk-control", O_RDWR), tries;

	(void)argument;
	record("add", "%d", ublk_command(control, UBLK_U_CMD_ADD_DEV,
					 &command));
	for (tries = 0; tries < 100 && access("/dev/ublkc0", F_OK); tries++)
		usleep(10000);
	target.fd = thing_open("/dev/ublkc0", O_RDWR);
	matrix_run(&target);
	close(target.fd);
	command.addr = 0;
	command.len = 0;
	record("delete", "%d", ublk_command(control, UBLK_U_CMD_DEL_DEV,
					    &command));
}

const struct thing device_things[] = {
	{ "mem", run_device, &mem },
	{ "mem-sync", run_device, &mem_sync },
	{ "hpet", run_device, &hpet },
	{ "disk", run_device, &disk },
	{ "disk-read-only", run_device, &disk_read_only },
	{ "comedi", run_device, &comedi },
	{ "stm", run_device, &stm },
	{ "usbmon", run_device, &usbmon },
	{ "usb", run_device, &usb },
	{ "dmirror", run_device, &dmirror },
	{ "mtd", run_device, &mtd },
	{ "mtd-read-only", run_device, &mtd_read_only },
	{ "frame-buffer", run_device, &frame_buffer },
	{ "frame-buffer-drm", run_device, &frame_buffer_drm },
	{ "pci-resource", run_device, &pci_resource },
	{ "pci-config", run_device, &pci_config },
	{ "sg", run_sg, NULL },
	{ "binder", run_binder, NULL },
	{ "ublk", run_ublk, NULL },
	{ }
};
