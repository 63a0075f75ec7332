/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What programs tell the test driver for mmap_proto() hooks, lib/test_mmap_proto.c,
 * and what it tells them.
 *
 * Each opened file has settings and memory of its own. /dev/test_mmap_proto
 * maps it through mmap_proto(), /dev/test_mmap through mmap().
 */
#ifndef _LIB_TEST_MMAP_PROTO_UAPI_H
#define _LIB_TEST_MMAP_PROTO_UAPI_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* Each area of memory that a file has is as large as this. */
#define TEST_MMAP_PROTO_PAGES 64

/* At the start of each page: where it is, and the file that it belongs to. */
struct test_mmap_proto_page {
	__u32 number;
	__u32 area;
	__u64 file;
};

/* Values of test_mmap_proto_page.area. */
#define TEST_MMAP_PROTO_BLOCK 1
#define TEST_MMAP_PROTO_VMALLOC 2
#define TEST_MMAP_PROTO_DMA 3

/*
 * What is mapped, and how. Page N of a mapping, counted from the start of the
 * file, is page N of the area; or page N ^ 1 where neighbours are swapped.
 */
enum test_mmap_proto_memory {
	/* The block: */
	TEST_MMAP_PROTO_FAULT,		/* by a fault handler */
	TEST_MMAP_PROTO_REMAP,		/* by one remap_pfn_range() */
	TEST_MMAP_PROTO_REMAP_PARTS,	/* by one for each page, swapped */
	TEST_MMAP_PROTO_REMAP_IO,	/* by io_remap_pfn_range() */
	TEST_MMAP_PROTO_IOMAP,		/* by vm_iomap_memory() */
	TEST_MMAP_PROTO_INSERT_PAGE,	/* by vm_insert_page() for each page */
	TEST_MMAP_PROTO_INSERT_PAGES,	/* by vm_insert_pages(), swapped */
	TEST_MMAP_PROTO_MAP_PAGES,	/* by vm_map_pages(), swapped */
	TEST_MMAP_PROTO_MAP_PAGES_ZERO,	/* the first pages, swapped */
	/* Other areas: */
	TEST_MMAP_PROTO_REMAP_VMALLOC,	/* by remap_vmalloc_range() */
	TEST_MMAP_PROTO_DMA_MMAP,	/* by dma_mmap_coherent() */
	/* No memory of the file: */
	TEST_MMAP_PROTO_ANONYMOUS,	/* private mappings become anonymous */
	TEST_MMAP_PROTO_OTHER_FILE,	/* the block of other_fd, by faults */
	TEST_MMAP_PROTO_MEMORIES
};

/* Bits of test_mmap_proto_settings.options: vm_ops. */
#define TEST_MMAP_PROTO_MAPPED 0x1	/* has mapped() */
#define TEST_MMAP_PROTO_CLOSE 0x2	/* has open() and close() */
/*
 * Mappings have a reference to an object of the file: needs the two above. The
 * hook finds the object, mapped() takes the reference. Each setting makes an
 * object if there is none.
 */
#define TEST_MMAP_PROTO_OBJECT 0x4
/*
 * mapped() waits for TEST_MMAP_PROTO_DROP, which waits for the hook. Without a
 * hold it uses the object after it was freed.
 */
#define TEST_MMAP_PROTO_RENDEZVOUS 0x8
/* Private data differ with each mapping; unless there is an object. */
#define TEST_MMAP_PROTO_DISTINCT 0x10
/* The hook requests what is beyond the mapping. */
#define TEST_MMAP_PROTO_BEYOND 0x20
#define TEST_MMAP_PROTO_OPTIONS 0x3f

#define TEST_MMAP_PROTO_HOLDS 8

/**
 * struct test_mmap_proto_settings - how a file shall map
 * @set_flags: VM_* flags, as the kernel has them, that the hook sets
 * @clear_flags: those that it clears
 * @memory: enum test_mmap_proto_memory
 * @options: TEST_MMAP_PROTO_* bits
 * @holds: how often to hold; the object if there is one; mmap() cannot
 * @error: what the hook returns, 0 or -errno
 * @mapped_error: what mapped() returns, 0 or -errno
 * @other_fd: another file of the driver, for %TEST_MMAP_PROTO_OTHER_FILE
 * @failing_page: this page of the block, counted from 1, is replaced by one
 *                that no mapping can have, where pages are inserted
 * @reserved: 0
 */
struct test_mmap_proto_settings {
	__u64 set_flags;
	__u64 clear_flags;
	__u32 memory;
	__u32 options;
	__u32 holds;
	__s32 error;
	__s32 mapped_error;
	__s32 other_fd;
	__u32 failing_page;
	__u32 reserved;
};

/**
 * struct test_mmap_proto_counters - what has happened since the file was opened
 * @file: number of the file; each has another
 * @references: of the struct file, that of the call included if it takes one
 * @hooks: calls of mmap() or mmap_proto()
 * @mapped: successful calls of mapped(), for mappings that have this file in
 *          the end, as is all below
 * @opened: calls of open()
 * @closed: calls of close()
 * @faults: calls of the fault handler
 * @held: successful calls of vma_proto_hold()
 * @released: of what was held
 * @all_files: opened and not released yet, of the whole driver
 * @all_objects: alive, of the whole driver
 */
struct test_mmap_proto_counters {
	__u64 file;
	__u64 references;
	__u64 hooks;
	__u64 mapped;
	__u64 opened;
	__u64 closed;
	__u64 faults;
	__u64 held;
	__u64 released;
	__u64 all_files;
	__u64 all_objects;
};

#define TEST_MMAP_PROTO_SET _IOW('M', 0xc0, struct test_mmap_proto_settings)
#define TEST_MMAP_PROTO_COUNT _IOR('M', 0xc1, struct test_mmap_proto_counters)
/*
 * The file drops its reference to its object; after the hook has found it, with
 * TEST_MMAP_PROTO_RENDEZVOUS.
 */
#define TEST_MMAP_PROTO_DROP _IO('M', 0xc2)

#endif /* _LIB_TEST_MMAP_PROTO_UAPI_H */
