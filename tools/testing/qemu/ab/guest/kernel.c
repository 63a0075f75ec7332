// SPDX-License-Identifier: GPL-2.0-only
/* Memory that the kernel shares: rings, buffers, its own files. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/ethernet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/aio_abi.h>
#include <linux/blktrace_api.h>
#include <linux/bpf.h>
#include <linux/if_packet.h>
#include <linux/if_xdp.h>
#include <linux/io_uring.h>
#include <linux/kcov.h>
#include <linux/kvm.h>
#include <linux/perf_event.h>

#include "matrix.h"
#include "record.h"
#include "region.h"
#include "thing.h"

static void run_perf(const void *argument)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE, .size = sizeof(attr),
		.config = PERF_COUNT_SW_CPU_CLOCK, .disabled = 1 };
	struct target target = { .size = 5 * PAGE, .whole = true };
	struct perf_event_mmap_page *page;
	char *aux;

	(void)argument;
	target.fd = syscall(SYS_perf_event_open, &attr, 0, -1, -1,
			    PERF_FLAG_FD_CLOEXEC);
	if (record_error("open", target.fd) < 0)
		return;
	matrix_run(&target);
	target.label = "page";
	target.size = PAGE;
	matrix_run(&target);
	target.label = "no ring";
	target.size = 4 * PAGE;
	matrix_few(&target);
	/* Two mappings of one ring, and an area that the event has not. */
	page = mmap(NULL, 5 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED,
		    target.fd, 0);
	record_error("ring", page == MAP_FAILED ? -1 : 0);
	record_error("ring again", mmap(NULL, 5 * PAGE, PROT_READ, MAP_SHARED,
					target.fd, 0) == MAP_FAILED ? -1 : 0);
	record_error("ring of another size",
		     mmap(NULL, 3 * PAGE, PROT_READ, MAP_SHARED, target.fd,
			  0) == MAP_FAILED ? -1 : 0);
	if (page != MAP_FAILED) {
		page->aux_offset = 5 * PAGE;
		page->aux_size = 4 * PAGE;
		aux = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED,
			   target.fd, 5 * PAGE);
		record_error("area", aux == MAP_FAILED ? -1 : 0);
	}
}

static void run_packet(const void *argument)
{
	struct tpacket_req request = {
		.tp_block_size = 4 * PAGE, .tp_block_nr = 1,
		.tp_frame_size = PAGE, .tp_frame_nr = 4 };
	struct target target = { .size = 4 * PAGE, .whole = true,
				 .write = true };

	(void)argument;
	target.fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC,
			   htons(ETH_P_LOOP));
	if (record_error("socket", target.fd) < 0)
		return;
	target.label = "no ring";
	matrix_few(&target);
	target.label = NULL;
	record_error("ring", setsockopt(target.fd, SOL_PACKET, PACKET_RX_RING,
					&request, sizeof(request)));
	matrix_run(&target);
	/* A ring that is mapped cannot be changed. */
	memset(&request, 0, sizeof(request));
	record_error("no ring any more",
		     setsockopt(target.fd, SOL_PACKET, PACKET_RX_RING,
				&request, sizeof(request)));
}

static void run_xdp(const void *argument)
{
	struct target target = { .size = 2 * PAGE };
	struct xdp_umem_reg area = { .len = 16 * PAGE, .chunk_size = PAGE };
	int entries = 256;

	(void)argument;
	target.fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (record_error("socket", target.fd) < 0)
		return;
	area.addr = (uintptr_t)mmap(NULL, area.len, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	record_error("memory", setsockopt(target.fd, SOL_XDP, XDP_UMEM_REG,
					  &area, sizeof(area)));
	record_error("ring", setsockopt(target.fd, SOL_XDP, XDP_RX_RING,
					&entries, sizeof(entries)));
	record_error("fill ring", setsockopt(target.fd, SOL_XDP,
					     XDP_UMEM_FILL_RING, &entries,
					     sizeof(entries)));
	target.base = XDP_PGOFF_RX_RING;
	matrix_run(&target);
	target.label = "fill";
	target.base = XDP_UMEM_PGOFF_FILL_RING;
	matrix_few(&target);
	target.label = "absent";
	target.base = XDP_PGOFF_TX_RING;
	matrix_few(&target);
}

static void run_sockets(const void *argument)
{
	struct target target = { .label = "local" };

	(void)argument;
	target.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	matrix_run(&target);
	target.label = "netlink";
	target.fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0);
	matrix_few(&target);
	target.label = "internet";
	target.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	matrix_few(&target);
}

static void run_io_uring(const void *argument)
{
	struct io_uring_params params = { };
	struct target target = { .label = "rings", .size = PAGE };

	(void)argument;
	target.fd = syscall(SYS_io_uring_setup, 8, &params);
	if (record_error("create", target.fd) < 0)
		return;
	matrix_run(&target);
	matrix_anywhere(&target);
	target.label = "entries";
	target.base = IORING_OFF_SQES;
	matrix_anywhere(&target);
	target.label = "completions";
	target.base = IORING_OFF_CQ_RING;
	matrix_anywhere(&target);
	target.label = "no buffers";
	target.base = IORING_OFF_PBUF_RING;
	matrix_few(&target);
	target.label = "nothing";
	target.base = 0x40000000;
	matrix_anywhere(&target);
	close(target.fd);
	memset(&params, 0, sizeof(params));
	params.flags = IORING_SETUP_NO_MMAP;
	target.fd = syscall(SYS_io_uring_setup, 8, &params);
	record_error("create without mapping", target.fd);
}

static void run_aio(const void *argument)
{
	aio_context_t context = 0;
	char text[1000];
	void *moved;

	(void)argument;
	if (record_error("create", syscall(SYS_io_setup, 16, &context)) < 0)
		return;
	region_describe((void *)context, PAGE, 0, text, sizeof(text));
	record("ring", "%s", text);
	moved = mremap((void *)context, PAGE, PAGE,
		       MREMAP_MAYMOVE | MREMAP_FIXED, 0x180000000000UL);
	record_error("move", moved == MAP_FAILED ? -1 : 0);
	record_error("destroy by the old name",
		     syscall(SYS_io_destroy, context));
	if (moved != MAP_FAILED)
		record_error("destroy", syscall(SYS_io_destroy, moved));
	context = 0;
	record_error("create again", syscall(SYS_io_setup, 16, &context));
	record_error("unmap", munmap((void *)context, PAGE));
}

static void run_kcov(const void *argument)
{
	struct target target = { .size = 2 * PAGE, .whole = true };

	(void)argument;
	target.fd = thing_open("/sys/kernel/debug/kcov", O_RDWR);
	target.label = "not set up";
	matrix_few(&target);
	target.label = NULL;
	record_error("set up", ioctl(target.fd, KCOV_INIT_TRACE, 1024));
	matrix_run(&target);
}

/* The trace of a disk lies in buffers of relay. */
static void run_relay(const void *argument)
{
	struct blk_user_trace_setup setup = {
		.act_mask = 0xffff, .buf_size = 4 * PAGE, .buf_nr = 2 };
	struct target target = { .size = 8 * PAGE, .whole = true };
	int disk = thing_open("/dev/loop7", O_RDONLY);

	(void)argument;
	if (record_error("set up", ioctl(disk, BLKTRACESETUP, &setup)) < 0)
		return;
	target.fd = thing_open("/sys/kernel/debug/block/loop7/trace0",
			       O_RDONLY);
	matrix_run(&target);
	close(target.fd);
	record_error("tear down", ioctl(disk, BLKTRACETEARDOWN));
}

static void run_trace(const void *argument)
{
	struct target target = { .size = 4 * PAGE };

	(void)argument;
	target.fd = thing_open(
		"/sys/kernel/tracing/per_cpu/cpu0/trace_pipe_raw",
		O_RDONLY | O_NONBLOCK);
	target.quiet = true;
	matrix_run(&target);
}

static int bpf_map(int type, int flags)
{
	union bpf_attr attr = { };

	attr.map_type = type;
	attr.map_flags = flags;
	if (type == BPF_MAP_TYPE_RINGBUF) {
		attr.max_entries = PAGE;
	} else if (type == BPF_MAP_TYPE_ARENA) {
		attr.max_entries = 4;
	} else {
		attr.key_size = 4;
		attr.value_size = 1024;
		attr.max_entries = 16;
	}
	return syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr));
}

static void run_bpf(const void *argument)
{
	static const struct {
		const char *label;
		int type, flags;
		size_t size;
	} maps[] = {
		{ "array", BPF_MAP_TYPE_ARRAY, BPF_F_MMAPABLE, 4 * PAGE },
		{ "ring", BPF_MAP_TYPE_RINGBUF, 0, 4 * PAGE },
		{ "arena", BPF_MAP_TYPE_ARENA, BPF_F_MMAPABLE, 4 * PAGE },
		{ "hash", BPF_MAP_TYPE_HASH, 0, PAGE },
		{ "program's array", BPF_MAP_TYPE_ARRAY,
		  BPF_F_MMAPABLE | BPF_F_RDONLY_PROG, 4 * PAGE },
		{ "array that is not mapped", BPF_MAP_TYPE_ARRAY, 0, PAGE },
	};
	union bpf_attr attr;
	size_t i;

	(void)argument;
	for (i = 0; i < ARRAY_SIZE(maps); i++) {
		struct target target = {
			.label = maps[i].label, .size = maps[i].size,
			.write = maps[i].type != BPF_MAP_TYPE_RINGBUF,
			.whole = maps[i].type == BPF_MAP_TYPE_ARENA };

		target.fd = bpf_map(maps[i].type, maps[i].flags);
		if (record_error(maps[i].label, target.fd) < 0)
			continue;
		matrix_run(&target);
		/* What is mapped for writing cannot be frozen. */
		memset(&attr, 0, sizeof(attr));
		attr.map_fd = target.fd;
		record_error("freeze", syscall(SYS_bpf, BPF_MAP_FREEZE, &attr,
					       sizeof(attr)));
		target.write = false;
		matrix_few(&target);
		close(target.fd);
	}
}

static void run_kvm(const void *argument)
{
	struct kvm_create_device device = { .type = KVM_DEV_TYPE_VFIO };
	struct kvm_enable_cap ring = {
		.cap = KVM_CAP_DIRTY_LOG_RING, .args = { 4 * PAGE } };
	struct target target = { .label = "cpu" };
	int kvm = thing_open("/dev/kvm", O_RDWR), machine;

	(void)argument;
	if (kvm < 0)
		return;
	target.size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	machine = ioctl(kvm, KVM_CREATE_VM, 0);
	if (record_error("machine", machine) < 0)
		return;
	record_error("dirty ring", ioctl(machine, KVM_ENABLE_CAP, &ring));
	target.fd = ioctl(machine, KVM_CREATE_VCPU, 0);
	if (record_error("cpu", target.fd) >= 0) {
		matrix_run(&target);
		target.label = "ring";
		target.base = KVM_DIRTY_LOG_PAGE_OFFSET * PAGE;
		target.size = 4 * PAGE;
		matrix_run(&target);
	}
	if (!record_error("device",
			  ioctl(machine, KVM_CREATE_DEVICE, &device))) {
		target = (struct target){ .label = "device", .fd = device.fd };
		matrix_few(&target);
	}
	target = (struct target){ .label = "machine", .fd = machine };
	matrix_few(&target);
}

/* Files of /proc, /sys and the like that can or cannot be mapped. */
static const char *const refusals[] = {
	"/proc/self/mem", "/proc/self/maps", "/proc/self/status",
	"/proc/cpuinfo", "/proc/version", "/proc/kmsg", "/proc/kcore",
	"/proc/sys/vm/overcommit_memory", "/proc/1/environ",
	"/proc/kpagecount", "/proc/meminfo", "/proc/cmdline",
	"/sys/kernel/mm/transparent_hugepage/enabled", "/sys/kernel/notes",
	"/sys/power/state", "/sys/firmware/acpi/tables/DSDT",
	"/sys/kernel/debug/sleep_time", "/sys/kernel/tracing/trace",
	"/dev/kmsg", "/dev/null", "/dev/full", "/dev/random", "/dev/urandom",
	"/dev/tty", "/dev/ttyS0", "/dev/ptmx", "/dev/rtc0", "/dev/fuse",
	"/dev/loop-control", "/dev/net/tun", "/dev/cpu/0/cpuid", "/dev/nvram",
	"/dev/snapshot", "/dev/port", "/dev/console", "/dev/ubi_ctrl",
	"/dev/userfaultfd", "/dev/ublk-control", "/dev/vfio/vfio",
	"/dev/snd/timer", "/dev/snd/seq", "/dev/snd/controlC0", "/dev/mixer",
};

static void run_refusals(const void *argument)
{
	struct target target = { .quiet = true };
	size_t i;

	(void)argument;
	for (i = 0; i < ARRAY_SIZE(refusals); i++) {
		target.label = refusals[i];
		target.fd = open(refusals[i],
				 O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
		if (target.fd < 0) {
			record(refusals[i], "%s", strerrorname_np(errno));
			continue;
		}
		matrix_few(&target);
		close(target.fd);
	}
	target.label = "folder";
	target.fd = open("/", O_RDONLY | O_DIRECTORY);
	matrix_few(&target);
	target.label = "path";
	target.fd = open("/proc/version", O_PATH);
	matrix_few(&target);
	target.label = "none";
	target.fd = -1;
	matrix_few(&target);
}

static void run_selinux(const void *argument)
{
	struct target target = { .size = PAGE };

	(void)argument;
	mount("selinuxfs", "/sys/fs/selinux", "selinuxfs", 0, NULL);
	target.fd = thing_open("/sys/fs/selinux/status", O_RDONLY);
	target.label = "status";
	matrix_run(&target);
	target.fd = thing_open("/sys/fs/selinux/policy", O_RDONLY);
	target.label = "policy";
	matrix_run(&target);
}

const struct thing kernel_things[] = {
	{ "perf", run_perf, NULL },
	{ "packet", run_packet, NULL },
	{ "xdp", run_xdp, NULL },
	{ "sockets", run_sockets, NULL },
	{ "io_uring", run_io_uring, NULL },
	{ "aio", run_aio, NULL },
	{ "kcov", run_kcov, NULL },
	{ "relay", run_relay, NULL },
	{ "trace", run_trace, NULL },
	{ "bpf", run_bpf, NULL },
	{ "kvm", run_kvm, NULL },
	{ "refusals", run_refusals, NULL },
	{ "selinux", run_selinux, NULL },
	{ }
};
