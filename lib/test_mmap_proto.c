// SPDX-License-Identifier: GPL-2.0-only
/*
 * A driver that maps in every way that mmap_proto() knows, as a program asks
 * for: for tools/testing/selftests/mm. One device has the hook, the other does
 * the same in mmap().
 *
 * It does wrong what a driver can do wrong when told to: never load it on a
 * machine that matters.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bits.h>
#include <linux/cleanup.h>
#include <linux/completion.h>
#include <linux/dma-mapping.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/gfp.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vma_proto.h>
#include <linux/vmalloc.h>

#include "test_mmap_proto_uapi.h"

#define NR_PAGES TEST_MMAP_PROTO_PAGES
#define AREA_SIZE (NR_PAGES * PAGE_SIZE)
#define OBJECT_ALIVE 0x616c6976
#define RENDEZVOUS_TIMEOUT (10 * HZ)

/* What mappings have a reference to. */
struct test_object {
	refcount_t references;
	u32 state;
};

/* An opened file of the driver. */
struct test_file {
	/* Of all up to dma_address; taken under mmap_lock. */
	struct mutex lock;
	struct test_mmap_proto_settings settings;
	/* The file of settings.other_fd. */
	struct file *other;
	/* What hooks find. */
	struct test_object *object;
	/* Those of the block, neighbours swapped. */
	struct page *pages[NR_PAGES];
	/* Areas, once they were asked for. */
	void *vmalloc;
	void *dma;
	dma_addr_t dma_address;

	/* Contiguous pages. */
	void *block;
	unsigned long number;
	/* The hook has found the object; the file's reference was dropped. */
	struct completion found;
	struct completion dropped;

	/* As struct test_mmap_proto_counters has them. */
	atomic_long_t hooks;
	atomic_long_t mapped;
	atomic_long_t opened;
	atomic_long_t closed;
	atomic_long_t faults;
	atomic_long_t held;
	atomic_long_t released;
};

static atomic_long_t last_number;
static atomic_long_t last_data;
static atomic_long_t all_files;
static atomic_long_t all_objects;

/* A file can be the other one of files that have none themselves. */
static DEFINE_MUTEX(other_lock);

static const struct file_operations test_mmap_fops;
static const struct file_operations test_mmap_proto_fops;
static struct miscdevice test_mmap_proto_device;

/* ---- objects ------------------------------------------------------------- */

static struct test_object *make_object(void)
{
	struct test_object *object = kmalloc(sizeof(*object), GFP_KERNEL);

	if (!object)
		return NULL;

	refcount_set(&object->references, 1);
	object->state = OBJECT_ALIVE;
	atomic_long_inc(&all_objects);

	return object;
}

static void put_object(struct test_object *object)
{
	if (!object || !refcount_dec_and_test(&object->references))
		return;

	WRITE_ONCE(object->state, 0);
	atomic_long_dec(&all_objects);
	kfree(object);
}

/* What vma_proto_hold() keeps, with or without an object. */
struct test_hold {
	struct test_file *test;
	struct test_object *object;
};

static void release_hold(void *data)
{
	struct test_hold *hold = data;

	atomic_long_inc(&hold->test->released);
	put_object(hold->object);
	kfree(hold);
}

/* Takes a reference to the object of the file, which is locked. */
static int hold_object(struct vma_proto *proto, struct test_file *test)
{
	struct test_hold *hold = kmalloc(sizeof(*hold), GFP_KERNEL);

	if (!hold)
		return -ENOMEM;

	hold->test = test;
	hold->object = test->object;
	if (hold->object)
		refcount_inc(&hold->object->references);

	/* Counted in advance: on failure it is released at once. */
	atomic_long_inc(&test->held);

	return vma_proto_hold(proto, hold, release_hold);
}

/* ---- operations of mappings ---------------------------------------------- */

static vm_fault_t test_fault(struct vm_fault *vmf)
{
	struct test_file *test = vmf->vma->vm_file->private_data;

	atomic_long_inc(&test->faults);
	if (vmf->pgoff >= NR_PAGES || (vmf->vma->vm_flags & VM_PFNMAP))
		return VM_FAULT_SIGBUS;

	vmf->page = virt_to_page(test->block + vmf->pgoff * PAGE_SIZE);
	get_page(vmf->page);

	return 0;
}

static void test_open(struct vm_area_struct *vma)
{
	struct test_file *test = vma->vm_file->private_data;

	atomic_long_inc(&test->opened);
}

static void test_close(struct vm_area_struct *vma)
{
	struct test_file *test = vma->vm_file->private_data;

	atomic_long_inc(&test->closed);
}

static void test_open_object(struct vm_area_struct *vma)
{
	struct test_object *object = vma->vm_private_data;

	refcount_inc(&object->references);
	test_open(vma);
}

static void test_close_object(struct vm_area_struct *vma)
{
	put_object(vma->vm_private_data);
	test_close(vma);
}

static int test_mapped(unsigned long start, unsigned long end, pgoff_t pgoff,
		       struct file *file, void **private_data)
{
	struct test_file *test = file->private_data;

	if (test->settings.mapped_error)
		return test->settings.mapped_error;

	atomic_long_inc(&test->mapped);

	return 0;
}

static int test_mapped_object(unsigned long start, unsigned long end,
			      pgoff_t pgoff, struct file *file,
			      void **private_data)
{
	struct test_file *test = file->private_data;
	struct test_object *object = *private_data;
	int error;

	if ((test->settings.options & TEST_MMAP_PROTO_RENDEZVOUS) &&
	    wait_for_completion_killable_timeout(&test->dropped,
						 RENDEZVOUS_TIMEOUT) <= 0)
		return -ETIMEDOUT;

	/* Where KASAN reports an object that was freed. */
	if (READ_ONCE(object->state) != OBJECT_ALIVE)
		return -ESTALE;

	error = test_mapped(start, end, pgoff, file, private_data);
	if (!error)
		refcount_inc(&object->references);

	return error;
}

#define OPS_FAULT BIT(0)
#define OPS_MAPPED BIT(1)
#define OPS_CLOSE BIT(2)
#define OPS_OBJECT BIT(3)

#define WITH_FAULT .fault = test_fault
#define WITH_MAPPED .mapped = test_mapped
#define WITH_CLOSE .open = test_open, .close = test_close
#define WITH_OBJECT							\
	.mapped = test_mapped_object, .open = test_open_object,		\
	.close = test_close_object

static const struct vm_operations_struct test_vm_ops[] = {
	[OPS_FAULT] = { WITH_FAULT },
	[OPS_MAPPED] = { WITH_MAPPED },
	[OPS_CLOSE] = { WITH_CLOSE },
	[OPS_FAULT | OPS_MAPPED] = { WITH_FAULT, WITH_MAPPED },
	[OPS_FAULT | OPS_CLOSE] = { WITH_FAULT, WITH_CLOSE },
	[OPS_MAPPED | OPS_CLOSE] = { WITH_MAPPED, WITH_CLOSE },
	[OPS_FAULT | OPS_MAPPED | OPS_CLOSE] = {
		WITH_FAULT, WITH_MAPPED, WITH_CLOSE
	},
	[OPS_OBJECT] = { WITH_OBJECT },
	[OPS_OBJECT | OPS_FAULT] = { WITH_OBJECT, WITH_FAULT },
};

/* ---- what both hooks do alike -------------------------------------------- */

static const struct vm_operations_struct *
choose_ops(const struct test_mmap_proto_settings *settings)
{
	const u32 options = settings->options;
	unsigned int ops = 0;

	if (settings->memory == TEST_MMAP_PROTO_FAULT ||
	    settings->memory == TEST_MMAP_PROTO_OTHER_FILE)
		ops |= OPS_FAULT;

	if (options & TEST_MMAP_PROTO_OBJECT) {
		ops |= OPS_OBJECT;
	} else {
		if (options & TEST_MMAP_PROTO_MAPPED)
			ops |= OPS_MAPPED;
		if (options & TEST_MMAP_PROTO_CLOSE)
			ops |= OPS_CLOSE;
	}

	return ops ? &test_vm_ops[ops] : NULL;
}

static void *choose_data(struct test_file *test)
{
	if (test->settings.options & TEST_MMAP_PROTO_OBJECT)
		return test->object;
	/* Never looked at, by the driver. */
	if (test->settings.options & TEST_MMAP_PROTO_DISTINCT)
		return (void *)atomic_long_inc_return(&last_data);

	return test;
}

/* What is common to both hooks; the file is locked. */
static int begin_hook(struct test_file *test, pgoff_t pgoff,
		      unsigned long pages)
{
	atomic_long_inc(&test->hooks);
	if (pgoff >= NR_PAGES || pages > NR_PAGES - pgoff)
		return -ENXIO;
	if ((test->settings.options & TEST_MMAP_PROTO_OBJECT) && !test->object)
		return -ENOENT;

	return 0;
}

static unsigned long block_pfn(const struct test_file *test,
			       unsigned long number)
{
	return PHYS_PFN(virt_to_phys(test->block)) + number;
}

/* Page @number of the block, or one of slab memory, which cannot be mapped. */
static struct page *page_to_insert(const struct test_file *test,
				   unsigned long number)
{
	if (number + 1 == test->settings.failing_page)
		return virt_to_page(test);

	return virt_to_page(test->block + number * PAGE_SIZE);
}

/* ---- mmap_proto() -------------------------------------------------------- */

static int request_parts(struct vma_proto *proto, const struct test_file *test)
{
	unsigned long number = proto->pgoff;
	unsigned long addr;
	int error;

	for (addr = proto->start; addr < proto->end; addr += PAGE_SIZE) {
		error = vma_proto_remap_pfn_range(proto, addr,
						  block_pfn(test, number++ ^ 1),
						  PAGE_SIZE, proto->page_prot);
		if (error)
			return error;
	}

	return 0;
}

static int request_each_page(struct vma_proto *proto,
			     const struct test_file *test)
{
	unsigned long number = proto->pgoff;
	unsigned long addr;
	int error;

	for (addr = proto->start; addr < proto->end; addr += PAGE_SIZE) {
		error = vma_proto_insert_page(proto, addr,
					      page_to_insert(test, number++));
		if (error)
			return error;
	}

	return 0;
}

static int request_memory(struct vma_proto *proto, struct test_file *test)
{
	const unsigned long size = proto->end - proto->start;

	switch (test->settings.memory) {
	case TEST_MMAP_PROTO_FAULT:
		return 0;
	case TEST_MMAP_PROTO_REMAP:
		return vma_proto_remap_pfn_range(proto, proto->start,
						 block_pfn(test, proto->pgoff),
						 size, proto->page_prot);
	case TEST_MMAP_PROTO_REMAP_PARTS:
		return request_parts(proto, test);
	case TEST_MMAP_PROTO_REMAP_IO:
		return vma_proto_io_remap_pfn_range(proto, proto->start,
						    block_pfn(test, proto->pgoff),
						    size, proto->page_prot);
	case TEST_MMAP_PROTO_IOMAP:
		return vma_proto_iomap_memory(proto, virt_to_phys(test->block),
					      AREA_SIZE);
	case TEST_MMAP_PROTO_INSERT_PAGE:
		return request_each_page(proto, test);
	case TEST_MMAP_PROTO_INSERT_PAGES:
		return vma_proto_insert_pages(proto, proto->start,
					      test->pages + proto->pgoff,
					      vma_proto_pages(proto));
	case TEST_MMAP_PROTO_MAP_PAGES:
		return vma_proto_map_pages(proto, test->pages, NR_PAGES);
	case TEST_MMAP_PROTO_MAP_PAGES_ZERO:
		return vma_proto_map_pages_zero(proto, test->pages, NR_PAGES);
	case TEST_MMAP_PROTO_REMAP_VMALLOC:
		return vma_proto_remap_vmalloc_range(proto, test->vmalloc,
						     proto->pgoff);
	case TEST_MMAP_PROTO_DMA_MMAP:
		return vma_proto_dma_mmap_attrs(proto,
						test_mmap_proto_device.this_device,
						test->dma, test->dma_address,
						AREA_SIZE, 0);
	case TEST_MMAP_PROTO_ANONYMOUS:
		return vma_proto_set_anonymous(proto);
	case TEST_MMAP_PROTO_OTHER_FILE:
		vma_proto_set_file(proto, test->other);
		return 0;
	}

	return -EINVAL;
}

static int test_mmap_proto(struct vma_proto *proto)
{
	struct test_file *test = proto->file->private_data;
	const struct test_mmap_proto_settings *settings = &test->settings;
	unsigned int i;
	int error;

	guard(mutex)(&test->lock);

	error = begin_hook(test, proto->pgoff, vma_proto_pages(proto));
	if (error)
		return error;

	proto->flags |= settings->set_flags;
	proto->flags &= ~settings->clear_flags;
	proto->vm_ops = choose_ops(settings);
	proto->private_data = choose_data(test);

	for (i = 0; i < settings->holds; i++) {
		error = hold_object(proto, test);
		if (error)
			return error;
	}

	error = request_memory(proto, test);
	if (error)
		return error;

	if (settings->options & TEST_MMAP_PROTO_BEYOND) {
		error = vma_proto_insert_page(proto, proto->end,
					      test->pages[0]);
		if (error)
			return error;
	}

	if (settings->options & TEST_MMAP_PROTO_RENDEZVOUS)
		complete(&test->found);

	return settings->error;
}

/* ---- mmap() -------------------------------------------------------------- */

static int map_parts(struct vm_area_struct *vma, const struct test_file *test)
{
	unsigned long number = vma->vm_pgoff;
	unsigned long addr;
	int error;

	for (addr = vma->vm_start; addr < vma->vm_end; addr += PAGE_SIZE) {
		error = remap_pfn_range(vma, addr, block_pfn(test, number++ ^ 1),
					PAGE_SIZE, vma->vm_page_prot);
		if (error)
			return error;
	}

	return 0;
}

static int map_each_page(struct vm_area_struct *vma,
			 const struct test_file *test)
{
	unsigned long number = vma->vm_pgoff;
	unsigned long addr;
	int error;

	for (addr = vma->vm_start; addr < vma->vm_end; addr += PAGE_SIZE) {
		error = vm_insert_page(vma, addr,
				       page_to_insert(test, number++));
		if (error)
			return error;
	}

	return 0;
}

static int map_memory(struct vm_area_struct *vma, struct test_file *test)
{
	const unsigned long size = vma->vm_end - vma->vm_start;
	unsigned long pages = vma_pages(vma);

	switch (test->settings.memory) {
	case TEST_MMAP_PROTO_FAULT:
		return 0;
	case TEST_MMAP_PROTO_REMAP:
		return remap_pfn_range(vma, vma->vm_start,
				       block_pfn(test, vma->vm_pgoff), size,
				       vma->vm_page_prot);
	case TEST_MMAP_PROTO_REMAP_PARTS:
		return map_parts(vma, test);
	case TEST_MMAP_PROTO_REMAP_IO:
		return io_remap_pfn_range(vma, vma->vm_start,
					  block_pfn(test, vma->vm_pgoff), size,
					  vma->vm_page_prot);
	case TEST_MMAP_PROTO_IOMAP:
		return vm_iomap_memory(vma, virt_to_phys(test->block),
				       AREA_SIZE);
	case TEST_MMAP_PROTO_INSERT_PAGE:
		return map_each_page(vma, test);
	case TEST_MMAP_PROTO_INSERT_PAGES:
		return vm_insert_pages(vma, vma->vm_start,
				       test->pages + vma->vm_pgoff, &pages);
	case TEST_MMAP_PROTO_MAP_PAGES:
		return vm_map_pages(vma, test->pages, NR_PAGES);
	case TEST_MMAP_PROTO_MAP_PAGES_ZERO:
		return vm_map_pages_zero(vma, test->pages, NR_PAGES);
	case TEST_MMAP_PROTO_REMAP_VMALLOC:
		return remap_vmalloc_range(vma, test->vmalloc, vma->vm_pgoff);
	case TEST_MMAP_PROTO_DMA_MMAP:
		return dma_mmap_coherent(test_mmap_proto_device.this_device,
					 vma, test->dma, test->dma_address,
					 AREA_SIZE);
	case TEST_MMAP_PROTO_ANONYMOUS:
		if (vma->vm_flags & VM_SHARED)
			return -EINVAL;
		vma_set_anonymous(vma);
		return 0;
	case TEST_MMAP_PROTO_OTHER_FILE:
		vma_set_file(vma, test->other);
		return 0;
	}

	return -EINVAL;
}

static int test_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct test_file *test = file->private_data;
	const struct test_mmap_proto_settings *settings = &test->settings;
	const struct vm_operations_struct *vm_ops;
	int error;

	guard(mutex)(&test->lock);

	error = begin_hook(test, vma->vm_pgoff, vma_pages(vma));
	if (error)
		return error;
	if (settings->error)
		return settings->error;

	vm_flags_mod(vma, settings->set_flags, settings->clear_flags);
	vm_ops = choose_ops(settings);
	vma->vm_private_data = choose_data(test);

	error = map_memory(vma, test);
	if (error)
		return error;

	if (settings->options & TEST_MMAP_PROTO_BEYOND) {
		error = vm_insert_page(vma, vma->vm_end, test->pages[0]);
		if (error)
			return error;
	}

	/* What a driver has to do by hand. */
	if (vm_ops && vm_ops->mapped)
		error = vm_ops->mapped(vma->vm_start, vma->vm_end,
				       vma->vm_pgoff, vma->vm_file,
				       &vma->vm_private_data);
	if (!error && vm_ops)
		vma->vm_ops = vm_ops;

	return error;
}

/* ---- settings ------------------------------------------------------------ */

static void fill_area(const struct test_file *test, void *area, u32 name)
{
	u32 i;

	for (i = 0; i < NR_PAGES; i++) {
		struct test_mmap_proto_page *page = area + i * PAGE_SIZE;

		page->number = i;
		page->area = name;
		page->file = test->number;
	}
}

static int check_settings(const struct test_mmap_proto_settings *settings)
{
	const u32 for_object = TEST_MMAP_PROTO_MAPPED | TEST_MMAP_PROTO_CLOSE;
	const u32 options = settings->options;

	if (settings->memory >= TEST_MMAP_PROTO_MEMORIES ||
	    (options & ~TEST_MMAP_PROTO_OPTIONS) ||
	    settings->holds > TEST_MMAP_PROTO_HOLDS || settings->reserved)
		return -EINVAL;
	if (settings->error > 0 || settings->error < -MAX_ERRNO ||
	    settings->mapped_error > 0 || settings->mapped_error < -MAX_ERRNO)
		return -EINVAL;
	if ((options & TEST_MMAP_PROTO_OBJECT) &&
	    (options & for_object) != for_object)
		return -EINVAL;
	if ((options & TEST_MMAP_PROTO_RENDEZVOUS) &&
	    !(options & TEST_MMAP_PROTO_OBJECT))
		return -EINVAL;
	if (settings->memory == TEST_MMAP_PROTO_ANONYMOUS &&
	    (options & for_object))
		return -EINVAL;
	/* The reference to the object would be that of another file. */
	if (settings->memory == TEST_MMAP_PROTO_OTHER_FILE &&
	    (options & TEST_MMAP_PROTO_OBJECT))
		return -EINVAL;

	return 0;
}

static bool is_test_file(const struct file *file)
{
	return file->f_op == &test_mmap_fops ||
	       file->f_op == &test_mmap_proto_fops;
}

/* Returns a reference to the other file of @test, or NULL if there is none. */
static struct file *
get_other(const struct test_file *test,
	  const struct test_mmap_proto_settings *settings)
{
	struct test_file *other;
	struct file *file;

	if (settings->memory != TEST_MMAP_PROTO_OTHER_FILE)
		return NULL;

	file = fget(settings->other_fd);
	if (!file)
		return ERR_PTR(-EBADF);
	if (!is_test_file(file)) {
		fput(file);
		return ERR_PTR(-EINVAL);
	}

	/* Files that refer to one another would never be released. */
	other = file->private_data;
	if (other == test || other->other) {
		fput(file);
		return ERR_PTR(-ELOOP);
	}

	return file;
}

/* Make the memory that settings ask for, of a file that is locked. */
static int make_area(struct test_file *test, u32 memory)
{
	struct device *dev = test_mmap_proto_device.this_device;

	if (memory == TEST_MMAP_PROTO_REMAP_VMALLOC && !test->vmalloc) {
		test->vmalloc = vmalloc_user(AREA_SIZE);
		if (!test->vmalloc)
			return -ENOMEM;
		fill_area(test, test->vmalloc, TEST_MMAP_PROTO_VMALLOC);
	}

	if (memory == TEST_MMAP_PROTO_DMA_MMAP && !test->dma) {
		test->dma = dma_alloc_coherent(dev, AREA_SIZE,
					       &test->dma_address, GFP_KERNEL);
		if (!test->dma)
			return -ENOMEM;
		fill_area(test, test->dma, TEST_MMAP_PROTO_DMA);
	}

	return 0;
}

/* Give a file that is locked what @settings ask for. */
static int apply_settings(struct test_file *test,
			  const struct test_mmap_proto_settings *settings)
{
	unsigned long i;
	int error;

	error = make_area(test, settings->memory);
	if (error)
		return error;

	if ((settings->options & TEST_MMAP_PROTO_OBJECT) && !test->object) {
		test->object = make_object();
		if (!test->object)
			return -ENOMEM;
	}

	test->settings = *settings;
	for (i = 0; i < NR_PAGES; i++)
		test->pages[i] = page_to_insert(test, i ^ 1);
	reinit_completion(&test->found);
	reinit_completion(&test->dropped);

	return 0;
}

static int set(struct test_file *test, const void __user *from)
{
	struct test_mmap_proto_settings settings;
	struct file *other;
	int error;

	/* Before the lock: mmap_lock is taken first. */
	if (copy_from_user(&settings, from, sizeof(settings)))
		return -EFAULT;
	error = check_settings(&settings);
	if (error)
		return error;

	guard(mutex)(&other_lock);

	other = get_other(test, &settings);
	if (IS_ERR(other))
		return PTR_ERR(other);

	scoped_guard(mutex, &test->lock) {
		error = apply_settings(test, &settings);
		if (!error)
			swap(test->other, other);
	}
	if (other)
		fput(other);

	return error;
}

static int count(struct file *file, void __user *to)
{
	struct test_file *test = file->private_data;
	const struct test_mmap_proto_counters counters = {
		.file = test->number,
		.references = file_count(file),
		.hooks = atomic_long_read(&test->hooks),
		.mapped = atomic_long_read(&test->mapped),
		.opened = atomic_long_read(&test->opened),
		.closed = atomic_long_read(&test->closed),
		.faults = atomic_long_read(&test->faults),
		.held = atomic_long_read(&test->held),
		.released = atomic_long_read(&test->released),
		.all_files = atomic_long_read(&all_files),
		.all_objects = atomic_long_read(&all_objects),
	};

	return copy_to_user(to, &counters, sizeof(counters)) ? -EFAULT : 0;
}

static int drop(struct test_file *test)
{
	struct test_object *object = NULL;

	if ((READ_ONCE(test->settings.options) & TEST_MMAP_PROTO_RENDEZVOUS) &&
	    wait_for_completion_killable_timeout(&test->found,
						 RENDEZVOUS_TIMEOUT) <= 0)
		return -ETIMEDOUT;

	scoped_guard(mutex, &test->lock)
		swap(object, test->object);
	if (!object)
		return -ENOENT;

	put_object(object);
	complete(&test->dropped);

	return 0;
}

/* ---- files --------------------------------------------------------------- */

static long test_ioctl(struct file *file, unsigned int command,
		       unsigned long argument)
{
	void __user *user = (void __user *)argument;

	switch (command) {
	case TEST_MMAP_PROTO_SET:
		return set(file->private_data, user);
	case TEST_MMAP_PROTO_COUNT:
		return count(file, user);
	case TEST_MMAP_PROTO_DROP:
		return drop(file->private_data);
	}

	return -ENOTTY;
}

static int test_open_file(struct inode *inode, struct file *file)
{
	struct test_file *test = kzalloc(sizeof(*test), GFP_KERNEL);
	unsigned long i;

	if (!test)
		return -ENOMEM;

	test->block = alloc_pages_exact(AREA_SIZE, GFP_KERNEL | __GFP_ZERO);
	if (!test->block) {
		kfree(test);
		return -ENOMEM;
	}

	mutex_init(&test->lock);
	init_completion(&test->found);
	init_completion(&test->dropped);
	test->number = atomic_long_inc_return(&last_number);
	fill_area(test, test->block, TEST_MMAP_PROTO_BLOCK);
	for (i = 0; i < NR_PAGES; i++)
		test->pages[i] = page_to_insert(test, i ^ 1);

	atomic_long_inc(&all_files);
	file->private_data = test;

	return 0;
}

static int test_release_file(struct inode *inode, struct file *file)
{
	struct test_file *test = file->private_data;

	if (test->other)
		fput(test->other);
	if (test->dma)
		dma_free_coherent(test_mmap_proto_device.this_device, AREA_SIZE,
				  test->dma, test->dma_address);
	vfree(test->vmalloc);
	free_pages_exact(test->block, AREA_SIZE);
	put_object(test->object);
	kfree(test);
	atomic_long_dec(&all_files);

	return 0;
}

static const struct file_operations test_mmap_fops = {
	.owner = THIS_MODULE,
	.open = test_open_file,
	.release = test_release_file,
	.unlocked_ioctl = test_ioctl,
	.mmap = test_mmap,
};

static const struct file_operations test_mmap_proto_fops = {
	.owner = THIS_MODULE,
	.open = test_open_file,
	.release = test_release_file,
	.unlocked_ioctl = test_ioctl,
	.mmap_proto = test_mmap_proto,
};

static struct miscdevice test_mmap_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "test_mmap",
	.fops = &test_mmap_fops,
};

static struct miscdevice test_mmap_proto_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "test_mmap_proto",
	.fops = &test_mmap_proto_fops,
};

static int __init test_mmap_proto_init(void)
{
	int error;

	error = misc_register(&test_mmap_proto_device);
	if (error)
		return error;

	/* The device that DMA memory is for. */
	error = dma_coerce_mask_and_coherent(test_mmap_proto_device.this_device,
					     DMA_BIT_MASK(64));
	if (!error)
		error = misc_register(&test_mmap_device);
	if (error) {
		misc_deregister(&test_mmap_proto_device);
		return error;
	}

	pr_info("for tests alone: programs may make it misbehave\n");

	return 0;
}
module_init(test_mmap_proto_init);

static void __exit test_mmap_proto_exit(void)
{
	misc_deregister(&test_mmap_device);
	misc_deregister(&test_mmap_proto_device);
}
module_exit(test_mmap_proto_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Test driver for mmap_proto() hooks");
