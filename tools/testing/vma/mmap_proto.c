// SPDX-License-Identifier: GPL-2.0-only
/*
 * mmap_region() with files that describe their mappings by mmap_proto().
 *
 * Addresses are written as pages: the pictures in the comments have one
 * character a page, letters for mappings, '.' for a gap.
 */

#include "mmap_world.h"

/* A new mapping is what the hook described, on top of what was asked for. */
static void test_success(void)
{
	struct vm_area_struct *vma;
	int private;

	hook.set = VM_DONTDUMP;
	hook.prot = 1UL << 56;
	hook.private_data = &private;
	ASSERT_EQ(map_file(&file, 4, 3, SHARED, 77), PAGES(4));

	ASSERT_EQ(hook.calls, 1);
	vma = vma_at(4);
	ASSERT(vma);
	ASSERT_EQ(vma->vm_start, PAGES(4));
	ASSERT_EQ(vma->vm_end, PAGES(7));
	ASSERT_EQ(vma->vm_pgoff, 77);
	ASSERT_EQ(vma->vm_flags, SHARED | VM_DONTDUMP);
	ASSERT(vma->vm_file == &file);
	ASSERT(vma->vm_ops == &some_ops);
	ASSERT(vma->vm_private_data == &private);
	ASSERT_EQ(file.f_count, 2);
	ASSERT_EQ(atomic_read(&mapping.i_mmap_writable), 1);
	ASSERT_EQ(mm.total_vm, 3);
	ASSERT_EQ(region_test.warnings, 0);
	ASSERT_EQ(region_test.perf_events, 1);
}

/* All but the write-only fields are there before the hook runs. */
static void test_populated(void)
{
	ASSERT_EQ(map_file(&file, 4, 3, PRIVATE, 77), PAGES(4));

	ASSERT(hook.mm == &mm);
	ASSERT_EQ(hook.start, PAGES(4));
	ASSERT_EQ(hook.end, PAGES(7));
	ASSERT_EQ(hook.pgoff, 77);
	ASSERT(hook.seen_file == &file);
	ASSERT_EQ(hook.flags, PRIVATE);
	ASSERT_EQ(hook.page_prot, pgprot_val(vm_get_page_prot(PRIVATE)));
	ASSERT(hook.page_prot);
	ASSERT(hook.wrote_only);

	ASSERT_EQ(map(8, 1, SHARED), PAGES(8));
	ASSERT_EQ(hook.flags, SHARED);
	ASSERT_EQ(hook.page_prot, pgprot_val(vm_get_page_prot(SHARED)));
}

/* Is the pointer of that type, const and all? */
#define IS_A(_pointer, _type)						\
	__builtin_types_compatible_p(typeof(_pointer), _type)

/* What a hook must not write is constant: a hook that does will not compile. */
static void test_immutable(void)
{
	struct vma_proto proto = { };

	ASSERT(IS_A(&proto.mm, struct mm_struct *const *));
	ASSERT(IS_A(&proto.start, const unsigned long *));
	ASSERT(IS_A(&proto.end, const unsigned long *));
	/* And what it may write is not. */
	ASSERT(IS_A(&proto.pgoff, pgoff_t *));
	ASSERT(IS_A(&proto.flags, vm_flags_t *));
}

/* The error of a hook is the result, and nothing has changed. */
static void test_error(void)
{
	static const int errors[] = {
		-EPERM, -EIO, -EAGAIN, -ENOMEM, -EACCES, -ENODEV, -EINVAL,
	};
	struct snapshot before;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(errors); i++) {
		take_snapshot(&before);
		hook.error = errors[i];
		ASSERT_EQ(map(4, 3, PRIVATE), errors[i]);
		assert_unchanged_since(&before);
	}
	ASSERT_EQ(hook.calls, ARRAY_SIZE(errors));
	ASSERT_EQ(region_test.vma_allocs, 0);
}

/*
 * A hook that fails leaves what MAP_FIXED was to replace untouched: not split,
 * not closed, not uncharged.
 *
 *	..aabb.cc.  and the new mapping wants  ...xxxxx..
 */
static void test_error_keeps_victims(void)
{
	struct snapshot before;

	hook.vm_ops = &close_ops;
	ASSERT_EQ(map(2, 2, PRIVATE), PAGES(2));
	ASSERT_EQ(map(4, 2, SHARED), PAGES(4));
	ASSERT_EQ(map(7, 2, PRIVATE), PAGES(7));
	ASSERT_EQ(region_test.charged, 4);

	take_snapshot(&before);
	ASSERT_EQ(before.nr_vmas, 3);
	hook.error = -EBUSY;
	ASSERT_EQ(map(3, 5, PRIVATE), -EBUSY);
	assert_unchanged_since(&before);
}

/* One that succeeds replaces them. */
static void test_map_fixed(void)
{
	hook.vm_ops = &close_ops;
	ASSERT_EQ(map(2, 2, PRIVATE), PAGES(2));
	ASSERT_EQ(map(4, 2, SHARED), PAGES(4));
	ASSERT_EQ(map(7, 2, PRIVATE), PAGES(7));

	ASSERT_EQ(map_file(&file, 3, 5, PRIVATE, 1000), PAGES(3));
	ASSERT_EQ(mm.map_count, 3);
	assert_mapped(2, 3);
	ASSERT_EQ(vma_at(3)->vm_pgoff, 1000);
	ASSERT_EQ(vma_at(3)->vm_end, PAGES(8));
	assert_mapped(8, 9);
	ASSERT_EQ(region_test.charged, 7);
	ASSERT_EQ(file.f_count, 4);
	/* The one replaced whole, and the two parts cut off. */
	ASSERT_EQ(close_calls, 3);
}

/* Each flag that a hook may set arrives; each other one fails the mmap(). */
static void test_flags_set(void)
{
	struct snapshot before;
	unsigned long refused = 0;
	int bit;

	for (bit = 0; bit < 64; bit++) {
		vm_flags_t flag = 1UL << bit;

		if (PRIVATE & flag)
			continue;

		hook.set = flag;
		if (flag & VMA_PROTO_MAY_SET && flag != VM_WIPEONFORK) {
			ASSERT_EQ(map(4, 1, PRIVATE), PAGES(4));
			ASSERT_EQ(vma_at(4)->vm_flags & ~VM_ACCOUNT,
				  PRIVATE | flag);
			ASSERT(unmap(4, 1));
		} else {
			take_snapshot(&before);
			ASSERT_EQ(map(4, 1, PRIVATE), -EINVAL);
			assert_unchanged_since(&before);
			refused++;
		}
	}
	ASSERT_EQ(region_test.warnings, refused);
	/* 64 bits, less 5 that are set already, less 14 that are allowed. */
	ASSERT_EQ(refused, 45);

	hook.set = VM_WIPEONFORK | VM_DONTCOPY;
	ASSERT_EQ(map(4, 1, SHARED), PAGES(4));
	ASSERT_EQ(vma_at(4)->vm_flags, SHARED | VM_WIPEONFORK | VM_DONTCOPY);
}

/*
 * Neither VM_MAY* nor access is for the hook to give, but for reading and
 * executing where VM_MAY* is there.
 */
static void test_access_set(void)
{
	static const vm_flags_t flags[] = {
		VM_READ, VM_WRITE, VM_EXEC, VM_SHARED,
		VM_MAYREAD, VM_MAYWRITE, VM_MAYEXEC, VM_MAYSHARE,
	};
	const vm_flags_t all = RW | VM_EXEC | VM_SHARED | VM_MAYSHARE;
	struct snapshot before;
	size_t i;

	take_snapshot(&before);
	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		hook.set = flags[i];
		ASSERT_EQ(map(4, 1, 0), -EINVAL);
		if (flags[i] & (VM_READ | VM_EXEC)) {
			ASSERT_EQ(map(4, 1, all & ~flags[i]), PAGES(4));
			ASSERT_EQ(vma_at(4)->vm_flags, all);
			ASSERT(unmap(4, 1));
		} else {
			ASSERT_EQ(map(4, 1, all & ~flags[i]), -EINVAL);
		}
		assert_unchanged_since(&before);
	}
	ASSERT_EQ(region_test.warnings, 2 * ARRAY_SIZE(flags) - 2);
}

/* VM_MAY* can be taken away, but not from under access that is asked for. */
static void test_flags_clear(void)
{
	struct snapshot before;

	hook.clear = VM_MAYEXEC;
	ASSERT_EQ(map(4, 1, SHARED), PAGES(4));
	ASSERT_EQ(vma_at(4)->vm_flags, SHARED & ~VM_MAYEXEC);

	hook.clear = VM_MAYWRITE;
	ASSERT_EQ(map(6, 1, SHARED & ~VM_WRITE), PAGES(6));
	ASSERT_EQ(vma_at(6)->vm_flags, SHARED & ~(VM_WRITE | VM_MAYWRITE));
	ASSERT_EQ(region_test.warnings, 0);

	take_snapshot(&before);
	ASSERT_EQ(map(8, 1, SHARED), -EINVAL);
	hook.clear = VM_SHARED;
	ASSERT_EQ(map(8, 1, SHARED), -EINVAL);
	assert_unchanged_since(&before);
	ASSERT_EQ(region_test.warnings, 2);

	/* With the access it can. */
	hook.clear = VM_WRITE | VM_MAYWRITE;
	ASSERT_EQ(map(8, 1, SHARED), PAGES(8));
	ASSERT_EQ(vma_at(8)->vm_flags, SHARED & ~(VM_WRITE | VM_MAYWRITE));
	ASSERT_EQ(pgprot_val(vma_at(8)->vm_page_prot),
		  SHARED & ~(VM_WRITE | VM_MAYWRITE));
}

/* Of all flags, access and VM_MAY* are all that a hook can take away. */
static void test_flags_cleared(void)
{
	struct snapshot before;
	unsigned long refused = 0;
	int bit;

	for (bit = 0; bit < 64; bit++) {
		vm_flags_t flag = 1UL << bit;

		hook.clear = flag;
		if (flag & VMA_PROTO_MAY_CLEAR) {
			ASSERT_EQ(map(4, 1, flag), PAGES(4));
			ASSERT_EQ(vma_at(4)->vm_flags, 0);
			ASSERT(unmap(4, 1));
		} else {
			take_snapshot(&before);
			ASSERT_EQ(map(4, 1, flag), -EINVAL);
			assert_unchanged_since(&before);
			refused++;
		}
	}
	ASSERT_EQ(region_test.warnings, refused);
	/* 64 bits, less 6 that are allowed. */
	ASSERT_EQ(refused, 58);
}

/* Each VM_MAY* stays for as long as the access that it permits is asked for. */
static void test_flags_coherent(void)
{
	static const struct {
		vm_flags_t access;
		vm_flags_t may;
	} pairs[] = {
		{ VM_READ, VM_MAYREAD },
		{ VM_WRITE, VM_MAYWRITE },
		{ VM_EXEC, VM_MAYEXEC },
	};
	const vm_flags_t all = SHARED | VM_EXEC;
	struct snapshot before;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(pairs); i++) {
		vm_flags_t rest = all & ~pairs[i].access;

		hook.clear = pairs[i].may;
		take_snapshot(&before);
		ASSERT_EQ(map(4, 1, all), -EINVAL);
		assert_unchanged_since(&before);
		ASSERT_EQ(region_test.warnings, i + 1);

		ASSERT_EQ(map(4, 1, rest), PAGES(4));
		ASSERT_EQ(vma_at(4)->vm_flags, rest & ~pairs[i].may);
		ASSERT(unmap(4, 1));
	}

	/* What came without its VM_MAY* is not the fault of the hook. */
	hook.clear = 0;
	ASSERT_EQ(map(4, 1, VM_READ | VM_WRITE | VM_SHARED), PAGES(4));
	ASSERT_EQ(region_test.warnings, ARRAY_SIZE(pairs));
}

/* The protection that the hook chose is the mapping's. */
static void test_page_prot(void)
{
	hook.prot = 5UL << 56;
	ASSERT_EQ(map(4, 1, PRIVATE), PAGES(4));
	ASSERT_EQ(pgprot_val(vma_at(4)->vm_page_prot) & TEST_PROT_DRIVER,
		  5UL << 56);

	/* One that chooses none has what its flags imply. */
	hook.prot = 0;
	ASSERT_EQ(map(6, 1, VM_READ | VM_MAYREAD), PAGES(6));
	ASSERT_EQ(pgprot_val(vma_at(6)->vm_page_prot), VM_READ | VM_MAYREAD);
}

/*
 * What is described alike becomes one mapping, and the hook is asked each
 * time.
 *
 *	aa....  aabb..  aa..bb  aaccbb
 */
static void test_merge(void)
{
	int private;

	hook.set = VM_DONTDUMP;
	hook.prot = 1UL << 56;
	hook.private_data = &private;
	ASSERT_EQ(map(2, 2, SHARED), PAGES(2));
	/* With the one before. */
	ASSERT_EQ(map(4, 2, SHARED), PAGES(4));
	assert_mapped(2, 6);
	ASSERT_EQ(mm.map_count, 1);
	/* With the one behind. */
	ASSERT_EQ(map(10, 2, SHARED), PAGES(10));
	ASSERT_EQ(map(8, 2, SHARED), PAGES(8));
	assert_mapped(8, 12);
	ASSERT_EQ(mm.map_count, 2);
	/* With both. */
	ASSERT_EQ(map(6, 2, SHARED), PAGES(6));
	assert_mapped(2, 12);
	ASSERT_EQ(mm.map_count, 1);
	ASSERT_EQ(mm.total_vm, 10);

	ASSERT_EQ(hook.calls, 5);
	ASSERT_EQ(file.f_count, 2);
	ASSERT_EQ(atomic_read(&mapping.i_mmap_writable), 1);
	ASSERT_EQ(vma_at(2)->vm_flags, SHARED | VM_DONTDUMP);
	ASSERT(vma_at(2)->vm_private_data == &private);
}

/*
 * A merge is tried once, with what the hook said: no VMA is allocated for it
 * although the hook changes the flags. A mmap() hook that does the same costs
 * a VMA that is freed again.
 */
static void test_one_merge_attempt(void)
{
	hook.set = VM_DONTDUMP;
	ASSERT_EQ(map(2, 2, SHARED), PAGES(2));
	ASSERT_EQ(region_test.vma_allocs, 1);
	ASSERT_EQ(map(4, 2, SHARED), PAGES(4));
	ASSERT_EQ(mm.map_count, 1);
	ASSERT_EQ(region_test.vma_allocs, 1);

	ASSERT(unmap(0, 0x1000));
	file.f_op = &mmap_fops;
	ASSERT_EQ(map(2, 2, SHARED), PAGES(2));
	ASSERT_EQ(map(4, 2, SHARED), PAGES(4));
	ASSERT_EQ(mm.map_count, 1);
	ASSERT_EQ(region_test.vma_allocs, 3);
	ASSERT_EQ(mmap_calls, 2);
}

/* One thing is described differently, before or behind: two mappings. */
static void test_no_merge(void)
{
	int one, two, i;

	for (i = 0; i < 8; i++) {
		unsigned long next = i & 1 ? 2 : 6;

		hook.vm_ops = &some_ops;
		hook.private_data = &one;
		hook.prot = 1UL << 56;
		hook.set = VM_DONTDUMP;
		ASSERT_EQ(map(4, 2, SHARED), PAGES(4));

		switch (i / 2) {
		case 0:
			hook.vm_ops = &other_ops;
			break;
		case 1:
			hook.private_data = &two;
			break;
		case 2:
			hook.prot = 2UL << 56;
			break;
		case 3:
			hook.set = VM_DONTCOPY;
			break;
		}
		ASSERT_EQ(map(next, 2, SHARED), PAGES(next));
		ASSERT_EQ(mm.map_count, 2);
		assert_mapped(4, 6);
		assert_mapped(next, next + 2);
		ASSERT_EQ(file.f_count, 3);
		ASSERT(unmap(0, 0x1000));
	}
}

/* Special mappings never merge, however alike. */
static void test_special(void)
{
	hook.set = VM_PFNMAP;
	ASSERT_EQ(map(2, 2, SHARED), PAGES(2));
	ASSERT_EQ(map(4, 2, SHARED), PAGES(4));
	ASSERT_EQ(mm.map_count, 2);
}

/*
 * Write notification takes the write bit from vm_page_prot: that is not the
 * hook's doing, and does not keep mappings apart.
 */
static void test_merge_writenotify(void)
{
	hook.vm_ops = &mkwrite_ops;
	hook.prot = 1UL << 56;
	ASSERT_EQ(map(2, 2, SHARED), PAGES(2));
	ASSERT(!(pgprot_val(vma_at(2)->vm_page_prot) & VM_SHARED));
	ASSERT_EQ(map(4, 2, SHARED), PAGES(4));
	assert_mapped(2, 6);
	ASSERT_EQ(mm.map_count, 1);
}

/*
 * mprotect() merges by the same rule. The two differ in their flags at first,
 * then only in what the hook said, if at all.
 */
static void test_mprotect(void)
{
	int one, two;

	hook.private_data = &one;
	ASSERT_EQ(map(2, 2, SHARED), PAGES(2));
	ASSERT_EQ(map(4, 2, SHARED & ~VM_WRITE), PAGES(4));
	ASSERT_EQ(mm.map_count, 2);
	ASSERT(!IS_ERR(protect(4, 6, SHARED)));
	assert_mapped(2, 6);
	ASSERT_EQ(mm.map_count, 1);

	ASSERT(unmap(4, 2));
	hook.private_data = &two;
	ASSERT_EQ(map(4, 2, SHARED & ~VM_WRITE), PAGES(4));
	ASSERT(!IS_ERR(protect(4, 6, SHARED)));
	ASSERT_EQ(mm.map_count, 2);
	assert_mapped(2, 4);
	assert_mapped(4, 6);
}

/* And by the protection, which mprotect() does not take from the driver. */
static void test_mprotect_page_prot(void)
{
	hook.prot = 1UL << 56;
	ASSERT_EQ(map(2, 2, SHARED), PAGES(2));
	ASSERT_EQ(map(4, 2, SHARED & ~VM_WRITE), PAGES(4));
	ASSERT(!IS_ERR(protect(4, 6, SHARED)));
	assert_mapped(2, 6);
	ASSERT_EQ(mm.map_count, 1);

	/* A part, there and back. */
	ASSERT(!IS_ERR(protect(3, 5, SHARED & ~VM_WRITE)));
	ASSERT_EQ(mm.map_count, 3);
	ASSERT(!IS_ERR(protect(3, 5, SHARED)));
	assert_mapped(2, 6);
	ASSERT_EQ(mm.map_count, 1);

	ASSERT(unmap(4, 2));
	hook.prot = 2UL << 56;
	ASSERT_EQ(map(4, 2, SHARED & ~VM_WRITE), PAGES(4));
	ASSERT(!IS_ERR(protect(4, 6, SHARED)));
	ASSERT_EQ(mm.map_count, 2);
	assert_mapped(2, 4);
	assert_mapped(4, 6);
}

/* mremap() that grows a mapping up to the next one merges by the same rule. */
static void test_mremap_grow(void)
{
	int one, two, i;

	for (i = 0; i < 2; i++) {
		VMA_ITERATOR(vmi, &mm, PAGES(2));

		hook.private_data = &one;
		ASSERT_EQ(map(2, 2, SHARED), PAGES(2));
		hook.private_data = i ? &two : &one;
		ASSERT_EQ(map(6, 2, SHARED), PAGES(6));

		vma_iter_load(&vmi);
		ASSERT(vma_merge_extend(&vmi, vma_at(2), PAGES(2)));
		vm_stat_account(&mm, SHARED, 2);
		ASSERT_EQ(mm.map_count, i ? 2 : 1);
		assert_mapped(2, i ? 6 : 8);
		ASSERT(unmap(0, 0x1000));
	}
}

/* So does mremap() that moves one next to another. */
static void test_mremap_move(void)
{
	int one, two, i;

	for (i = 0; i < 2; i++) {
		struct vm_area_struct *vma, *new;
		bool need_rmap_locks;

		hook.private_data = &one;
		ASSERT_EQ(map(2, 2, SHARED), PAGES(2));
		hook.private_data = i ? &two : &one;
		ASSERT_EQ(map_file(&file, 20, 2, SHARED, 4), PAGES(20));

		vma = vma_at(20);
		new = copy_vma(&vma, PAGES(4), PAGES(2), 4, &need_rmap_locks,
			       true);
		ASSERT(new);
		vm_stat_account(&mm, SHARED, 2);
		ASSERT_EQ(mm.map_count, i ? 3 : 2);
		assert_mapped(2, i ? 4 : 6);
		/* Not to where something is. */
		ASSERT(!copy_vma(&vma, PAGES(3), PAGES(2), 4, &need_rmap_locks,
				 true));
		ASSERT(unmap(0, 0x1000));
	}
}

/* Checks see what the hook made of the flags, not what it was given. */
static void test_checks_see_final_flags(void)
{
	struct snapshot before;

	/* The architecture refuses a flag that only the hook sets. */
	take_snapshot(&before);
	region_test.arch_refused = VM_PFNMAP;
	hook.set = VM_PFNMAP;
	ASSERT_EQ(map(4, 1, SHARED), -EINVAL);
	hook.set = 0;
	ASSERT_EQ(region_test.warnings, 0);
	assert_unchanged_since(&before);

	/* A file sealed against writing, whose hook sees to that itself. */
	atomic_set(&mapping.i_mmap_writable, -1);
	ASSERT_EQ(map(4, 1, SHARED & ~VM_WRITE), -EPERM);
	hook.clear = VM_MAYWRITE;
	ASSERT_EQ(map(4, 1, SHARED & ~VM_WRITE), PAGES(4));
	ASSERT_EQ(atomic_read(&mapping.i_mmap_writable), -1);
	ASSERT(unmap(4, 1));
	atomic_set(&mapping.i_mmap_writable, 0);
}

/* Those checks run after the hook, and leave what MAP_FIXED was to replace. */
static void test_checks_keep_victims(void)
{
	struct snapshot before;

	ASSERT_EQ(map(2, 4, PRIVATE), PAGES(2));
	take_snapshot(&before);

	region_test.deny_write_exec = true;
	ASSERT_EQ(map(3, 1, PRIVATE | VM_EXEC), -EACCES);
	assert_unchanged_since(&before);
	ASSERT_EQ(hook.calls, 2);
}

/*
 * Under mlockall() a mapping is locked and counted, unless the hook made it one
 * that cannot be.
 */
static void test_locked(void)
{
	ASSERT_EQ(map(2, 2, SHARED | VM_LOCKED), PAGES(2));
	ASSERT_EQ(map(4, 3, SHARED | VM_LOCKED), PAGES(4));
	assert_mapped(2, 7);
	ASSERT_EQ(vma_at(2)->vm_flags, SHARED | VM_LOCKED);
	ASSERT_EQ(mm.locked_vm, 5);

	hook.set = VM_IO;
	ASSERT_EQ(map(7, 1, SHARED | VM_LOCKED | VM_LOCKONFAULT), PAGES(7));
	ASSERT_EQ(vma_at(7)->vm_flags, SHARED | VM_IO);
	ASSERT_EQ(mm.locked_vm, 5);

	ASSERT(unmap(2, 5));
	ASSERT_EQ(mm.locked_vm, 0);
}

/* Limits that are found out later unwind too, up to the split of the edges. */
static void test_limits(void)
{
	region_test.limit = 4;
	ASSERT_EQ(map(2, 4, PRIVATE), PAGES(2));
	ASSERT_EQ(map(8, 1, PRIVATE), -ENOMEM);
	ASSERT_EQ(region_test.charged, 4);
	ASSERT_EQ(file.f_count, 2);
	/* Replacing needs no more than there is. */
	ASSERT_EQ(map(2, 4, PRIVATE), PAGES(2));

	region_test.limit = 0;
	region_test.fail_charge = true;
	ASSERT_EQ(map(8, 1, PRIVATE), -ENOMEM);
	region_test.fail_charge = false;
	ASSERT_EQ(region_test.charged, 4);
	ASSERT_EQ(file.f_count, 2);
}

/* Memory runs out behind the hook: every count is back where it was. */
static void test_out_of_memory(void)
{
	struct snapshot before;

	ASSERT_EQ(map(2, 2, PRIVATE), PAGES(2));
	take_snapshot(&before);

	region_test.fail_vma_alloc = true;
	ASSERT_EQ(map(6, 2, PRIVATE), -ENOMEM);
	assert_unchanged_since(&before);
	region_test.fail_vma_alloc = false;

	fail_prealloc = true;
	ASSERT_EQ(map(6, 2, PRIVATE), -ENOMEM);
	fail_prealloc = false;
	assert_unchanged_since(&before);
	ASSERT_EQ(hook.calls, 3);
}

/*
 * One mapping more than may be: neither MAP_FIXED over the middle of one nor
 * mprotect() of a part of it is possible, but replacing the end is.
 */
static void test_map_count(void)
{
	struct snapshot before;

	ASSERT_EQ(map(2, 6, PRIVATE), PAGES(2));
	take_snapshot(&before);
	max_map_count = 1;
	ASSERT_EQ(map_file(&file, 4, 2, PRIVATE, 99), -ENOMEM);
	ASSERT_EQ(PTR_ERR(protect(4, 6, PRIVATE & ~VM_WRITE)), -ENOMEM);
	assert_unchanged_since(&before);
	ASSERT_EQ(map_file(&file, 6, 2, PRIVATE, 99), PAGES(6));
	ASSERT_EQ(mm.map_count, 2);
}

/* What munmap() refuses, and what it does for a caller who has it unlock. */
static void test_munmap(void)
{
	VMA_ITERATOR(vmi, &mm, 0);
	struct snapshot before;

	ASSERT_EQ(map(2, 6, PRIVATE), PAGES(2));
	take_snapshot(&before);
	ASSERT_EQ(do_vmi_munmap(&vmi, &mm, PAGES(2) + 1, PAGES(1), NULL, false),
		  -EINVAL);
	ASSERT_EQ(do_vmi_munmap(&vmi, &mm, TASK_SIZE + PAGE_SIZE, PAGES(1),
				NULL, false), -EINVAL);
	ASSERT_EQ(do_vmi_munmap(&vmi, &mm, PAGES(2), TASK_SIZE, NULL, false),
		  -EINVAL);
	ASSERT_EQ(do_vmi_munmap(&vmi, &mm, PAGES(2), 0, NULL, false), -EINVAL);
	/* Nothing is there. */
	vma_iter_set(&vmi, PAGES(20));
	ASSERT_EQ(do_vmi_munmap(&vmi, &mm, PAGES(20), PAGES(2), NULL, true), 0);
	assert_unchanged_since(&before);

	vma_iter_set(&vmi, PAGES(3));
	ASSERT_EQ(do_vmi_munmap(&vmi, &mm, PAGES(3), PAGES(2), NULL, true), 0);
	assert_mapped(2, 3);
	assert_mapped(5, 8);
	ASSERT_EQ(region_test.charged, 4);

	/* A stack counts as such, while it is there. */
	ASSERT_EQ(map_file(NULL, 10, 2, PRIVATE | VM_GROWSDOWN, 10), PAGES(10));
	ASSERT_EQ(mm.stack_vm, 2);
	ASSERT(unmap(10, 2));
	ASSERT_EQ(mm.stack_vm, 0);
}

/* Two hooks: refused with a warning, and neither is called. */
static void test_both_hooks(void)
{
	struct snapshot before;

	ASSERT_EQ(map(2, 4, PRIVATE), PAGES(2));
	take_snapshot(&before);
	hook.calls = 0;
	file.f_op = &both_fops;
	ASSERT_EQ(map(3, 2, PRIVATE), -EINVAL);
	assert_unchanged_since(&before);
	ASSERT_EQ(region_test.warnings, 1);
	ASSERT_EQ(hook.calls, 0);
	ASSERT_EQ(mmap_calls, 0);
}

/*
 * No hook: there is nothing to map, and that is not worth a warning. do_mmap()
 * asks before anything else.
 */
static void test_no_hook(void)
{
	struct snapshot before;

	take_snapshot(&before);
	ASSERT_EQ(fops_check_mmap(&no_fops), -ENODEV);
	ASSERT_EQ(fops_check_mmap(&mmap_fops), 0);
	ASSERT_EQ(fops_check_mmap(&proto_fops), 0);
	file.f_op = &no_fops;
	ASSERT_EQ(map(3, 2, PRIVATE), -ENODEV);
	assert_unchanged_since(&before);

	ASSERT_EQ(hook.calls, 0);
	ASSERT_EQ(region_test.warnings, 0);
}

/* A file with mmap() is mapped as ever: its hook gets the VMA. */
static void test_old_hook(void)
{
	int private;

	file.f_op = &mmap_fops;
	hook.private_data = &private;
	ASSERT_EQ(map(2, 2, SHARED), PAGES(2));
	ASSERT_EQ(mmap_calls, 1);
	ASSERT(vma_at(2)->vm_ops == &some_ops);
	ASSERT(vma_at(2)->vm_private_data == &private);
	/* And is not asked about what merges. */
	hook.private_data = NULL;
	ASSERT_EQ(map(4, 2, SHARED), PAGES(4));
	ASSERT_EQ(mmap_calls, 1);
	assert_mapped(2, 6);
	ASSERT_EQ(file.f_count, 2);

	/* Its error comes after the old mapping is gone. */
	hook.error = -EBUSY;
	ASSERT_EQ(map_file(&file, 3, 1, SHARED, 99), -EBUSY);
	ASSERT(!vma_at(3));
	ASSERT_EQ(file.f_count, 3);
}

/* Without a file there is no hook to ask. */
static void test_anonymous(void)
{
	ASSERT_EQ(map_file(NULL, 2, 2, PRIVATE, 2), PAGES(2));
	ASSERT_EQ(map_file(NULL, 4, 2, PRIVATE, 4), PAGES(4));
	assert_mapped(2, 6);
	ASSERT(!vma_at(2)->vm_ops);
	ASSERT_EQ(region_test.charged, 4);
	ASSERT_EQ(hook.calls, 0);
}

/* A sealed mapping in the way is found before the hook is called. */
static void test_sealed(void)
{
	struct snapshot before;

	ASSERT_EQ(map(2, 2, PRIVATE), PAGES(2));
	ASSERT_EQ(map(6, 2, PRIVATE), PAGES(6));
	vm_flags_set(vma_at(6), VM_SEALED);
	take_snapshot(&before);
	hook.calls = 0;

	ASSERT_EQ(map(3, 4, PRIVATE), -EPERM);
	ASSERT_EQ(hook.calls, 0);
	assert_unchanged_since(&before);
	/* Its first page, its last page, and none but a part of it. */
	ASSERT_EQ(map(5, 2, PRIVATE), -EPERM);
	ASSERT_EQ(map(7, 2, PRIVATE), -EPERM);
	ASSERT_EQ(map(7, 1, PRIVATE), -EPERM);
	ASSERT_EQ(hook.calls, 0);
	assert_unchanged_since(&before);

	/* Beside it is not in it. */
	ASSERT_EQ(map(3, 3, PRIVATE), PAGES(3));
	ASSERT_EQ(map(8, 1, PRIVATE), PAGES(8));
	ASSERT_EQ(hook.calls, 2);
}

/* The hook may move the mapping within the file, but not beyond its end. */
static void test_pgoff(void)
{
	struct snapshot before;

	hook.add_pgoff = 100;
	ASSERT_EQ(map_file(&file, 2, 2, SHARED, 7), PAGES(2));
	ASSERT_EQ(vma_at(2)->vm_pgoff, 107);
	/* Merging goes by the final offset. */
	hook.add_pgoff = 0;
	ASSERT_EQ(map_file(&file, 4, 2, SHARED, 109), PAGES(4));
	ASSERT_EQ(mm.map_count, 1);

	take_snapshot(&before);
	hook.add_pgoff = ULONG_MAX - 8;
	ASSERT_EQ(map_file(&file, 8, 2, SHARED, 7), -EOVERFLOW);
	assert_unchanged_since(&before);
	/* One page less just fits. */
	ASSERT_EQ(map_file(&file, 8, 2, SHARED, 6), PAGES(8));
	ASSERT_EQ(vma_at(8)->vm_pgoff, ULONG_MAX - 2);
}

/* The file stays the one that was asked for. */
static void test_file_replaced(void)
{
	struct file another = file;
	struct snapshot before;

	take_snapshot(&before);
	hook.file = &another;
	ASSERT_EQ(map(2, 2, SHARED), -EINVAL);
	assert_unchanged_since(&before);
	ASSERT_EQ(another.f_count, 1);
	ASSERT_EQ(region_test.warnings, 1);
}

/* A positive number is not an address. */
static void test_positive_return(void)
{
	struct snapshot before;

	take_snapshot(&before);
	hook.error = 1;
	ASSERT_EQ(map(2, 2, SHARED), -EINVAL);
	assert_unchanged_since(&before);
	ASSERT_EQ(region_test.warnings, 1);
	/* Nor is one that no errno has. */
	hook.error = -5000;
	ASSERT_EQ(map(2, 2, SHARED), -EINVAL);
	assert_unchanged_since(&before);
	ASSERT_EQ(region_test.warnings, 2);
}

/* A hook that names no operations does not make the mapping anonymous. */
static void test_no_vm_ops(void)
{
	int private;

	hook.vm_ops = NULL;
	hook.private_data = &private;
	ASSERT_EQ(map(2, 2, PRIVATE), PAGES(2));
	ASSERT(vma_at(2)->vm_ops == &vma_dummy_vm_ops);
	ASSERT(!vma_is_anonymous(vma_at(2)));
	ASSERT(vma_at(2)->vm_private_data == &private);
	/* And two of them merge. */
	ASSERT_EQ(map(4, 2, PRIVATE), PAGES(4));
	assert_mapped(2, 6);
}

/* mapped() is told of each new mapping once, and pairs with close(). */
static void test_mapped_once(void)
{
	hook.vm_ops = &mapped_ops;
	hook.private_data = &objects[0];
	ASSERT_EQ(map_file(&file, 2, 3, SHARED, 77), PAGES(2));
	ASSERT_EQ(mapped.calls, 1);
	ASSERT_EQ(mapped.start, PAGES(2));
	ASSERT_EQ(mapped.end, PAGES(5));
	ASSERT_EQ(mapped.pgoff, 77);
	ASSERT(mapped.file == &file);
	ASSERT(mapped.private_data == &objects[0]);
	ASSERT(vma_at(2)->vm_private_data == &mapped_private);

	/* The next is one of its own, even if it has the same private data. */
	hook.private_data = &mapped_private;
	ASSERT_EQ(map_file(&file, 5, 3, SHARED, 80), PAGES(5));
	ASSERT_EQ(mapped.calls, 2);
	ASSERT_EQ(mm.map_count, 2);
	ASSERT(unmap(0, 0x1000));
	ASSERT_EQ(close_calls, 2);
}

/* When mapped() fails nothing is left, and close() is not called. */
static void test_mapped_fails(void)
{
	struct snapshot before;

	ASSERT_EQ(map(2, 2, PRIVATE), PAGES(2));
	hook.vm_ops = &mapped_ops;
	hook.more = hold_three;
	take_snapshot(&before);
	mapped.error = -EBUSY;
	ASSERT_EQ(map(6, 2, PRIVATE), -EBUSY);
	/* What is no errno is no success either. */
	mapped.error = 1;
	ASSERT_EQ(map(6, 2, PRIVATE), -EINVAL);
	mapped.error = -5000;
	ASSERT_EQ(map(6, 2, PRIVATE), -EINVAL);
	assert_unchanged_since(&before);
	ASSERT_EQ(mapped.calls, 3);
	ASSERT_EQ(close_calls, 0);
	ASSERT_EQ(region_test.warnings, 2);
	ASSERT_EQ(releases, 9);
}

/*
 * What MAP_FIXED was to replace is gone by then: a gap is left where it was,
 * and its charge with it.
 */
static void test_mapped_fails_fixed(void)
{
	ASSERT_EQ(map(2, 6, PRIVATE), PAGES(2));
	ASSERT_EQ(region_test.charged, 6);
	hook.vm_ops = &mapped_ops;
	mapped.error = -ENOMEM;
	ASSERT_EQ(map(3, 2, PRIVATE), -ENOMEM);
	ASSERT_EQ(mapped.calls, 1);
	assert_mapped(2, 3);
	ASSERT(!vma_at(3));
	ASSERT(!vma_at(4));
	assert_mapped(5, 8);
	ASSERT_EQ(mm.map_count, 2);
	ASSERT_EQ(mm.total_vm, 4);
	ASSERT_EQ(region_test.charged, 4);
	ASSERT_EQ(file.f_count, 3);
	ASSERT_EQ(close_calls, 0);
}

/* The charge of what is replaced comes back, whichever hook fails, and when. */
static void test_charge_after_failure(void)
{
	int i;

	for (i = 0; i < 4; i++) {
		file.f_op = &proto_fops;
		hook.error = 0;
		ASSERT_EQ(map(2, 6, PRIVATE), PAGES(2));
		file.f_op = i & 1 ? &mmap_fops : &proto_fops;
		if (i < 2)
			region_test.fail_vma_alloc = true;
		else
			hook.error = -EIO;
		/* Larger than what it replaces, and not mergeable. */
		ASSERT(map_file(&file, 4, 8, PRIVATE, 99) < 0);
		region_test.fail_vma_alloc = false;
		hook.error = 0;
		/* The new hook fails before anything is done. */
		ASSERT_EQ(region_test.charged, i == 2 ? 6 : 2);
		ASSERT(unmap(0, 0x1000));
		ASSERT_EQ(region_test.charged, 0);
	}
}

/* What is held is released once, the last first, however the mmap() ends. */
static void test_hold(void)
{
	int i;

	hook.more = hold_three;
	/* Success, a merge, an error of the hook, a refused flag, a limit. */
	for (i = 0; i < 5; i++) {
		long expected[] = { PAGES(2), PAGES(4), -EIO, -EINVAL, -ENOMEM };

		hook.error = i == 2 ? -EIO : 0;
		hook.set = i == 3 ? VM_GROWSDOWN : 0;
		region_test.limit = i == 4 ? 5 : 0;
		releases = 0;
		ASSERT_EQ(map(2 + 2 * i, 2, SHARED), expected[i]);
		ASSERT_EQ(releases, 3);
		ASSERT(released[0] == &objects[2]);
		ASSERT(released[1] == &objects[1]);
		ASSERT(released[2] == &objects[0]);
		ASSERT_EQ(region_test.kmallocs, 0);
	}
	ASSERT_EQ(mm.map_count, 1);
}

/* When there is no memory to note it, it is released there and then. */
static void test_hold_no_memory(void)
{
	struct snapshot before;
	int i;

	hook.more = hold_three;
	take_snapshot(&before);
	for (i = 1; i <= 2; i++) {
		releases = 0;
		region_test.fail_kmalloc = i;
		ASSERT_EQ(map(2, 2, SHARED), -ENOMEM);
		ASSERT_EQ(releases, i + 1);
		ASSERT(released[0] == &objects[i]);
		assert_unchanged_since(&before);
	}
}

/* Before mapped() has run, nothing is released. */
static int release_after_mapped;

static void note_release(void *object)
{
	release_after_mapped += mapped.calls;
}

static int hold_one(struct vma_proto *proto)
{
	return vma_proto_hold(proto, NULL, note_release);
}

static void test_hold_until_mapped(void)
{
	release_after_mapped = 0;
	hook.more = hold_one;
	hook.vm_ops = &mapped_ops;
	ASSERT_EQ(map(2, 2, SHARED), PAGES(2));
	ASSERT_EQ(release_after_mapped, 1);
}

static struct address_space other_mapping;
static struct file other_file;
static int times;

static int set_other_file(struct vma_proto *proto)
{
	int i;

	for (i = 0; i < times; i++)
		vma_proto_set_file(proto, &other_file);
	return 0;
}

static void set_up_other_file(void)
{
	memset(&other_mapping, 0, sizeof(other_mapping));
	memset(&other_file, 0, sizeof(other_file));
	other_file.f_mapping = &other_mapping;
	other_file.f_op = &mmap_fops;
	other_file.f_count = 1;
	hook.more = set_other_file;
	times = 1;
}

/* The file that the hook chose is the one that counts, in every respect. */
static void test_set_file(void)
{
	struct snapshot before;

	set_up_other_file();
	for (times = 1; times <= 2; times++) {
		ASSERT_EQ(map(2, 2, SHARED), PAGES(2));
		ASSERT(vma_at(2)->vm_file == &other_file);
		ASSERT_EQ(other_file.f_count, 2);
		ASSERT_EQ(file.f_count, 1);
		ASSERT_EQ(atomic_read(&other_mapping.i_mmap_writable), 1);
		ASSERT_EQ(atomic_read(&mapping.i_mmap_writable), 0);
		/* Merging too, with no reference more. */
		ASSERT_EQ(map(4, 2, SHARED), PAGES(4));
		assert_mapped(2, 6);
		ASSERT_EQ(other_file.f_count, 2);

		/* And what is described otherwise stays apart. */
		hook.private_data = &objects[0];
		ASSERT_EQ(map(6, 2, SHARED), PAGES(6));
		ASSERT_EQ(mm.map_count, 2);
		hook.private_data = NULL;
		ASSERT(unmap(0, 0x1000));
		ASSERT_EQ(other_file.f_count, 1);
	}

	/* Errors, of the hook and after it. */
	take_snapshot(&before);
	hook.error = -EIO;
	ASSERT_EQ(map(2, 2, SHARED), -EIO);
	hook.error = 0;
	region_test.fail_vma_alloc = true;
	ASSERT_EQ(map(2, 2, SHARED), -ENOMEM);
	region_test.fail_vma_alloc = false;
	hook.vm_ops = &mapped_ops;
	mapped.error = -EIO;
	ASSERT_EQ(map(2, 2, SHARED), -EIO);
	hook.vm_ops = &some_ops;
	/* Sealed: the one that is mapped, not the one that was opened. */
	atomic_set(&other_mapping.i_mmap_writable, -1);
	ASSERT_EQ(map(2, 2, SHARED), -EPERM);
	atomic_set(&other_mapping.i_mmap_writable, 0);
	region_test.sealed = &other_file;
	ASSERT_EQ(map(2, 2, SHARED), -EPERM);
	assert_unchanged_since(&before);
	ASSERT_EQ(other_file.f_count, 1);
	/* Which it is not against reading, as long as that is all. */
	ASSERT_EQ(map(2, 2, SHARED & ~VM_WRITE), PAGES(2));
	ASSERT_EQ(vma_at(2)->vm_flags, SHARED & ~(VM_WRITE | VM_MAYWRITE));
	ASSERT(unmap(0, 0x1000));
	region_test.sealed = NULL;

	atomic_set(&mapping.i_mmap_writable, -1);
	ASSERT_EQ(map(2, 2, SHARED), PAGES(2));
	atomic_set(&mapping.i_mmap_writable, 0);
	ASSERT(unmap(0, 0x1000));
	ASSERT_EQ(atomic_read(&other_mapping.i_mmap_writable), 0);
	ASSERT_EQ(other_file.f_count, 1);
}

/* The file that such a mapping has does not change how mprotect() merges. */
static void test_set_file_mprotect(void)
{
	set_up_other_file();
	hook.private_data = &objects[0];
	ASSERT_EQ(map(2, 2, SHARED), PAGES(2));
	hook.private_data = &objects[1];
	ASSERT_EQ(map(4, 2, SHARED & ~VM_WRITE), PAGES(4));
	ASSERT(!IS_ERR(protect(4, 6, SHARED)));
	ASSERT_EQ(mm.map_count, 2);
	ASSERT(unmap(0, 0x1000));
	ASSERT_EQ(other_file.f_count, 1);
}

/* Private memory of /dev/zero: a file, but no operations. */
static void test_set_anonymous(void)
{
	struct snapshot before;

	hook.more = anonymous;
	hook.vm_ops = NULL;
	ASSERT_EQ(map(2, 2, PRIVATE), PAGES(2));
	ASSERT(vma_is_anonymous(vma_at(2)));
	ASSERT(vma_at(2)->vm_file == &file);
	ASSERT_EQ(region_test.charged, 2);
	ASSERT_EQ(map(4, 2, PRIVATE), PAGES(4));
	assert_mapped(2, 6);
	ASSERT_EQ(file.f_count, 2);

	/* Not what is shared, and not together with operations. */
	take_snapshot(&before);
	ASSERT_EQ(map(8, 2, SHARED), -EINVAL);
	ASSERT_EQ(region_test.warnings, 0);
	hook.vm_ops = &some_ops;
	ASSERT_EQ(map(8, 2, PRIVATE), -EINVAL);
	ASSERT_EQ(region_test.warnings, 1);
	assert_unchanged_since(&before);
}

/* Limits and accounting go by the flags that the hook leaves. */
static void test_limits_see_final_flags(void)
{
	struct snapshot before;

	region_test.mlock_limit = 4;
	hook.set = VM_LOCKED;
	ASSERT_EQ(map(2, 3, SHARED), PAGES(2));
	ASSERT_EQ(mm.locked_vm, 3);
	take_snapshot(&before);
	ASSERT_EQ(map(8, 2, SHARED), -EAGAIN);
	assert_unchanged_since(&before);
	/* One that is never locked in fact is not limited. */
	hook.set = VM_LOCKED | VM_PFNMAP;
	ASSERT_EQ(map(8, 2, SHARED), PAGES(8));
	ASSERT_EQ(vma_at(8)->vm_flags, SHARED | VM_PFNMAP);
	ASSERT_EQ(mm.locked_vm, 3);
	ASSERT(unmap(0, 0x1000));
	ASSERT_EQ(mm.locked_vm, 0);

	hook.set = VM_NORESERVE;
	ASSERT_EQ(map(2, 2, PRIVATE), PAGES(2));
	ASSERT_EQ(region_test.charged, 0);
	hook.set = 0;
	hook.clear = VM_WRITE;
	ASSERT_EQ(map(8, 2, PRIVATE), PAGES(8));
	ASSERT_EQ(region_test.charged, 0);
	hook.clear = 0;

	region_test.deny_write_exec = true;
	hook.set = VM_EXEC;
	take_snapshot(&before);
	ASSERT_EQ(map(20, 2, PRIVATE), -EACCES);
	assert_unchanged_since(&before);
	ASSERT_EQ(region_test.warnings, 0);
}

static const struct mmap_test tests[] = {
	{ "success", test_success },
	{ "all fields populated before the hook", test_populated },
	{ "fields that a hook may not change", test_immutable },
	{ "error of the hook", test_error },
	{ "error of the hook under MAP_FIXED", test_error_keeps_victims },
	{ "MAP_FIXED over several mappings", test_map_fixed },
	{ "flags that a hook may set", test_flags_set },
	{ "access that was not asked for", test_access_set },
	{ "flags that a hook may clear", test_flags_clear },
	{ "flags that a hook may not clear", test_flags_cleared },
	{ "access that was asked for", test_flags_coherent },
	{ "page_prot", test_page_prot },
	{ "merge before, behind and with both", test_merge },
	{ "one merge attempt", test_one_merge_attempt },
	{ "no merge of what differs", test_no_merge },
	{ "no merge of special mappings", test_special },
	{ "merge despite write notification", test_merge_writenotify },
	{ "merge by mprotect", test_mprotect },
	{ "merge by mprotect and page_prot", test_mprotect_page_prot },
	{ "merge by mremap that grows", test_mremap_grow },
	{ "merge by mremap that moves", test_mremap_move },
	{ "checks see the final flags", test_checks_see_final_flags },
	{ "checks leave the address space alone", test_checks_keep_victims },
	{ "locked memory", test_locked },
	{ "limits", test_limits },
	{ "out of memory", test_out_of_memory },
	{ "too many mappings", test_map_count },
	{ "munmap", test_munmap },
	{ "both hooks set", test_both_hooks },
	{ "no hook", test_no_hook },
	{ "the old hook", test_old_hook },
	{ "anonymous memory", test_anonymous },
	{ "sealed mapping in the way", test_sealed },
	{ "pgoff", test_pgoff },
	{ "replaced file", test_file_replaced },
	{ "positive return value", test_positive_return },
	{ "no vm_ops", test_no_vm_ops },
	{ "mapped()", test_mapped_once },
	{ "mapped() that fails", test_mapped_fails },
	{ "mapped() that fails under MAP_FIXED", test_mapped_fails_fixed },
	{ "charge after a failure under MAP_FIXED", test_charge_after_failure },
	{ "held objects", test_hold },
	{ "held objects without memory", test_hold_no_memory },
	{ "held until mapped()", test_hold_until_mapped },
	{ "file chosen by the hook", test_set_file },
	{ "file chosen by the hook, mprotect", test_set_file_mprotect },
	{ "anonymous memory of a file", test_set_anonymous },
	{ "limits see the final flags", test_limits_see_final_flags },
};

int main(void)
{
	return run_tests(tests, ARRAY_SIZE(tests));
}
