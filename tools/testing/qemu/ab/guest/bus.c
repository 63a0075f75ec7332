// SPDX-License-Identifier: GPL-2.0-only
/* Devices that are handed to user space: PCI, by several ways. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <linux/pci.h>
#include <linux/vfio.h>

#include "matrix.h"
#include "record.h"
#include "region.h"
#include "thing.h"

/* Three of the same devices: memory in BAR 2, registers in BAR 0. */
#define PCI "/sys/bus/pci/"
#define FOR_VFIO "0000:00:10.0"
#define FOR_UIO "0000:00:11.0"
#define FOR_PROC "/proc/bus/pci/00/12.0"
#define PROC_BAR 2

static void run_vfio(const void *argument)
{
	struct vfio_region_info region = { .argsz = sizeof(region) };
	struct target target = { .write = true };
	int container, group;
	unsigned int index;
	char label[16];

	(void)argument;
	record_error("allow", thing_write(
		"/sys/module/vfio/parameters/enable_unsafe_noiommu_mode",
		"1"));
	record_error("choose", thing_write(
		PCI "devices/" FOR_VFIO "/driver_override", "vfio-pci"));
	record_error("bind", thing_write(PCI "drivers/vfio-pci/bind",
					 FOR_VFIO));
	container = thing_open("/dev/vfio/vfio", O_RDWR);
	group = thing_open("/dev/vfio/noiommu-0", O_RDWR);
	record_error("group", ioctl(group, VFIO_GROUP_SET_CONTAINER,
				    &container));
	record_error("no IOMMU", ioctl(container, VFIO_SET_IOMMU,
				       VFIO_NOIOMMU_IOMMU));
	target.fd = ioctl(group, VFIO_GROUP_GET_DEVICE_FD, FOR_VFIO);
	if (record_error("device", target.fd) < 0)
		return;
	for (index = 0; index < VFIO_PCI_NUM_REGIONS; index++) {
		region.index = index;
		if (ioctl(target.fd, VFIO_DEVICE_GET_REGION_INFO, &region) ||
		    (index && !region.size))
			continue;
		snprintf(label, sizeof(label), "region %u", index);
		target.label = label;
		target.base = region.offset;
		target.size = region.size;
		target.quiet = !(region.flags & VFIO_REGION_INFO_FLAG_MMAP);
		record(label, "size %llx flags %x",
		       (unsigned long long)region.size, region.flags);
		if (index == 2)
			matrix_run(&target);
		else
			matrix_few(&target);
	}
	target.quiet = true;
	target.label = "group";
	target.fd = group;
	target.base = 0;
	matrix_few(&target);
	target.label = "container";
	target.fd = container;
	matrix_few(&target);
}

static void run_uio(const void *argument)
{
	struct target target = { .label = "registers", .size = PAGE,
				 .quiet = true };
	char text[64];

	(void)argument;
	record_error("choose", thing_write(
		PCI "devices/" FOR_UIO "/driver_override", "hilscher"));
	snprintf(text, sizeof(text), "%s", FOR_UIO);
	record_error("bind", thing_write(PCI "drivers/hilscher/bind", text));
	target.fd = thing_open("/dev/uio0", O_RDWR);
	if (target.fd < 0)
		return;
	matrix_few(&target);
	target.label = NULL;
	target.base = PAGE;
	target.size = 4 * PAGE;
	target.quiet = false;
	target.write = true;
	/* The offset is the number of the memory. */
	target.whole = true;
	matrix_run(&target);
	record_error("unbind", thing_write(PCI "drivers/hilscher/unbind",
					   text));
	target.label = "unbound";
	target.quiet = true;
	matrix_few(&target);
}

/* The address of a BAR, which is the offset into the file. */
static unsigned long bar_address(const char *path, int bar)
{
	unsigned long from = 0, to, flags;
	FILE *file = fopen(path, "re");

	do {
		if (!file || fscanf(file, "%lx %lx %lx", &from, &to,
				    &flags) != 3)
			return 0;
	} while (bar--);
	fclose(file);
	return from;
}

static void run_proc(const void *argument)
{
	struct target target = { .label = "no kind", .size = 4 * PAGE };

	(void)argument;
	target.base = bar_address(PCI "devices/0000:00:12.0/resource",
				  PROC_BAR);
	target.fd = thing_open(FOR_PROC, O_RDWR);
	matrix_few(&target);
	target.label = NULL;
	record_error("memory", ioctl(target.fd, PCIIOC_MMAP_IS_MEM));
	matrix_run(&target);
	target.label = "combine";
	record_error("combine", ioctl(target.fd, PCIIOC_WRITE_COMBINE, 1));
	matrix_few(&target);
	target.label = "ports";
	record_error("ports", ioctl(target.fd, PCIIOC_MMAP_IS_IO));
	matrix_few(&target);
}

const struct thing bus_things[] = {
	{ "vfio", run_vfio, NULL },
	{ "uio", run_uio, NULL },
	{ "pci-proc", run_proc, NULL },
	{ }
};
