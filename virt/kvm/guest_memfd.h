/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of guest_memfd share.
 *
 * Order of locks: kvm->slots_lock, invalidate_lock of the inode's mapping,
 * folio lock, bindings_lock, mmu_lock. A fault of the host takes invalidate_lock
 * below mmap_lock: memory of a user is never touched while it is held.
 */
#ifndef __KVM_GUEST_MEMFD_H__
#define __KVM_GUEST_MEMFD_H__

#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kvm_host.h>
#include <linux/mempolicy.h>
#include <linux/mutex.h>
#include <linux/pagemap.h>
#include <linux/xarray.h>

/**
 * struct kvm_gmem - what a VM sees of an inode; private_data of the file
 * @kvm: the VM; the file holds a reference to it
 * @bindings: the memory slot of each page that has one; changes under
 *	invalidate_lock and bindings_lock, both
 * @entry: on i_private_list of the inode's mapping; changes as @bindings does
 */
struct kvm_gmem {
	struct kvm *kvm;
	struct xarray bindings;
	struct list_head entry;
};

/**
 * struct kvm_gmem_inode - the memory
 * @policy: NUMA policy of each page
 * @bindings_lock: keeps the files and their bindings as they are for
 *	memory_failure(), which holds a folio lock and so cannot take
 *	invalidate_lock
 * @prepared: a folio has been prepared for the guest, since the creation
 * @flags: GUEST_MEMFD_FLAG_* of the creation
 * @vfs_inode: the inode
 */
struct kvm_gmem_inode {
	struct shared_policy policy;
	struct mutex bindings_lock;	/* nests in a folio lock */
	bool prepared;
	u64 flags;
	struct inode vfs_inode;
};

static inline struct kvm_gmem_inode *KVM_GMEM_I(struct inode *inode)
{
	return container_of(inode, struct kvm_gmem_inode, vfs_inode);
}

/* Keeps files and bindings of @inode as they are; nests in a folio lock. */
static inline void kvm_gmem_lock_bindings(struct inode *inode)
{
	mutex_lock(&KVM_GMEM_I(inode)->bindings_lock);
}

static inline void kvm_gmem_unlock_bindings(struct inode *inode)
{
	mutex_unlock(&KVM_GMEM_I(inode)->bindings_lock);
}

static inline pgoff_t kvm_gmem_index(const struct kvm_memory_slot *slot,
				     gfn_t gfn)
{
	return gfn - slot->base_gfn + slot->gmem.pgoff;
}

/* The page at @index of the file, which is in @folio. */
static inline struct page *kvm_gmem_folio_page(struct folio *folio,
					       pgoff_t index)
{
	return unlikely(folio_test_large(folio)) ?
	       folio_file_page(folio, index) : &folio->page;
}

/* guest_memfd.c */
extern const struct address_space_operations kvm_gmem_aops;
extern const struct inode_operations kvm_gmem_iops;
struct file *kvm_gmem_get_file(struct kvm_memory_slot *slot);
bool kvm_gmem_invalidate_begin(struct kvm_gmem *gmem, pgoff_t start,
			       pgoff_t end);
void kvm_gmem_invalidate_end(struct kvm_gmem *gmem, pgoff_t start,
			     pgoff_t end);

/* guest_memfd_inode.c */
int kvm_gmem_init_inodes(struct module *module);
void kvm_gmem_exit_inodes(void);
int __kvm_gmem_create(struct kvm *kvm, const struct file_operations *fops,
		      loff_t size, u64 flags);
struct folio *kvm_gmem_grab_folio(struct inode *inode, pgoff_t index);

/* guest_memfd_guest.c */
void kvm_gmem_zero_folio(struct folio *folio);

/*
 * Prepared for the guest, by the architecture, as private memory. The contents
 * of a folio are defined if it is up to date: that is another thing.
 */
static inline bool kvm_gmem_folio_prepared(struct folio *folio)
{
	return folio_test_checked(folio);
}

static inline void kvm_gmem_folio_set_prepared(struct folio *folio)
{
	struct kvm_gmem_inode *gmem = KVM_GMEM_I(folio->mapping->host);

	folio_set_checked(folio);
	if (!READ_ONCE(gmem->prepared))
		WRITE_ONCE(gmem->prepared, true);
}

static inline void kvm_gmem_folio_clear_prepared(struct folio *folio)
{
	folio_clear_checked(folio);
}

#endif /* __KVM_GUEST_MEMFD_H__ */
