// SPDX-License-Identifier: GPL-2.0-only
/*
 * What mmap_region() costs, in instructions: mm/vma.c in userland, counted by
 * callgrind. Each case is one dump of callgrind's, named by the case and by the
 * number of operations that it counts.
 *
 * The same source measures the kernel before and after the mmap_proto() hook;
 * MMAP_PROTO says that it is there.
 */

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <valgrind/callgrind.h>

/* mseal() exists on 64 bit alone. */
#define CONFIG_64BIT 1

#include "maple-shared.h"
#include "vma_internal.h"

/* Include so header guard set. */
#include "../../../mm/vma.h"

/* The code that is measured. */
#include "../../../mm/vma.c"
#ifdef MMAP_PROTO
#include "../../../mm/vma_proto.c"
#include "../../../mm/vma_proto_action.c"
#include "../../../mm/vma_proto_nested.c"
#endif

#define RW	(VM_READ | VM_WRITE | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC)
#define SHARED	(RW | VM_SHARED | VM_MAYSHARE)
#define PAGES(n) ((unsigned long)(n) << PAGE_SHIFT)

/* Operations that are counted, and those before, which are not. */
#define COUNTED	1000
#define WARM	16

/* Mappings of other things around, five pages apart. */
#define NEIGHBOURS	64
#define STEP		5
/* Behind them there is room. */
#define ROOM	(STEP * (NEIGHBOURS + 1))

const struct vm_operations_struct vma_dummy_vm_ops;

static struct mm_struct mm;
static struct task_struct task = { .mm = &mm };
static struct address_space mapping;

struct task_struct *get_current(void)
{
	return &task;
}

/*
 * Readers do not exist here, and the thread that RCU would start runs whenever
 * it likes: callbacks wait until nobody counts.
 */
static struct {
	struct rcu_head *head;
	void (*func)(struct rcu_head *head);
} callbacks[16 * (COUNTED + WARM)];

static unsigned long nr_callbacks;

void __wrap_urcu_memb_call_rcu(struct rcu_head *head,
			       void (*func)(struct rcu_head *head))
{
	assert(nr_callbacks < ARRAY_SIZE(callbacks));
	callbacks[nr_callbacks].head = head;
	callbacks[nr_callbacks++].func = func;
}

static void run_callbacks(void)
{
	while (nr_callbacks) {
		nr_callbacks--;
		callbacks[nr_callbacks].func(callbacks[nr_callbacks].head);
	}
}

/* One driver, for either hook. */

static const struct vm_operations_struct driver_ops = { };
static int driver_private;
static vm_flags_t driver_flags;

static int driver_mmap(struct file *file, struct vm_area_struct *vma)
{
	if (driver_flags)
		vm_flags_set(vma, driver_flags);
	vma->vm_ops = &driver_ops;
	vma->vm_private_data = &driver_private;

	return 0;
}

static const struct file_operations mmap_fops = { .mmap = driver_mmap };

#ifdef MMAP_PROTO
static int driver_mmap_proto(struct vma_proto *proto)
{
	if (driver_flags)
		proto->flags |= driver_flags;
	proto->vm_ops = &driver_ops;
	proto->private_data = &driver_private;

	return 0;
}

static const struct file_operations proto_fops = {
	.mmap_proto = driver_mmap_proto,
};
#endif

static struct file file = { .f_mapping = &mapping };

static void map(struct file *mapped, unsigned long page, unsigned long pages,
		vm_flags_t flags)
{
	unsigned long addr;

	LIST_HEAD(uf);

	addr = mmap_region(mapped, PAGES(page), PAGES(pages), flags, page, &uf);
	assert(addr == PAGES(page));
}

static void unmap(unsigned long page, unsigned long pages)
{
	VMA_ITERATOR(vmi, &mm, PAGES(page));
	int error;

	LIST_HEAD(uf);

	error = do_vmi_munmap(&vmi, &mm, PAGES(page), PAGES(pages), &uf, false);
	assert(!error);
}

/* Neighbours that merge neither with one another nor with what is measured. */
static void set_up(void)
{
	int i;

	memset(&mm, 0, sizeof(mm));
	mt_init_flags(&mm.mm_mt, MT_FLAGS_ALLOC_RANGE | MT_FLAGS_LOCK_EXTERN |
				 MT_FLAGS_USE_RCU);
	for (i = 1; i <= NEIGHBOURS; i++)
		map(NULL, STEP * i, 1, VM_READ | VM_MAYREAD);
}

static void tear_down(void)
{
	unmap(1, ROOM + COUNTED + WARM);
	assert(!mm.map_count);
	__mt_destroy(&mm.mm_mt);
	run_callbacks();
}

/* A page in the gap between two neighbours, and away again. */
static void new_one(struct file *mapped, vm_flags_t flags, int i)
{
	const unsigned long page = STEP * (1 + i % (NEIGHBOURS - 1)) + 2;

	map(mapped, page, 1, flags);
	unmap(page, 1);
}

/* A page at the end of the mapping that the one before it has begun. */
static void merging_one(struct file *mapped, vm_flags_t flags, int i)
{
	map(mapped, ROOM + i, 1, flags);
}

static void measure(const char *name, struct file *mapped, vm_flags_t flags,
		    void (*one)(struct file *mapped, vm_flags_t flags, int i),
		    int vmas)
{
	char dump[80];
	int i;

	set_up();
	for (i = 0; i < WARM; i++)
		one(mapped, flags, i);
	run_callbacks();

	CALLGRIND_ZERO_STATS;
	CALLGRIND_TOGGLE_COLLECT;
	for (; i < WARM + COUNTED; i++)
		one(mapped, flags, i);
	CALLGRIND_TOGGLE_COLLECT;

	/* It was measured what the name says. */
	assert(mm.map_count == NEIGHBOURS + vmas);
	assert(mm.total_vm == NEIGHBOURS + vmas * (WARM + COUNTED));

	snprintf(dump, sizeof(dump), "%s/%d", name, COUNTED);
	CALLGRIND_DUMP_STATS_AT(dump);
	tear_down();
}

static void measure_both(const char *name, struct file *mapped,
			 vm_flags_t flags)
{
	char both[60];

	snprintf(both, sizeof(both), "%s-new", name);
	measure(both, mapped, flags, new_one, 0);
	snprintf(both, sizeof(both), "%s-merging", name);
	measure(both, mapped, flags, merging_one, 1);
}

static void measure_hook(const char *name, const struct file_operations *fops)
{
	char both[40];

	file.f_op = fops;
	measure_both(name, &file, SHARED);

	/* As secretmem does, which VMAs with it can merge. */
	driver_flags = VM_DONTDUMP;
	snprintf(both, sizeof(both), "%s-flags", name);
	measure_both(both, &file, SHARED);
	driver_flags = 0;
}

int main(void)
{
	maple_tree_init();
	measure_both("anonymous", NULL, RW);
	measure_hook("mmap", &mmap_fops);
#ifdef MMAP_PROTO
	measure_hook("mmap_proto", &proto_fops);
#endif

	return 0;
}
