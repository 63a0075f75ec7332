// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the references that mappings of GEM objects have.
 */

#include <linux/anon_inodes.h>
#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/slab.h>
#include <linux/vma_proto.h>

#include <kunit/test.h>

#include <drm/drm_device.h>
#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/drm_gem_dma_helper.h>
#include <drm/drm_gem_shmem_helper.h>
#include <drm/drm_gem_ttm_helper.h>
#include <drm/drm_kunit_helpers.h>
#include <drm/drm_prime.h>
#include <drm/drm_vma_manager.h>
#include <drm/ttm/ttm_bo.h>
#include <drm/ttm/ttm_device.h>

MODULE_IMPORT_NS(DMA_BUF);

#define PAGES		3
#define SIZE		(PAGES * PAGE_SIZE)

/* Where a mapping fails. */
enum failure { NOWHERE, HOOK, ACTION, MAPPED };

/*
 * An object of PAGES pages.
 * @failure: where mappings of it fail
 * @drop: mapping it drops the reference that the test has
 * @pages: what is mapped
 * @bad: memory that cannot be mapped
 */
struct test_obj {
	struct drm_gem_object base;
	enum failure failure;
	bool drop;
	struct page *pages[PAGES];
	void *bad;
};

/*
 * What a case maps with.
 * @priv: stands for who has opened the device
 * @file: the file that is mapped
 * @obj: the object that is mapped, unless the case has one of its own
 * @freed: how many objects were
 */
struct world {
	struct drm_device *drm;
	struct drm_file priv;
	struct file *file;
	struct test_obj *obj;
	unsigned int freed;
};

static struct world *world_of(struct drm_gem_object *obj)
{
	return dev_get_drvdata(obj->dev->dev);
}

static struct test_obj *to_test_obj(struct drm_gem_object *obj)
{
	return container_of(obj, struct test_obj, base);
}

static void test_obj_free(struct drm_gem_object *obj)
{
	struct test_obj *test_obj = to_test_obj(obj);
	int i;

	world_of(obj)->freed++;
	drm_vma_node_revoke(&obj->vma_node, &world_of(obj)->priv);
	drm_gem_object_release(obj);
	for (i = 0; i < PAGES; i++)
		__free_page(test_obj->pages[i]);
	kfree(test_obj->bad);
	kfree(test_obj);
}

static int test_vm_mapped(unsigned long start, unsigned long end,
			  pgoff_t pgoff, struct file *file,
			  void **private_data)
{
	struct test_obj *obj = to_test_obj(*private_data);

	if (obj->failure == MAPPED)
		return -ENXIO;

	return drm_gem_vm_mapped(start, end, pgoff, file, private_data);
}

static const struct vm_operations_struct test_vm_ops = {
	.open = drm_gem_vm_open,
	.mapped = test_vm_mapped,
	.close = drm_gem_vm_close,
};

/* Maps all pages but the last, and then that one, or what cannot be mapped. */
static int test_obj_mmap_proto(struct drm_gem_object *obj,
			       struct vma_proto *proto)
{
	struct test_obj *test_obj = to_test_obj(obj);
	struct page *last = test_obj->pages[PAGES - 1];
	int error;

	if (test_obj->drop)
		drm_gem_object_put(obj);
	if (test_obj->failure == HOOK)
		return -EPERM;
	if (test_obj->failure == ACTION)
		last = virt_to_page(test_obj->bad);

	proto->flags |= VM_DONTEXPAND;
	error = vma_proto_insert_pages(proto, proto->start, test_obj->pages,
				       PAGES - 1);

	return error ?: vma_proto_insert_page(proto, proto->end - PAGE_SIZE,
					      last);
}

static const struct drm_gem_object_funcs test_obj_funcs = {
	.free = test_obj_free,
	.mmap_proto = test_obj_mmap_proto,
	.vm_ops = &test_vm_ops,
};

/* Leaves all to a fault handler. */
static const struct drm_gem_object_funcs fault_obj_funcs = {
	.free = test_obj_free,
	.vm_ops = &test_vm_ops,
};

static const struct drm_gem_object_funcs import_obj_funcs = {
	.free = test_obj_free,
	.mmap_proto = drm_gem_prime_import_mmap_proto,
	.vm_ops = &test_vm_ops,
};

static const struct file_operations device_fops = {
	.owner = THIS_MODULE,
	.mmap_proto = drm_gem_mmap_proto,
	.fop_flags = FOP_UNSIGNED_OFFSET,
};

static const struct drm_driver test_driver = {
	.driver_features = DRIVER_GEM,
	.fops = &device_fops,
};

/* As a frame buffer or a dma-buf maps an object: with a VMA. */
static int obj_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct drm_gem_object *obj = file->private_data;

	return drm_gem_mmap_obj(obj, obj->size, vma);
}

static const struct file_operations obj_fops = {
	.owner = THIS_MODULE,
	.mmap = obj_mmap,
};

static int prime_mmap(struct file *file, struct vm_area_struct *vma)
{
	return drm_gem_prime_mmap(file->private_data, vma);
}

static const struct file_operations prime_fops = {
	.owner = THIS_MODULE,
	.mmap = prime_mmap,
};

/* The ways to an object. */
static const struct way {
	const char *name;
	const struct file_operations *fops;
} ways[] = {
	{ "the device", &device_fops },
	{ "drm_gem_mmap_obj()", &obj_fops },
	{ "drm_gem_prime_mmap()", &prime_fops },
};

KUNIT_ARRAY_PARAM_DESC(ways, ways, name);

static struct test_obj *new_obj(struct kunit *test,
				const struct drm_gem_object_funcs *funcs)
{
	struct world *world = test->priv;
	struct test_obj *obj;
	int i;

	obj = kzalloc(sizeof(*obj), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, obj);
	for (i = 0; i < PAGES; i++) {
		obj->pages[i] = alloc_page(GFP_KERNEL | __GFP_ZERO);
		KUNIT_ASSERT_NOT_NULL(test, obj->pages[i]);
	}
	obj->bad = kmalloc(64, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, obj->bad);

	obj->base.funcs = funcs;
	drm_gem_private_object_init(world->drm, &obj->base, SIZE);
	KUNIT_ASSERT_EQ(test, drm_gem_create_mmap_offset(&obj->base), 0);
	KUNIT_ASSERT_EQ(test, drm_vma_node_allow(&obj->base.vma_node,
						 &world->priv), 0);

	return obj;
}

KUNIT_DEFINE_ACTION_WRAPPER(fput_wrapper, fput, struct file *);

static struct file *new_file(struct kunit *test,
			     const struct file_operations *fops, void *private)
{
	struct file *file = anon_inode_getfile("gem", fops, private, O_RDWR);

	KUNIT_ASSERT_FALSE(test, IS_ERR(file));
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, fput_wrapper,
							file), 0);
	return file;
}

/* The object @funcs and a file that leads to it in the way of the case. */
static struct test_obj *set_up(struct kunit *test,
			       const struct drm_gem_object_funcs *funcs)
{
	const struct way *way = test->param_value;
	struct world *world = test->priv;

	world->obj = new_obj(test, funcs);
	world->file = new_file(test, way->fops,
			       way->fops == &device_fops ?
			       (void *)&world->priv : &world->obj->base);

	return world->obj;
}

static unsigned long map(struct kunit *test, struct drm_gem_object *obj,
			 unsigned long size)
{
	struct world *world = test->priv;
	unsigned long offset = 0;

	if (world->file->f_op == &device_fops)
		offset = drm_vma_node_offset_addr(&obj->vma_node);

	return kunit_vm_mmap(test, world->file, 0, size, PROT_READ | PROT_WRITE,
			     MAP_SHARED, offset);
}

static unsigned int refs(const struct test_obj *obj)
{
	return kref_read(&obj->base.refcount);
}

static vm_flags_t flags_at(unsigned long addr)
{
	struct vm_area_struct *vma;
	vm_flags_t flags = 0;

	mmap_read_lock(current->mm);
	vma = vma_lookup(current->mm, addr);
	if (vma)
		flags = vma->vm_flags;
	mmap_read_unlock(current->mm);

	return flags;
}

/* Each mapping has one reference, and each part of one that is cut. */
static void gem_mmap_references(struct kunit *test)
{
	struct test_obj *obj = set_up(test, &test_obj_funcs);
	struct world *world = test->priv;
	unsigned long first, second;
	int i;

	first = map(test, &obj->base, SIZE);
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(first));
	KUNIT_EXPECT_EQ(test, refs(obj), 2);
	for (i = 0; i < PAGES; i++)
		KUNIT_EXPECT_EQ(test, page_count(obj->pages[i]), 2);
	KUNIT_EXPECT_TRUE(test, flags_at(first) & VM_MIXEDMAP);
	KUNIT_EXPECT_FALSE(test, flags_at(first) & VM_PFNMAP);

	second = map(test, &obj->base, SIZE);
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(second));
	KUNIT_EXPECT_EQ(test, refs(obj), 3);

	KUNIT_EXPECT_EQ(test, vm_munmap(first + PAGE_SIZE, PAGE_SIZE), 0);
	KUNIT_EXPECT_EQ(test, refs(obj), 4);
	KUNIT_EXPECT_EQ(test, vm_munmap(first, SIZE), 0);
	KUNIT_EXPECT_EQ(test, refs(obj), 2);
	KUNIT_EXPECT_EQ(test, vm_munmap(second, SIZE), 0);
	KUNIT_EXPECT_EQ(test, refs(obj), 1);
	for (i = 0; i < PAGES; i++)
		KUNIT_EXPECT_EQ(test, page_count(obj->pages[i]), 1);

	KUNIT_EXPECT_EQ(test, world->freed, 0);
	drm_gem_object_put(&obj->base);
	KUNIT_EXPECT_EQ(test, world->freed, 1);
}

/* Wherever a mapping fails, nothing of it stays. */
static void gem_mmap_failures(struct kunit *test)
{
	static const int errors[] = {
		[HOOK] = -EPERM,
		[ACTION] = -EINVAL,
		[MAPPED] = -ENXIO,
	};
	struct test_obj *obj = set_up(test, &test_obj_funcs);
	struct world *world = test->priv;
	unsigned long addr;
	int i;

	for (obj->failure = HOOK; obj->failure <= MAPPED; obj->failure++) {
		addr = map(test, &obj->base, SIZE);
		KUNIT_EXPECT_EQ(test, (long)addr, errors[obj->failure]);
		KUNIT_EXPECT_EQ(test, refs(obj), 1);
		for (i = 0; i < PAGES; i++)
			KUNIT_EXPECT_EQ(test, page_count(obj->pages[i]), 1);
		KUNIT_EXPECT_EQ(test, file_count(world->file), 1);
	}

	drm_gem_object_put(&obj->base);
	KUNIT_EXPECT_EQ(test, world->freed, 1);
}

/* An object that has only a fault handler is mapped without pages. */
static void gem_mmap_fault(struct kunit *test)
{
	const vm_flags_t flags = VM_IO | VM_PFNMAP | VM_DONTEXPAND |
				 VM_DONTDUMP;
	struct test_obj *obj = set_up(test, &fault_obj_funcs);
	unsigned long addr = map(test, &obj->base, SIZE);

	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(addr));
	KUNIT_EXPECT_EQ(test, flags_at(addr) & flags, flags);
	KUNIT_EXPECT_EQ(test, refs(obj), 2);
	KUNIT_EXPECT_EQ(test, vm_munmap(addr, SIZE), 0);
	KUNIT_EXPECT_EQ(test, refs(obj), 1);

	obj->failure = MAPPED;
	KUNIT_EXPECT_EQ(test, (long)map(test, &obj->base, SIZE), -ENXIO);
	KUNIT_EXPECT_EQ(test, refs(obj), 1);
	drm_gem_object_put(&obj->base);
}

/* A mapping keeps an object of which nothing else is left. */
static void gem_mmap_last_reference(struct kunit *test)
{
	struct test_obj *obj = set_up(test, &test_obj_funcs);
	struct world *world = test->priv;
	unsigned long addr = map(test, &obj->base, SIZE);

	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(addr));
	drm_gem_object_put(&obj->base);
	KUNIT_EXPECT_EQ(test, world->freed, 0);
	KUNIT_EXPECT_EQ(test, vm_munmap(addr, SIZE), 0);
	KUNIT_EXPECT_EQ(test, world->freed, 1);
}

/*
 * The last other reference goes while the mapping is described: the object is
 * held until the mapping has its own, or has failed.
 */
static void gem_mmap_held(struct kunit *test)
{
	struct world *world = test->priv;
	enum failure failure;
	unsigned int freed = 0;

	world->file = new_file(test, &device_fops, &world->priv);
	for (failure = NOWHERE; failure <= MAPPED; failure++) {
		struct test_obj *obj = new_obj(test, &test_obj_funcs);
		unsigned long addr;

		obj->failure = failure;
		obj->drop = true;
		addr = map(test, &obj->base, SIZE);
		if (failure == NOWHERE) {
			KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(addr));
			KUNIT_EXPECT_EQ(test, world->freed, 0);
			KUNIT_EXPECT_EQ(test, refs(obj), 1);
			KUNIT_EXPECT_EQ(test, vm_munmap(addr, SIZE), 0);
		} else {
			KUNIT_EXPECT_TRUE(test, IS_ERR_VALUE(addr));
		}
		KUNIT_EXPECT_EQ(test, world->freed, ++freed);
	}
}

/* Who must not have an object, or names none, gets none. */
static void gem_mmap_refused(struct kunit *test)
{
	struct world *world = test->priv;
	struct test_obj *obj = new_obj(test, &test_obj_funcs);
	unsigned long offset = drm_vma_node_offset_addr(&obj->base.vma_node);

	world->file = new_file(test, &device_fops, &world->priv);
	KUNIT_EXPECT_EQ(test, (long)map(test, &obj->base, SIZE + PAGE_SIZE),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, (long)kunit_vm_mmap(test, world->file, 0,
						  PAGE_SIZE, PROT_READ,
						  MAP_SHARED,
						  offset + PAGE_SIZE), -EINVAL);
	drm_vma_node_revoke(&obj->base.vma_node, &world->priv);
	KUNIT_EXPECT_EQ(test, (long)map(test, &obj->base, SIZE), -EACCES);
	KUNIT_EXPECT_EQ(test, refs(obj), 1);
	drm_gem_object_put(&obj->base);
	KUNIT_EXPECT_EQ(test, world->freed, 1);
}

/* The pages of a shmem object are counted with the mappings. */
static void gem_mmap_shmem(struct kunit *test)
{
	const struct way *way = test->param_value;
	struct world *world = test->priv;
	struct drm_gem_shmem_object *shmem;
	struct drm_gem_object *obj;
	unsigned long addr;

	shmem = drm_gem_shmem_create(world->drm, SIZE);
	KUNIT_ASSERT_FALSE(test, IS_ERR(shmem));
	obj = &shmem->base;
	KUNIT_ASSERT_EQ(test, drm_vma_node_allow(&obj->vma_node, &world->priv),
			0);
	world->file = new_file(test, way->fops,
			       way->fops == &device_fops ?
			       (void *)&world->priv : obj);

	addr = map(test, obj, SIZE);
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(addr));
	KUNIT_EXPECT_EQ(test, kref_read(&obj->refcount), 2);
	KUNIT_EXPECT_EQ(test, shmem->pages_use_count, 1);
	KUNIT_EXPECT_TRUE(test, flags_at(addr) & VM_PFNMAP);
	KUNIT_EXPECT_EQ(test, vm_munmap(addr + PAGE_SIZE, PAGE_SIZE), 0);
	KUNIT_EXPECT_EQ(test, kref_read(&obj->refcount), 3);
	KUNIT_EXPECT_EQ(test, shmem->pages_use_count, 2);
	KUNIT_EXPECT_EQ(test, vm_munmap(addr, SIZE), 0);
	KUNIT_EXPECT_EQ(test, kref_read(&obj->refcount), 1);
	KUNIT_EXPECT_EQ(test, shmem->pages_use_count, 0);
	KUNIT_EXPECT_NULL(test, shmem->pages);

	/* A private mapping that could be written is refused. */
	addr = kunit_vm_mmap(test, world->file, 0, SIZE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE, way->fops == &device_fops ?
			     drm_vma_node_offset_addr(&obj->vma_node) : 0);
	KUNIT_EXPECT_EQ(test, (long)addr, -EINVAL);
	KUNIT_EXPECT_EQ(test, kref_read(&obj->refcount), 1);
	KUNIT_EXPECT_EQ(test, shmem->pages_use_count, 0);
	drm_vma_node_revoke(&obj->vma_node, &world->priv);
	drm_gem_object_put(obj);
}

/* All of a DMA object is mapped at once, from its start on. */
static void gem_mmap_dma(struct kunit *test)
{
	const struct way *way = test->param_value;
	struct world *world = test->priv;
	struct drm_gem_dma_object *dma_obj;
	struct drm_gem_object *obj;
	struct vm_area_struct *vma;
	unsigned long addr;

	KUNIT_ASSERT_EQ(test, dma_coerce_mask_and_coherent(world->drm->dev,
							   DMA_BIT_MASK(64)),
			0);
	dma_obj = drm_gem_dma_create(world->drm, SIZE);
	KUNIT_ASSERT_FALSE(test, IS_ERR(dma_obj));
	obj = &dma_obj->base;
	KUNIT_ASSERT_EQ(test, drm_vma_node_allow(&obj->vma_node, &world->priv),
			0);
	world->file = new_file(test, way->fops,
			       way->fops == &device_fops ?
			       (void *)&world->priv : obj);
	memset(dma_obj->vaddr, 0x5a, SIZE);

	/* Who has a VMA gives it the offset of the object. */
	if (way->fops == &obj_fops)
		drm_gem_free_mmap_offset(obj);
	addr = map(test, obj, SIZE);
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(addr));
	KUNIT_EXPECT_EQ(test, kref_read(&obj->refcount), 2);
	KUNIT_EXPECT_TRUE(test, flags_at(addr) & VM_DONTEXPAND);
	mmap_read_lock(current->mm);
	vma = vma_lookup(current->mm, addr);
	KUNIT_EXPECT_EQ(test, vma->vm_pgoff, 0);
	mmap_read_unlock(current->mm);
	KUNIT_EXPECT_EQ(test, strnlen_user((void __user *)addr, SIZE), SIZE + 1);
	KUNIT_EXPECT_EQ(test, vm_munmap(addr, SIZE), 0);
	KUNIT_EXPECT_EQ(test, kref_read(&obj->refcount), 1);

	drm_vma_node_revoke(&obj->vma_node, &world->priv);
	drm_gem_object_put(obj);
}

static void never_freed(struct drm_gem_object *obj)
{
	WARN_ON(1);
}

static const struct drm_gem_object_funcs ttm_obj_funcs = {
	.free = never_freed,
	.mmap_proto = drm_gem_ttm_mmap_proto,
};

/* A mapping of TTM's has a reference to the buffer, none to the object. */
static void gem_mmap_ttm(struct kunit *test)
{
	const struct way *way = test->param_value;
	struct world *world = test->priv;
	struct ttm_buffer_object *bo;
	struct drm_gem_object *obj;
	struct ttm_device *bdev;
	unsigned long addr;

	bo = kunit_kzalloc(test, sizeof(*bo), GFP_KERNEL);
	bdev = kunit_kzalloc(test, sizeof(*bdev), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, bo);
	KUNIT_ASSERT_NOT_NULL(test, bdev);
	obj = &bo->base;
	obj->funcs = &ttm_obj_funcs;
	drm_gem_private_object_init(world->drm, obj, SIZE);
	KUNIT_ASSERT_EQ(test, drm_gem_create_mmap_offset(obj), 0);
	KUNIT_ASSERT_EQ(test, drm_vma_node_allow(&obj->vma_node, &world->priv),
			0);
	world->file = new_file(test, way->fops,
			       way->fops == &device_fops ?
			       (void *)&world->priv : obj);
	kref_init(&bo->kref);
	bo->bdev = bdev;
	bdev->dev_mapping = world->file->f_mapping;

	addr = map(test, obj, SIZE);
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(addr));
	KUNIT_EXPECT_EQ(test, kref_read(&bo->kref), 2);
	KUNIT_EXPECT_EQ(test, kref_read(&obj->refcount), 1);
	KUNIT_EXPECT_EQ(test, vm_munmap(addr + PAGE_SIZE, PAGE_SIZE), 0);
	KUNIT_EXPECT_EQ(test, kref_read(&bo->kref), 3);
	KUNIT_EXPECT_EQ(test, vm_munmap(addr, SIZE), 0);
	KUNIT_EXPECT_EQ(test, kref_read(&bo->kref), 1);
	KUNIT_EXPECT_EQ(test, kref_read(&obj->refcount), 1);

	addr = kunit_vm_mmap(test, world->file, 0, SIZE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE, way->fops == &device_fops ?
			     drm_vma_node_offset_addr(&obj->vma_node) : 0);
	KUNIT_EXPECT_EQ(test, (long)addr, -EINVAL);
	KUNIT_EXPECT_EQ(test, kref_read(&bo->kref), 1);
	KUNIT_EXPECT_EQ(test, kref_read(&obj->refcount), 1);

	drm_vma_node_revoke(&obj->vma_node, &world->priv);
	drm_gem_object_release(obj);
}

/* The exporter's half of an import: its mmap() maps the object's pages. */
static int exporter_mmap(struct dma_buf *dma_buf, struct vm_area_struct *vma)
{
	struct test_obj *obj = dma_buf->priv;

	if (obj->failure == ACTION)
		return -ENXIO;

	return vm_map_pages(vma, obj->pages, PAGES);
}

static struct sg_table *exporter_map(struct dma_buf_attachment *attachment,
				     enum dma_data_direction direction)
{
	return ERR_PTR(-EOPNOTSUPP);
}

static void exporter_unmap(struct dma_buf_attachment *attachment,
			   struct sg_table *table,
			   enum dma_data_direction direction)
{
}

static void exporter_release(struct dma_buf *dma_buf)
{
}

static const struct dma_buf_ops exporter_ops = {
	.map_dma_buf = exporter_map,
	.unmap_dma_buf = exporter_unmap,
	.release = exporter_release,
	.mmap = exporter_mmap,
};

/* An imported object is mapped as its dma-buf, which the mapping keeps. */
static void gem_mmap_import(struct kunit *test)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	struct dma_buf_attachment attachment = {};
	struct test_obj *obj = set_up(test, &import_obj_funcs);
	struct world *world = test->priv;
	struct vm_area_struct *vma;
	struct dma_buf *dma_buf;
	unsigned long addr;

	info.ops = &exporter_ops;
	info.size = SIZE;
	info.flags = O_RDWR;
	info.priv = obj;
	dma_buf = dma_buf_export(&info);
	KUNIT_ASSERT_FALSE(test, IS_ERR(dma_buf));
	attachment.dmabuf = dma_buf;
	obj->base.import_attach = &attachment;

	addr = map(test, &obj->base, SIZE);
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(addr));
	KUNIT_EXPECT_EQ(test, refs(obj), 1);
	KUNIT_EXPECT_EQ(test, file_count(dma_buf->file), 2);
	KUNIT_EXPECT_EQ(test, page_count(obj->pages[0]), 2);
	mmap_read_lock(current->mm);
	vma = vma_lookup(current->mm, addr);
	KUNIT_EXPECT_PTR_EQ(test, vma->vm_file, dma_buf->file);
	KUNIT_EXPECT_EQ(test, vma->vm_pgoff, 0);
	mmap_read_unlock(current->mm);
	KUNIT_EXPECT_EQ(test, vm_munmap(addr, SIZE), 0);
	KUNIT_EXPECT_EQ(test, refs(obj), 1);
	KUNIT_EXPECT_EQ(test, file_count(dma_buf->file), 1);
	KUNIT_EXPECT_EQ(test, page_count(obj->pages[0]), 1);

	obj->failure = ACTION;
	KUNIT_EXPECT_EQ(test, (long)map(test, &obj->base, SIZE), -ENXIO);
	KUNIT_EXPECT_EQ(test, refs(obj), 1);
	KUNIT_EXPECT_EQ(test, file_count(dma_buf->file), 1);

	obj->base.import_attach = NULL;
	drm_gem_object_put(&obj->base);
	KUNIT_EXPECT_EQ(test, world->freed, 1);
	dma_buf_put(dma_buf);
}

static int gem_mmap_init(struct kunit *test)
{
	struct world *world;
	struct device *dev;

	world = kunit_kzalloc(test, sizeof(*world), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, world);
	dev = drm_kunit_helper_alloc_device(test);
	KUNIT_ASSERT_FALSE(test, IS_ERR(dev));
	world->drm =
		__drm_kunit_helper_alloc_drm_device_with_driver(test, dev,
								sizeof(*world->drm),
								0, &test_driver);
	KUNIT_ASSERT_FALSE(test, IS_ERR(world->drm));
	dev_set_drvdata(dev, world);
	world->priv.minor = world->drm->primary;
	test->priv = world;

	return 0;
}

static struct kunit_case gem_mmap_cases[] = {
	KUNIT_CASE_PARAM(gem_mmap_references, ways_gen_params),
	KUNIT_CASE_PARAM(gem_mmap_failures, ways_gen_params),
	KUNIT_CASE_PARAM(gem_mmap_fault, ways_gen_params),
	KUNIT_CASE_PARAM(gem_mmap_last_reference, ways_gen_params),
	KUNIT_CASE(gem_mmap_held),
	KUNIT_CASE(gem_mmap_refused),
	KUNIT_CASE_PARAM(gem_mmap_shmem, ways_gen_params),
	KUNIT_CASE_PARAM(gem_mmap_dma, ways_gen_params),
	KUNIT_CASE_PARAM(gem_mmap_ttm, ways_gen_params),
	KUNIT_CASE_PARAM(gem_mmap_import, ways_gen_params),
	{}
};

static struct kunit_suite gem_mmap_suite = {
	.name = "drm_gem_mmap",
	.init = gem_mmap_init,
	.test_cases = gem_mmap_cases,
};

kunit_test_suite(gem_mmap_suite);

MODULE_DESCRIPTION("KUnit tests of mappings of GEM objects");
MODULE_LICENSE("GPL");
