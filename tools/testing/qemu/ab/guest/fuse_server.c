// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>
#include <linux/fuse.h>

#include "fuse_server.h"
#include "region.h"

#define FILE_NODE 2
#define FILE_SIZE (4 * PAGE + 123)
#define REQUEST_SIZE (256 * 1024)
#define LONG_TIME 3600

static unsigned char contents[8 * PAGE];

static void reply(int fd, unsigned long unique, int error, const void *data,
		  size_t size)
{
	struct fuse_out_header header = {
		.len = sizeof(header) + size, .error = -error,
		.unique = unique };
	const struct iovec parts[] = {
		{ &header, sizeof(header) }, { (void *)data, size } };

	if (writev(fd, parts, 2) < 0 && errno != ENOENT)
		_exit(1);
}

static void set_attributes(struct fuse_attr *attr, unsigned long node)
{
	memset(attr, 0, sizeof(*attr));
	attr->ino = node;
	attr->mode = node == FILE_NODE ? S_IFREG | 0644 : S_IFDIR | 0755;
	attr->nlink = 1;
	attr->size = node == FILE_NODE ? FILE_SIZE : 0;
	attr->blksize = PAGE;
}

static void answer_lookup(int fd, const struct fuse_in_header *in)
{
	struct fuse_entry_out entry = {
		.nodeid = FILE_NODE, .entry_valid = LONG_TIME,
		.attr_valid = LONG_TIME };

	if (strcmp((const char *)(in + 1), FUSE_FILE)) {
		reply(fd, in->unique, ENOENT, NULL, 0);
		return;
	}
	set_attributes(&entry.attr, FILE_NODE);
	reply(fd, in->unique, 0, &entry, sizeof(entry));
}

static void answer_read(int fd, const struct fuse_in_header *in)
{
	const struct fuse_read_in *request = (const void *)(in + 1);
	size_t size = request->size;

	if (request->offset >= FILE_SIZE)
		size = 0;
	else if (size > FILE_SIZE - request->offset)
		size = FILE_SIZE - request->offset;
	reply(fd, in->unique, 0, contents + request->offset % sizeof(contents),
	      size);
}

static void answer_write(int fd, const struct fuse_in_header *in)
{
	const struct fuse_write_in *request = (const void *)(in + 1);
	struct fuse_write_out out = { .size = request->size };

	if (request->offset + request->size > sizeof(contents)) {
		reply(fd, in->unique, ENOSPC, NULL, 0);
		return;
	}
	memcpy(contents + request->offset, request + 1, request->size);
	reply(fd, in->unique, 0, &out, sizeof(out));
}

static void answer(int fd, const struct fuse_in_header *in,
		   unsigned int open_flags)
{
	struct fuse_init_out init = {
		.major = FUSE_KERNEL_VERSION, .minor = FUSE_KERNEL_MINOR_VERSION,
		.max_readahead = 0, .max_write = 32 * PAGE,
		.max_background = 8, .congestion_threshold = 8,
		.flags = FUSE_BIG_WRITES | FUSE_INIT_EXT,
		.flags2 = FUSE_DIRECT_IO_ALLOW_MMAP >> 32 };
	struct fuse_open_out opened = { };
	struct fuse_attr_out attributes = { .attr_valid = LONG_TIME };

	switch (in->opcode) {
	case FUSE_INIT:
		reply(fd, in->unique, 0, &init, sizeof(init));
		break;
	case FUSE_LOOKUP:
		answer_lookup(fd, in);
		break;
	case FUSE_GETATTR:
	case FUSE_SETATTR:
		set_attributes(&attributes.attr, in->nodeid);
		reply(fd, in->unique, 0, &attributes, sizeof(attributes));
		break;
	case FUSE_OPEN:
		opened.open_flags = open_flags;
		reply(fd, in->unique, 0, &opened, sizeof(opened));
		break;
	case FUSE_OPENDIR:
		reply(fd, in->unique, 0, &opened, sizeof(opened));
		break;
	case FUSE_READ:
		answer_read(fd, in);
		break;
	case FUSE_WRITE:
		answer_write(fd, in);
		break;
	case FUSE_FLUSH:
	case FUSE_FSYNC:
	case FUSE_RELEASE:
	case FUSE_RELEASEDIR:
	case FUSE_ACCESS:
	case FUSE_DESTROY:
		reply(fd, in->unique, 0, NULL, 0);
		break;
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
		break;
	default:
		reply(fd, in->unique, ENOSYS, NULL, 0);
	}
}

void fuse_serve(int fd, unsigned int open_flags)
{
	static char request[REQUEST_SIZE] __aligned(8);
	size_t i;

	for (i = 0; i < FILE_SIZE; i++)
		contents[i] = i % PAGE ? i * 7 : 0;
	for (;;) {
		ssize_t len = read(fd, request, sizeof(request));

		if (len < 0 && (errno == EINTR || errno == ENOENT))
			continue;
		if (len < (ssize_t)sizeof(struct fuse_in_header))
			return;
		answer(fd, (const void *)request, open_flags);
	}
}
