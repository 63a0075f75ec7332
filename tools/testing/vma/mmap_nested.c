// SPDX-License-Identifier: GPL-2.0-only
/*
 * Files that have another file map: with mmap() or mmap_proto() themselves, over
 * files with either.
 */

#include "mmap_world.h"

/* The file below, whose hook is the one that `hook` scripts. */
static struct address_space lower_mapping;
static struct file lower;
/* And one that it may choose instead. */
static struct address_space chosen_mapping;
static struct file chosen;

/*
 * What the hook of the outer file does, and what came of it. It notes whether
 * the VMA was as before when the file below could not be mapped.
 */
static struct {
	int (*map)(struct vm_area_struct *vma);
	bool swallow;
	int error;
	bool unchanged;
	int entries;
	const struct vm_operations_struct *lower_ops;
} outer;

static int try_to_map(const struct file_operations *fops, struct file *below,
		      struct vm_area_struct *vma)
{
	struct vm_area_struct before;

	memcpy(&before, vma, sizeof(before));
	outer.error = fops ? fops_mmap(fops, below, vma) :
			     call_mmap(below, vma);
	outer.entries = page_table.nr_entries;
	outer.unchanged = vmas_equal(vma, &before);

	return outer.error;
}

/* As overlayfs does: the file below is the one that is mapped. */
static int map_as_backing(struct vm_area_struct *vma)
{
	vma_set_file(vma, &lower);
	return try_to_map(NULL, &lower, vma);
}

/* As a dma-buf does: it is, afterwards. */
static int map_as_dmabuf(struct vm_area_struct *vma)
{
	int error = try_to_map(NULL, &lower, vma);

	if (!error)
		vma_set_file(vma, &lower);
	return error;
}

/* The outer file stays the one that is mapped. */
static int map_through(struct vm_area_struct *vma)
{
	return try_to_map(NULL, &lower, vma);
}

/* With no file at all: one that is made up, without operations of its own. */
static int map_as_prime(struct vm_area_struct *vma)
{
	struct file made_up = { };

	vma->vm_pgoff += 100;
	return try_to_map(lower.f_op, &made_up, vma);
}

static void *described_object;

static int describe_object(struct vma_proto *proto)
{
	described_object = proto->private_data;
	return test_mmap_proto(proto);
}

/* With no file operations at all, but an object, as DRM's GEM has. */
static int map_object(struct vm_area_struct *vma)
{
	struct vm_area_struct before;

	memcpy(&before, vma, sizeof(before));
	outer.error = vma_proto_mmap_vma(vma, &lower, describe_object,
					 &objects[1]);
	outer.unchanged = vmas_equal(vma, &before);

	return outer.error;
}

static void outer_close(struct vm_area_struct *vma)
{
	if (outer.lower_ops->close)
		outer.lower_ops->close(vma);
}

static const struct vm_operations_struct outer_ops = { .close = outer_close };

/* As System V shared memory does: with operations of its own. */
static int map_as_shm(struct vm_area_struct *vma)
{
	int error = map_through(vma);

	if (error)
		return error;
	outer.lower_ops = vma->vm_ops;
	vma->vm_ops = &outer_ops;
	return 0;
}

static int outer_mmap(struct file *which, struct vm_area_struct *vma)
{
	int error = outer.map(vma);

	return outer.swallow ? 0 : error;
}

static const struct file_operations outer_mmap_fops = { .mmap = outer_mmap };

static void set_up_file(struct file *which, struct address_space *its_mapping,
			const struct file_operations *fops)
{
	memset(which, 0, sizeof(*which));
	memset(its_mapping, 0, sizeof(*its_mapping));
	which->f_mapping = its_mapping;
	which->f_op = fops;
	which->f_count = 1;
}

static void set_up_nested(int (*how)(struct vm_area_struct *vma))
{
	memset(&outer, 0, sizeof(outer));
	outer.map = how;
	set_up_file(&lower, &lower_mapping, &proto_fops);
	set_up_file(&chosen, &chosen_mapping, &mmap_fops);
	file.f_op = &outer_mmap_fops;
}

static void assert_unmapped(void)
{
	ASSERT(unmap(0, 0x1000));
	ASSERT_EQ(file.f_count, 1);
	ASSERT_EQ(lower.f_count, 1);
	ASSERT_EQ(chosen.f_count, 1);
	ASSERT_EQ(atomic_read(&lower_mapping.i_mmap_writable), 0);
	ASSERT_EQ(atomic_read(&chosen_mapping.i_mmap_writable), 0);
}

static const struct way {
	int (*map)(struct vm_area_struct *vma);
	const struct file *mapped;
	const struct file *seen;
	const struct vm_operations_struct *vm_ops;
	pgoff_t pgoff;
} ways[] = {
	{ map_as_backing, &lower, &lower, &mapped_ops, 2 },
	{ map_as_dmabuf, &lower, &lower, &mapped_ops, 2 },
	{ map_through, &file, &lower, &mapped_ops, 2 },
	{ map_as_shm, &file, &lower, &outer_ops, 2 },
	{ map_as_prime, &file, NULL, &mapped_ops, 102 },
};

/* Whatever the way, the VMA is what the file below says. */
static void test_ways(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ways); i++) {
		const struct way *way = &ways[i];
		struct vm_area_struct *vma;

		set_up_nested(way->map);
		hook.set = VM_DONTDUMP;
		hook.clear = VM_MAYEXEC;
		hook.prot = 1UL << 56;
		hook.vm_ops = &mapped_ops;
		hook.private_data = &objects[0];
		ASSERT_EQ(map(2, 2, SHARED), PAGES(2));

		ASSERT_EQ(hook.start, PAGES(2));
		ASSERT_EQ(hook.end, PAGES(4));
		ASSERT_EQ(hook.pgoff, way->pgoff);
		ASSERT(hook.mm == &mm);
		ASSERT_EQ(hook.flags, SHARED);
		ASSERT_EQ(hook.page_prot, pgprot_val(vm_get_page_prot(SHARED)));
		ASSERT(!way->seen || hook.seen_file == way->seen);

		vma = vma_at(2);
		ASSERT_EQ(vma->vm_flags & ~VM_SOFTDIRTY,
			  (SHARED | VM_DONTDUMP) & ~VM_MAYEXEC);
		ASSERT_EQ(vma->vm_pgoff, way->pgoff);
		ASSERT(vma->vm_file == way->mapped);
		ASSERT(vma->vm_ops == way->vm_ops);
		ASSERT(pgprot_val(vma->vm_page_prot) & 1UL << 56);

		/* mapped() ran, and close() is its counterpart. */
		ASSERT_EQ(mapped.calls, i + 1);
		ASSERT_EQ(mapped.start, PAGES(2));
		ASSERT_EQ(mapped.end, PAGES(4));
		ASSERT_EQ(mapped.pgoff, way->pgoff);
		ASSERT(!way->seen || mapped.file == way->seen);
		ASSERT(mapped.private_data == &objects[0]);
		ASSERT(vma->vm_private_data == &mapped_private);
		assert_unmapped();
		ASSERT_EQ(close_calls, i + 1);
	}
}

/* An object is described by what knows it, and mapped or left alone. */
static void test_object(void)
{
	set_up_nested(map_object);
	lower.f_op = NULL;
	hook.set = VM_DONTDUMP;
	hook.vm_ops = &mapped_ops;
	hook.private_data = &objects[0];
	ASSERT_EQ(map(2, 2, SHARED), PAGES(2));
	ASSERT(described_object == &objects[1]);
	ASSERT(hook.seen_file == &lower);
	ASSERT_EQ(mapped.calls, 1);
	ASSERT(mapped.file == &lower);
	ASSERT(mapped.private_data == &objects[0]);
	ASSERT(vma_at(2)->vm_file == &file);
	ASSERT(vma_at(2)->vm_flags & VM_DONTDUMP);
	ASSERT(vma_at(2)->vm_private_data == &mapped_private);

	mapped.error = -EIO;
	ASSERT_EQ(map(8, 2, SHARED), -EIO);
	ASSERT(outer.unchanged);
	hook.error = -EACCES;
	ASSERT_EQ(map(8, 2, SHARED), -EACCES);
	ASSERT(outer.unchanged);
	assert_unmapped();
	ASSERT_EQ(close_calls, 1);
}

/* A file below with mmap() is mapped as ever. */
static void test_old_below(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ways); i++) {
		set_up_nested(ways[i].map);
		lower.f_op = &mmap_fops;
		hook.set = VM_DONTDUMP;
		ASSERT_EQ(map(2, 2, SHARED), PAGES(2));
		ASSERT_EQ(mmap_calls, i + 1);
		ASSERT_EQ(hook.calls, 0);
		ASSERT(vma_at(2)->vm_flags & VM_DONTDUMP);
		ASSERT(vma_at(2)->vm_file == ways[i].mapped);
		ASSERT(vma_at(2)->vm_ops ==
		       (ways[i].map == map_as_shm ? &outer_ops : &some_ops));
		assert_unmapped();
	}
}

/* Neither hook, or both. */
static void test_no_hook_below(void)
{
	struct snapshot before;

	set_up_nested(map_through);
	take_snapshot(&before);
	lower.f_op = &no_fops;
	ASSERT_EQ(map(2, 2, SHARED), -ENODEV);
	ASSERT(outer.unchanged);
	ASSERT_EQ(region_test.warnings, 0);
	lower.f_op = &both_fops;
	ASSERT_EQ(map(2, 2, SHARED), -EINVAL);
	ASSERT(outer.unchanged);
	ASSERT_EQ(region_test.warnings, 1);
	ASSERT_EQ(hook.calls + mmap_calls, 0);
	assert_unchanged_since(&before);
}

static int owner;

/* Sets private data, as a driver may that has another hook do the rest. */
static int map_with_data(struct vm_area_struct *vma)
{
	vma->vm_private_data = &owner;
	vma->vm_ops = &close_ops;
	return try_to_map(NULL, &lower, vma);
}

static int map_with_mapped(struct vm_area_struct *vma)
{
	vma->vm_ops = &mapped_ops;
	return try_to_map(NULL, &lower, vma);
}

static int set_nothing(struct vma_proto *proto)
{
	return 0;
}

static const struct file_operations nothing_fops = { .mmap_proto = set_nothing };

/* What the file below says nothing about stays. */
static void test_keeps(void)
{
	set_up_nested(map_with_data);
	lower.f_op = &nothing_fops;
	ASSERT_EQ(map(2, 2, SHARED), PAGES(2));
	ASSERT(vma_at(2)->vm_private_data == &owner);
	ASSERT(vma_at(2)->vm_ops == &close_ops);
	assert_unmapped();
	ASSERT_EQ(close_calls, 1);

	/* Nor is anything called for the outer file's sake. */
	outer.map = map_with_mapped;
	ASSERT_EQ(map(2, 2, SHARED), PAGES(2));
	ASSERT(vma_at(2)->vm_ops == &mapped_ops);
	ASSERT_EQ(mapped.calls, 0);
	assert_unmapped();
	outer.map = map_with_data;

	/* But private memory without operations is what it says. */
	lower.f_op = &proto_fops;
	hook.vm_ops = NULL;
	hook.more = anonymous;
	ASSERT_EQ(map(2, 2, PRIVATE), PAGES(2));
	ASSERT(!vma_at(2)->vm_ops);
	assert_unmapped();
}

static int choose(struct vma_proto *proto)
{
	vma_proto_set_file(proto, &chosen);
	return 0;
}

static int choose_and_fail(struct vma_proto *proto)
{
	choose(proto);
	return -EIO;
}

static int choose_by_hand(struct vma_proto *proto)
{
	proto->file = &chosen;
	return 0;
}

/* The file that the one below chose is mapped, with one reference. */
static void test_chosen(void)
{
	struct snapshot before;

	set_up_nested(map_through);
	hook.more = choose;
	hook.vm_ops = &mapped_ops;
	ASSERT_EQ(map(2, 2, SHARED), PAGES(2));
	ASSERT(vma_at(2)->vm_file == &chosen);
	ASSERT(mapped.file == &chosen);
	ASSERT_EQ(chosen.f_count, 2);
	ASSERT_EQ(file.f_count, 1);
	ASSERT_EQ(lower.f_count, 1);
	ASSERT_EQ(atomic_read(&chosen_mapping.i_mmap_writable), 1);
	assert_unmapped();

	take_snapshot(&before);
	hook.more = choose_and_fail;
	ASSERT_EQ(map(2, 2, SHARED), -EIO);
	ASSERT(outer.unchanged);
	hook.more = choose_by_hand;
	ASSERT_EQ(map(2, 2, SHARED), -EINVAL);
	ASSERT(outer.unchanged);
	ASSERT_EQ(region_test.warnings, 1);
	hook.more = choose;
	mapped.error = -EIO;
	ASSERT_EQ(map(2, 2, SHARED), -EIO);
	ASSERT(outer.unchanged);
	ASSERT_EQ(chosen.f_count, 1);

	/* Offsets are those of the file that is mapped. */
	mapped.error = 0;
	region_test.max_pgoff = 3;
	ASSERT_EQ(map(2, 2, SHARED), -EOVERFLOW);
	ASSERT(outer.unchanged);
	region_test.max_pgoff = 0;

	/* Sealed, by the seals of memfds or whatever else denies writing. */
	region_test.sealed = &chosen;
	ASSERT_EQ(map(2, 2, SHARED), -EPERM);
	ASSERT(outer.unchanged);
	region_test.sealed = NULL;
	atomic_set(&chosen_mapping.i_mmap_writable, -1);
	ASSERT_EQ(map(2, 2, SHARED), -EPERM);
	ASSERT(outer.unchanged);
	ASSERT_EQ(atomic_read(&chosen_mapping.i_mmap_writable), -1);
	ASSERT_EQ(chosen.f_count, 1);
	hook.clear = VM_WRITE | VM_MAYWRITE;
	hook.vm_ops = &some_ops;
	ASSERT_EQ(map(2, 2, SHARED), PAGES(2));
	ASSERT_EQ(atomic_read(&chosen_mapping.i_mmap_writable), -1);
	ASSERT(unmap(0, 0x1000));
	assert_unchanged_since(&before);
}

/* The checks that mmap_region() has made already are made for what changes. */
static void test_checks(void)
{
	struct snapshot before;

	set_up_nested(map_as_backing);
	take_snapshot(&before);

	hook.set = VM_EXEC;
	region_test.deny_write_exec = true;
	ASSERT_EQ(map(2, 2, SHARED), -EACCES);
	ASSERT(outer.unchanged);
	region_test.deny_write_exec = false;

	hook.set = VM_SEQ_READ;
	region_test.arch_refused = VM_SEQ_READ;
	ASSERT_EQ(map(2, 2, SHARED), -EINVAL);
	ASSERT(outer.unchanged);
	ASSERT_EQ(region_test.warnings, 0);

	hook.set = VM_LOCKED;
	region_test.mlock_limit = 1;
	ASSERT_EQ(map(2, 2, SHARED), -EAGAIN);
	ASSERT(outer.unchanged);
	ASSERT_EQ(region_test.warnings, 0);

	hook.set = VM_WRITE;
	ASSERT_EQ(map(2, 2, SHARED & ~VM_WRITE), -EINVAL);
	ASSERT(outer.unchanged);
	ASSERT_EQ(region_test.warnings, 1);

	hook.set = 0;
	hook.add_pgoff = 5;
	region_test.max_pgoff = 8;
	ASSERT_EQ(map(2, 2, SHARED), -EOVERFLOW);
	ASSERT(outer.unchanged);
	hook.add_pgoff = 4;
	ASSERT_EQ(map(2, 2, SHARED), PAGES(2));
	ASSERT_EQ(vma_at(2)->vm_pgoff, 6);
	ASSERT(unmap(2, 2));
	ASSERT_EQ(lower.f_count, 1);
	assert_unchanged_since(&before);

	/* Offsets into a file that was made up are its maker's business. */
	outer.map = map_as_prime;
	ASSERT_EQ(map(2, 2, SHARED), PAGES(2));
	ASSERT_EQ(vma_at(2)->vm_pgoff, 106);
}

static int remap_two_and_hold(struct vma_proto *proto)
{
	return vma_proto_remap_pfn_range(proto, proto->start, 500, PAGE_SIZE,
					 proto->page_prot) ?:
	       vma_proto_remap_pfn_range(proto, proto->start + PAGE_SIZE, 600,
					 PAGE_SIZE, proto->page_prot) ?:
	       hold_three(proto);
}

static int remap_all(struct vma_proto *proto)
{
	return vma_proto_remap_pfn_range(proto, proto->start, 500,
					 proto->end - proto->start,
					 proto->page_prot);
}

/* Actions are carried out, all or none; what was held is released once. */
static void test_actions_below(void)
{
	unsigned long nth;

	set_up_nested(map_as_backing);
	hook.more = remap_two_and_hold;
	hook.vm_ops = &mapped_ops;
	ASSERT_EQ(map(2, 2, SHARED), PAGES(2));
	ASSERT_EQ(mapped.entries, 2);
	ASSERT_EQ(releases, 3);
	ASSERT(vma_at(2)->vm_flags & VM_PFNMAP);
	assert_unmapped();
	ASSERT_EQ(page_table.nr_entries, 0);
	ASSERT_EQ(close_calls, 1);

	/* Nothing is left in a VMA that the outer file goes on with. */
	outer.swallow = true;
	for (nth = 1; nth <= 3; nth++) {
		page_table.fail = nth;
		mapped.error = nth == 3 ? -EIO : 0;
		ASSERT_EQ(map(2, 2, SHARED), PAGES(2));
		ASSERT_EQ(outer.error, nth == 3 ? -EIO : -ENOMEM);
		ASSERT(outer.unchanged);
		ASSERT_EQ(outer.entries, 0);
		ASSERT_EQ(releases, 3 + 3 * nth);
		assert_unmapped();
		ASSERT_EQ(close_calls, 1);
	}

	/* A COW mapping of physical memory: its offset comes back, too. */
	page_table.fail = 0;
	hook.more = remap_all;
	ASSERT_EQ(map(2, 2, PRIVATE), PAGES(2));
	ASSERT_EQ(outer.error, -EIO);
	ASSERT(outer.unchanged);
	ASSERT_EQ(vma_at(2)->vm_pgoff, 2);
}

/* Each allocation fails in turn, in the hook as in what it asked for. */
static void test_no_memory(void)
{
	unsigned long nth;

	set_up_nested(map_as_backing);
	hook.more = remap_two_and_hold;
	for (nth = 1; nth <= 4; nth++) {
		struct snapshot before;
		int expected = 3;

		releases = 0;
		take_snapshot(&before);
		region_test.fail_kmalloc = nth;
		if (nth == 4) {
			ASSERT_EQ(map(2, 2, SHARED), PAGES(2));
			ASSERT_EQ(region_test.kmallocs, 0);
			assert_unmapped();
			ASSERT_EQ(region_test.fail_kmalloc, 1);
		} else {
			ASSERT_EQ(map(2, 2, SHARED), -ENOMEM);
			ASSERT(outer.unchanged);
			assert_unchanged_since(&before);
			/* The request that failed first held nothing yet. */
			expected = nth == 1 ? 0 : nth;
		}
		ASSERT_EQ(releases, expected);
	}
}

/*
 * The outer hook changed flags, so that the VMA could become part of the one
 * before it after all: not when close() would be lost.
 *
 *   aabb  or  aaaa
 */
static void test_merge_again(void)
{
	int (*const how[])(struct vm_area_struct *) = {
		map_through, map_as_shm,
	};
	size_t i;

	set_up_nested(map_through);
	hook.set = VM_DONTDUMP;
	ASSERT_EQ(map(2, 2, SHARED), PAGES(2));
	ASSERT_EQ(map(4, 2, SHARED), PAGES(4));
	assert_mapped(2, 6);
	assert_unmapped();

	hook.vm_ops = NULL;
	hook.more = anonymous;
	ASSERT_EQ(map(2, 2, PRIVATE), PAGES(2));
	ASSERT_EQ(map(4, 2, PRIVATE), PAGES(4));
	assert_mapped(2, 6);
	assert_unmapped();
	hook.more = NULL;

	hook.vm_ops = &mapped_ops;
	for (i = 0; i < ARRAY_SIZE(how); i++) {
		outer.map = how[i];
		mapped.calls = 0;
		close_calls = 0;
		ASSERT_EQ(map(2, 2, SHARED), PAGES(2));
		ASSERT_EQ(map(4, 2, SHARED), PAGES(4));
		assert_mapped(2, 4);
		assert_mapped(4, 6);
		ASSERT_EQ(mapped.calls, 2);
		assert_unmapped();
		ASSERT_EQ(close_calls, 2);
	}

	/* Nor when it is of another file, or offset, than was compared. */
	outer.map = map_through;
	hook.vm_ops = &some_ops;
	ASSERT_EQ(map(2, 2, SHARED), PAGES(2));
	hook.more = choose;
	ASSERT_EQ(map(4, 2, SHARED), PAGES(4));
	ASSERT(vma_at(4)->vm_file == &chosen);
	assert_unmapped();
	hook.more = NULL;
	ASSERT_EQ(map(2, 2, SHARED), PAGES(2));
	hook.add_pgoff = 7;
	ASSERT_EQ(map(4, 2, SHARED), PAGES(4));
	ASSERT_EQ(vma_at(4)->vm_pgoff, 11);
	assert_unmapped();
}

/* What the outer hook does with mmap_proto(), before and after the lower's. */
static struct {
	struct file *choose;
	struct file *below;
	int (*before)(struct vma_proto *proto);
	int (*after)(struct vma_proto *proto);
	bool swallow;
	struct file *file_after;
} above;

static int outer_mmap_proto(struct vma_proto *proto)
{
	int error;

	if (above.choose)
		vma_proto_set_file(proto, above.choose);
	if (above.before) {
		error = above.before(proto);
		if (error)
			return error;
	}
	error = vma_proto_mmap_file(proto, above.below);
	above.file_after = proto->file;
	if (error)
		return above.swallow ? 0 : error;

	return above.after ? above.after(proto) : 0;
}

static const struct file_operations outer_proto_fops = {
	.mmap_proto = outer_mmap_proto,
};

static void set_up_above(void)
{
	set_up_nested(NULL);
	memset(&above, 0, sizeof(above));
	above.below = &lower;
	file.f_op = &outer_proto_fops;
}

/* From prototype to prototype: no VMA is there yet, and mappings merge. */
static void test_proto_to_proto(void)
{
	int i;

	for (i = 0; i < 2; i++) {
		set_up_above();
		above.choose = i ? &lower : NULL;
		hook.set = VM_DONTDUMP;
		hook.vm_ops = &some_ops;
		ASSERT_EQ(map(2, 2, SHARED), PAGES(2));
		ASSERT(hook.seen_file == &lower);
		ASSERT(above.file_after == (i ? &lower : &file));
		ASSERT(vma_at(2)->vm_file == above.file_after);
		ASSERT(vma_at(2)->vm_ops == &some_ops);
		ASSERT(vma_at(2)->vm_flags & VM_DONTDUMP);
		ASSERT_EQ(map(4, 2, SHARED), PAGES(4));
		assert_mapped(2, 6);
		ASSERT_EQ(lower.f_count, 1 + i);
		ASSERT_EQ(file.f_count, 2 - i);
		assert_unmapped();
	}
}

/* What the file below chooses wins over what the outer one chose. */
static void test_proto_chosen_below(void)
{
	/* The last: both choose the same. */
	struct file *const choices[] = { NULL, &lower, &chosen };
	struct snapshot before;
	int i;

	for (i = 0; i < 3; i++) {
		set_up_above();
		above.choose = choices[i];
		hook.more = choose;
		ASSERT_EQ(map(2, 2, SHARED), PAGES(2));
		ASSERT(vma_at(2)->vm_file == &chosen);
		ASSERT_EQ(chosen.f_count, 2);
		ASSERT_EQ(lower.f_count, 1);
		ASSERT_EQ(file.f_count, 1);
		assert_unmapped();

		take_snapshot(&before);
		hook.more = choose_and_fail;
		ASSERT_EQ(map(2, 2, SHARED), -EIO);
		/* Half of what it says is not what anyone wants. */
		above.swallow = true;
		ASSERT_EQ(map(2, 2, SHARED), -EIO);
		above.swallow = false;
		assert_unchanged_since(&before);
		if (choices[i] == &chosen)
			break;
		hook.more = choose_by_hand;
		ASSERT_EQ(map(2, 2, SHARED), -EINVAL);
		ASSERT_EQ(region_test.warnings, 2 * i + 1);
		above.swallow = true;
		ASSERT_EQ(map(2, 2, SHARED), -EINVAL);
		ASSERT_EQ(chosen.f_count, 1);
		ASSERT_EQ(lower.f_count, 1);
		assert_unchanged_since(&before);
	}
}

static int lower_close_calls;

static int wrap_mapped(unsigned long start, unsigned long end, pgoff_t pgoff,
		       struct file *which, void **private_data)
{
	return mapped_ops.mapped(start, end, pgoff, &lower, private_data);
}

static void wrap_close(struct vm_area_struct *vma)
{
	lower_close_calls++;
	mapped_ops.close(vma);
}

static const struct vm_operations_struct wrap_ops = {
	.mapped = wrap_mapped,
	.close = wrap_close,
};

static int wrap(struct vma_proto *proto)
{
	ASSERT(proto->vm_ops == &mapped_ops);
	proto->vm_ops = &wrap_ops;
	return 0;
}

/* Operations of its own that forward to those below, mapped() among them. */
static void test_proto_forwards(void)
{
	set_up_above();
	above.after = wrap;
	lower_close_calls = 0;
	hook.vm_ops = &mapped_ops;
	ASSERT_EQ(map(2, 2, SHARED), PAGES(2));
	ASSERT_EQ(mapped.calls, 1);
	ASSERT(mapped.file == &lower);
	ASSERT(vma_at(2)->vm_file == &file);
	assert_unmapped();
	ASSERT_EQ(close_calls, 1);
	ASSERT_EQ(lower_close_calls, 1);
}

static int with_ops(struct vma_proto *proto)
{
	proto->vm_ops = &other_ops;
	return 0;
}

static int with_action(struct vma_proto *proto)
{
	return vma_proto_remap_pfn_range(proto, proto->start, 500, PAGE_SIZE,
					 proto->page_prot);
}

static int with_mixedmap(struct vma_proto *proto)
{
	proto->flags |= VM_MIXEDMAP;
	return 0;
}

/* A file below with mmap() gets the new VMA, before anyone can see it. */
static void test_proto_to_old(void)
{
	struct snapshot before;

	set_up_above();
	lower.f_op = &mmap_fops;
	above.choose = &lower;
	hook.set = VM_DONTDUMP;
	hook.private_data = &objects[0];
	ASSERT_EQ(map(2, 2, SHARED), PAGES(2));
	ASSERT_EQ(mmap_calls, 1);
	ASSERT(vma_at(2)->vm_file == &lower);
	ASSERT(vma_at(2)->vm_ops == &some_ops);
	ASSERT(vma_at(2)->vm_private_data == &objects[0]);
	ASSERT(vma_at(2)->vm_flags & VM_DONTDUMP);
	/* It has a say in each mapping, so none becomes part of another. */
	ASSERT_EQ(map(4, 2, SHARED), PAGES(4));
	ASSERT_EQ(mmap_calls, 2);
	assert_mapped(2, 4);
	assert_mapped(4, 6);
	assert_unmapped();

	take_snapshot(&before);
	hook.error = -EIO;
	ASSERT_EQ(map(2, 2, SHARED), -EIO);
	ASSERT_EQ(lower.f_count, 1);
	hook.error = 0;
	above.before = with_action;
	ASSERT_EQ(map(2, 2, SHARED), -EINVAL);
	above.before = NULL;
	above.after = with_action;
	ASSERT_EQ(map(2, 2, SHARED), -EINVAL);
	ASSERT_EQ(region_test.warnings, 0);
	/* Whoever opened the file, not the hook, is to blame for that. */
	above.after = with_ops;
	ASSERT_EQ(map(2, 2, SHARED), -EINVAL);
	ASSERT_EQ(region_test.warnings, 0);
	above.after = with_mixedmap;
	ASSERT_EQ(map(2, 2, SHARED), -EINVAL);
	ASSERT_EQ(region_test.warnings, 1);
	lower.f_op = &no_fops;
	ASSERT_EQ(map(2, 2, SHARED), -ENODEV);
	lower.f_op = &both_fops;
	ASSERT_EQ(map(2, 2, SHARED), -EINVAL);
	ASSERT_EQ(lower.f_count, 1);
	assert_unchanged_since(&before);
}

static struct cred another = { .usage = 1 };
static const struct cred *mmap_creds;

static int mmap_seeing_creds(struct file *file, struct vm_area_struct *vma)
{
	mmap_creds = current_creds;
	return hook.error;
}

static const struct file_operations creds_fops = {
	.mmap = mmap_seeing_creds,
};

static int outer_as_another(struct vma_proto *proto)
{
	const struct cred *before = override_creds(&another);
	int error = vma_proto_mmap_file(proto, &lower);

	revert_creds(before);

	return error;
}

static const struct file_operations outer_as_another_fops = {
	.mmap_proto = outer_as_another,
};

/* mmap() is called as who the hook was, although that is over by then. */
static void test_proto_to_old_creds(void)
{
	const int errors[] = { -EIO, 0 };
	int i;

	for (i = 0; i < 2; i++) {
		set_up_above();
		file.f_op = &outer_as_another_fops;
		lower.f_op = &creds_fops;
		hook.error = errors[i];
		mmap_creds = NULL;
		ASSERT_EQ(map(2, 2, SHARED), errors[i] ?: PAGES(2));
		ASSERT(mmap_creds == &another);
		ASSERT(current_creds == &init_cred);
		ASSERT_EQ(another.usage, 1);
		ASSERT_EQ(init_cred.usage, 1);
	}
	assert_unmapped();
}

static struct file middle;
static struct address_space middle_mapping;

static int map_middle(struct vm_area_struct *vma)
{
	return try_to_map(NULL, &middle, vma);
}

/* Flags that are there before either has a say are not their doing. */
static int map_middle_mixed(struct vm_area_struct *vma)
{
	vm_flags_set(vma, VM_MIXEDMAP);
	return try_to_map(NULL, &middle, vma);
}

/* mmap() over mmap_proto() over either. */
static void test_three(void)
{
	set_up_above();
	set_up_file(&middle, &middle_mapping, &outer_proto_fops);
	outer.map = map_middle;
	file.f_op = &outer_mmap_fops;
	hook.set = VM_DONTDUMP;

	ASSERT_EQ(map(2, 2, SHARED), PAGES(2));
	ASSERT(hook.seen_file == &lower);
	ASSERT(vma_at(2)->vm_file == &file);
	ASSERT(vma_at(2)->vm_ops == &some_ops);
	ASSERT(vma_at(2)->vm_flags & VM_DONTDUMP);
	assert_unmapped();

	lower.f_op = &mmap_fops;
	ASSERT_EQ(map(2, 2, SHARED), PAGES(2));
	ASSERT_EQ(mmap_calls, 1);
	ASSERT(vma_at(2)->vm_ops == &some_ops);
	assert_unmapped();

	outer.map = map_middle_mixed;
	ASSERT_EQ(map(2, 2, SHARED), PAGES(2));
	ASSERT_EQ(region_test.warnings, 0);
	assert_unmapped();
	outer.map = map_middle;

	/* Whatever it did to the VMA before it failed is undone. */
	outer.swallow = true;
	hook.error = -EIO;
	ASSERT_EQ(map(2, 2, SHARED), PAGES(2));
	ASSERT_EQ(outer.error, -EIO);
	ASSERT(outer.unchanged);
	assert_unmapped();
	ASSERT_EQ(middle.f_count, 1);
}

static int fail_after_swap(struct file *which, struct vm_area_struct *vma)
{
	vma_set_file(vma, &chosen);
	return -EIO;
}

static const struct file_operations fail_after_swap_fops = {
	.mmap = fail_after_swap,
};

/* Among that: the file, of which the VMA may hold the last reference. */
static void test_three_files(void)
{
	int i;

	for (i = 0; i < 2; i++) {
		set_up_above();
		set_up_file(&middle, &middle_mapping, &outer_proto_fops);
		outer.map = map_middle;
		outer.swallow = true;
		file.f_op = &outer_mmap_fops;
		lower.f_op = &fail_after_swap_fops;
		above.choose = i ? &lower : NULL;
		ASSERT_EQ(map(2, 2, SHARED), PAGES(2));
		ASSERT(outer.unchanged);
		ASSERT(vma_at(2)->vm_file == &file);
		ASSERT_EQ(file.f_count, 2);
		assert_unmapped();
	}
}

/* References that mappings have, and objects that are held. */
static int alive;
static int held;

static int alive_mapped(unsigned long start, unsigned long end, pgoff_t pgoff,
			struct file *which, void **private_data)
{
	if (inject(INJECT_MAPPED))
		return -EIO;
	alive++;
	return 0;
}

static void alive_open(struct vm_area_struct *vma)
{
	alive++;
}

static void alive_close(struct vm_area_struct *vma)
{
	alive--;
}

static const struct vm_operations_struct alive_ops = {
	.mapped = alive_mapped,
	.open = alive_open,
	.close = alive_close,
};

static void let_go(void *object)
{
	held--;
}

/* Everything that a hook can ask for, with nothing left behind if it fails. */
static int ask_for_all(struct vma_proto *proto)
{
	int i;

	for (i = 0; i < 3; i++) {
		int error;

		held++;
		error = vma_proto_hold(proto, &objects[i], let_go);
		if (error)
			return error;
	}
	choose(proto);
	return vma_proto_remap_pfn_range(proto, proto->start, 500, PAGE_SIZE,
					 proto->page_prot) ?:
	       vma_proto_io_remap_pfn_range(proto, proto->start + PAGE_SIZE,
					    600, PAGE_SIZE, proto->page_prot);
}

/*
 * Map pages 4 and 5 in the way that is set up, over what is there:
 *
 *   ..aaaaaa..
 *
 * and let step @at fail. Returns which one it was, or INJECT_STEPS.
 */
static enum inject_step fail_nested(unsigned long at)
{
	const struct file_operations *fops = file.f_op;
	enum inject_step failed;
	struct snapshot before;
	long result;

	memset(&hook, 0, sizeof(hook));
	hook.vm_ops = &alive_ops;
	file.f_op = &proto_fops;
	ASSERT_EQ(map(2, 6, PRIVATE), PAGES(2));
	file.f_op = fops;
	hook.more = ask_for_all;
	take_snapshot(&before);

	inject_at(at);
	result = map_file(&file, 4, 2, SHARED, 4);
	failed = injection.failed;
	inject_at(0);

	ASSERT_EQ(held, 0);
	if (failed == INJECT_STEPS) {
		ASSERT_EQ(result, PAGES(4));
	} else if (result < 0) {
		/* What was to be replaced is there, or there is a gap. */
		ASSERT(!vma_at(4) || vma_at(4)->vm_ops == &alive_ops);
		ASSERT_EQ(page_table.nr_entries, 0);
		ASSERT(!outer.error || outer.unchanged);
	}
	ASSERT_EQ(alive, mm.map_count);
	ASSERT(unmap(0, 0x1000));
	ASSERT_EQ(alive, 0);
	assert_unmapped();
	ASSERT_EQ(region_test.kmallocs, 0);

	return failed;
}

static int map_as_middle(struct vm_area_struct *vma)
{
	return try_to_map(NULL, &middle, vma);
}

/* In each of the ways, each step that can fail does, one after the other. */
static void test_each_step(void)
{
	unsigned long counts[INJECT_STEPS] = { };
	size_t i;
	int j;

	for (i = 0; i < ARRAY_SIZE(ways) + 3; i++) {
		enum inject_step failed;
		unsigned long at = 0;

		do {
			tear_down();
			set_up();
			if (i < ARRAY_SIZE(ways)) {
				set_up_nested(ways[i].map);
			} else {
				set_up_above();
				above.choose = i & 1 ? &lower : NULL;
			}
			if (i == ARRAY_SIZE(ways) + 2) {
				set_up_file(&middle, &middle_mapping,
					    &outer_proto_fops);
				outer.map = map_as_middle;
				file.f_op = &outer_mmap_fops;
			}
			failed = fail_nested(++at);
			if (failed != INJECT_STEPS)
				counts[failed]++;
		} while (failed != INJECT_STEPS);
		/* Two actions and mapped() come last. */
		ASSERT(at > 10);
	}
	printf("# failures injected:");
	for (j = 0; j < INJECT_STEPS; j++) {
		if (counts[j])
			printf(" %s %lu", inject_names[j], counts[j]);
	}
	printf("\n");
	ASSERT(counts[INJECT_KMALLOC] && counts[INJECT_HOOK] &&
	       counts[INJECT_SEALS] && counts[INJECT_MDWE] &&
	       counts[INJECT_ARCH] && counts[INJECT_WRITABLE] &&
	       counts[INJECT_VMA] && counts[INJECT_ENTRY] &&
	       counts[INJECT_MAPPED]);
}

static const struct mmap_test tests[] = {
	{ "all ways to map a file below", test_ways },
	{ "an object that has no file", test_object },
	{ "a file below with mmap()", test_old_below },
	{ "a file below with no hook, or both", test_no_hook_below },
	{ "what the file below does not set stays", test_keeps },
	{ "the file below chooses another", test_chosen },
	{ "what it changes is checked", test_checks },
	{ "its actions and holds", test_actions_below },
	{ "memory is short", test_no_memory },
	{ "no merge that loses close()", test_merge_again },
	{ "mmap_proto() to mmap_proto()", test_proto_to_proto },
	{ "the same, and it chooses another", test_proto_chosen_below },
	{ "the same, with mapped() forwarded", test_proto_forwards },
	{ "mmap_proto() to mmap()", test_proto_to_old },
	{ "the same, with credentials", test_proto_to_old_creds },
	{ "mmap() to mmap_proto() to either", test_three },
	{ "the same, and it fails with another file", test_three_files },
	{ "each step that can fail", test_each_step },
};

int main(void)
{
	return run_tests(tests, ARRAY_SIZE(tests));
}
