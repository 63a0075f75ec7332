/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What mmap_region() needs beyond the rest of vma_internal.h, which includes
 * this file. Three kinds, kept apart: what is as in the kernel, what counts or
 * fails so that a test can look, and what does nothing.
 */
#ifndef _MMAP_REGION_H
#define _MMAP_REGION_H

#include <assert.h>

#include <linux/export.h>

#include "inject.h"

/*
 * What a test sets and reads. Nothing here is reset by itself.
 */
struct mmap_region_test {
	/* Read: pages charged against the commit limit. */
	long charged;
	/* Read: VMAs allocated, warnings raised, mappings reported to perf. */
	unsigned long vma_allocs;
	unsigned long warnings;
	unsigned long perf_events;
	/* Set: fail the next allocation of a VMA, or the next charge. */
	bool fail_vma_alloc;
	bool fail_charge;
	/* Set: memory must not be both writable and executable. */
	bool deny_write_exec;
	/* Set: flags that the architecture refuses. */
	unsigned long arch_refused;
	/* Set: pages that the address space may have; 0 for no limit. */
	unsigned long limit;
	/* Set: pages that may be locked; 0 for no limit. */
	unsigned long mlock_limit;
	/* Set: first page that no file has; 0 for no limit. */
	unsigned long max_pgoff;
	/* Set: file that is sealed against writing by mappings to come. */
	struct file *sealed;
	/* Set: fail an allocation by kmalloc(): the first for 1, ...; 0: none. */
	unsigned long fail_kmalloc;
	/* Read: memory of kmalloc() that was not freed. */
	long kmallocs;
	/* Read: VMAs that were not freed, and those linked to a file. */
	long vmas;
	long linked;
	/* Set: what shared anonymous memory maps; NULL: it cannot be had. */
	struct file *shmem;
};

static struct mmap_region_test region_test;

/* As in the kernel. */

/* With the value that IS_ENABLED() looks for. */
#undef CONFIG_MMU
#define CONFIG_MMU 1

#define atomic_dec(x) uatomic_dec(x)

#define VM_MAYEXEC	0x00000040
#define VM_MAYSHARE	0x00000080
#define VM_SEQ_READ	0x00008000
#define VM_RAND_READ	0x00010000
#define VM_DONTCOPY	0x00020000
#define VM_LOCKONFAULT	0x00080000
#define VM_NORESERVE	0x00200000
#define VM_WIPEONFORK	0x02000000
#define VM_DONTDUMP	0x04000000
#define VM_HUGEPAGE	0x20000000
#define VM_NOHUGEPAGE	0x40000000
#define VM_ALLOW_ANY_UNCACHED	0x0000008000000000UL
#define VM_SEALED	0x8000000000000000UL

#define __uninitialized

#define VM_LOCKED_MASK	(VM_LOCKED | VM_LOCKONFAULT)

struct vma_proto;

struct file_operations {
	int (*mmap)(struct file *file, struct vm_area_struct *vma);
	int (*mmap_proto)(struct vma_proto *proto);
};

static inline void vm_flags_init(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->__vm_flags = flags;
}

static inline void vm_flags_set(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->__vm_flags |= flags;
}

static inline void vm_flags_clear(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->__vm_flags &= ~flags;
}

static inline void vma_set_anonymous(struct vm_area_struct *vma)
{
	vma->vm_ops = NULL;
}

extern const struct vm_operations_struct vma_dummy_vm_ops;

int fops_mmap_error(const struct file_operations *fops);
int fops_mmap_proto(const struct file_operations *fops, struct file *file,
		    struct vm_area_struct *vma);

/* call_mmap() and fops_check_mmap(): the kernel's own, cut out of fs.h. */
#include "generated/fs.h"

/* Credentials, of which each task has the same, until it overrides them. */
struct cred {
	long usage;
};

static struct cred init_cred = { .usage = 1 };
static struct cred *current_creds = &init_cred;

static inline const struct cred *get_current_cred(void)
{
	current_creds->usage++;
	return current_creds;
}

static inline void put_cred(const struct cred *cred)
{
	((struct cred *)cred)->usage--;
}

static inline const struct cred *override_creds(const struct cred *cred)
{
	const struct cred *before = current_creds;

	current_creds = (struct cred *)cred;
	current_creds->usage++;

	return before;
}

static inline void revert_creds(const struct cred *before)
{
	put_cred(current_creds);
	current_creds = (struct cred *)before;
}

static inline int mmap_file(struct file *file, struct vm_area_struct *vma)
{
	int error = call_mmap(file, vma);

	if (error)
		vma->vm_ops = &vma_dummy_vm_ops;

	return error;
}

void vma_set_page_prot(struct vm_area_struct *vma);

/*
 * Protection is what the flags say, plus bits that only a driver sets: these
 * are what pgprot_modify() keeps, as a cache mode is.
 */
#define TEST_PROT_DRIVER	(0xfUL << 56)

static inline pgprot_t pgprot_modify(pgprot_t oldprot, pgprot_t newprot)
{
	return __pgprot((pgprot_val(oldprot) & TEST_PROT_DRIVER) |
			(pgprot_val(newprot) & ~TEST_PROT_DRIVER));
}

/* Count, or fail when told to. */

#undef WARN_ONCE
#define WARN_ONCE(_condition, _format...)		\
	({						\
		bool __failed = !!(_condition);		\
							\
		if (__failed)				\
			region_test.warnings++;		\
		__failed;				\
	})

static inline struct file *get_file(struct file *file)
{
	file->f_count++;
	return file;
}

static inline void fput(struct file *file)
{
	file->f_count--;
}

static inline void vma_set_file(struct vm_area_struct *vma, struct file *file)
{
	get_file(file);
	fput(vma->vm_file);
	vma->vm_file = file;
}

static inline void vm_acct_memory(long pages)
{
	region_test.charged += pages;
}

static inline int security_vm_enough_memory_mm(struct mm_struct *mm, long pages)
{
	if (region_test.fail_charge || inject(INJECT_CHARGE))
		return -ENOMEM;

	vm_acct_memory(pages);
	return 0;
}

static inline bool may_expand_vm(struct mm_struct *mm, vm_flags_t flags,
				 unsigned long npages)
{
	if (inject(INJECT_LIMIT))
		return false;

	return !region_test.limit ||
	       mm->total_vm + npages <= region_test.limit;
}

static inline bool mlock_future_ok(struct mm_struct *mm, unsigned long flags,
				   unsigned long bytes)
{
	if (inject(INJECT_MLOCK))
		return false;

	return !(flags & VM_LOCKED) || !region_test.mlock_limit ||
	       mm->locked_vm + PHYS_PFN(bytes) <= region_test.mlock_limit;
}

/* A file that was made up to be mapped has no inode. */
static inline struct inode *file_inode(struct file *file)
{
	return (struct inode *)file->f_mapping;
}

static inline bool mmap_offset_ok(struct file *file, struct inode *inode,
				  unsigned long pgoff, unsigned long len)
{
	assert(inode);
	return !region_test.max_pgoff ||
	       pgoff + PHYS_PFN(len) <= region_test.max_pgoff;
}

static inline int memfd_check_seals_mmap(struct file *file,
					 unsigned long *flags)
{
	if (inject(INJECT_SEALS))
		return -EPERM;
	if (file != region_test.sealed || !(*flags & VM_SHARED))
		return 0;
	if (*flags & VM_WRITE)
		return -EPERM;

	*flags &= ~VM_MAYWRITE;
	return 0;
}

static inline void *test_kmalloc(size_t size, gfp_t gfp)
{
	void *memory;

	if (region_test.fail_kmalloc && !--region_test.fail_kmalloc)
		return NULL;
	if (inject(INJECT_KMALLOC))
		return NULL;

	memory = calloc(1, size);
	region_test.kmallocs += !!memory;
	return memory;
}

static inline void test_kfree(void *memory)
{
	region_test.kmallocs -= !!memory;
	free(memory);
}

/* Negative: sealed against writing. */
static inline int mapping_map_writable(struct address_space *mapping)
{
	if (atomic_read(&mapping->i_mmap_writable) < 0 ||
	    inject(INJECT_WRITABLE))
		return -EPERM;

	atomic_inc(&mapping->i_mmap_writable);
	return 0;
}

static inline void mapping_unmap_writable(struct address_space *mapping)
{
	atomic_dec(&mapping->i_mmap_writable);
}

void unlink_file_vma(struct vm_area_struct *vma);

/* There are no page tables, but files lose their mappings here. */
static inline void free_pgtables(struct mmu_gather *tlb, struct ma_state *mas,
				 struct vm_area_struct *vma,
				 unsigned long floor, unsigned long ceiling,
				 bool mm_wr_locked)
{
	do {
		unlink_file_vma(vma);
		vma = mas_find(mas, ceiling - 1);
	} while (vma);
}

static inline bool map_deny_write_exec(vm_flags_t old, vm_flags_t new)
{
	if (inject(INJECT_MDWE))
		return true;

	return region_test.deny_write_exec && (new & VM_EXEC) &&
	       ((new & VM_WRITE) || !(old & VM_EXEC));
}

static inline bool arch_validate_flags(vm_flags_t flags)
{
	return !(flags & region_test.arch_refused) && !inject(INJECT_ARCH);
}

static inline void perf_event_mmap(struct vm_area_struct *vma)
{
	region_test.perf_events++;
}

static inline struct vm_area_struct *vm_area_alloc(struct mm_struct *mm);
static inline struct vm_area_struct *vm_area_dup(struct vm_area_struct *vma);
static inline void __vm_area_free(struct vm_area_struct *vma);

static inline struct vm_area_struct *test_vm_area_alloc(struct mm_struct *mm)
{
	if (region_test.fail_vma_alloc || inject(INJECT_VMA))
		return NULL;

	region_test.vma_allocs++;
	region_test.vmas++;
	return vm_area_alloc(mm);
}

static inline struct vm_area_struct *test_vm_area_dup(struct vm_area_struct *vma)
{
	if (inject(INJECT_VMA_DUP))
		return NULL;

	region_test.vmas++;
	return vm_area_dup(vma);
}

static inline void test_vm_area_free(struct vm_area_struct *vma)
{
	region_test.vmas--;
	__vm_area_free(vma);
}

/* There are no huge pages and no KSM. */

static inline bool is_file_hugepages(struct file *file)
{
	return false;
}

static inline int shmem_zero_setup(struct vm_area_struct *vma)
{
	if (!region_test.shmem || inject(INJECT_SHMEM))
		return -ENOMEM;

	vma->vm_file = get_file(region_test.shmem);
	return 0;
}

static inline bool vma_supports_mlock(const struct vm_area_struct *vma)
{
	return !(vma->vm_flags & VM_SPECIAL);
}

static inline void ksm_add_vma(struct vm_area_struct *vma)
{
}

#endif /* _MMAP_REGION_H */
