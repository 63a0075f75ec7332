// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which pages of a guest_memfd are shared with the host.
 *
 * Each inode has a maple tree of the ranges that are shared; what is not in it
 * is private. Adjacent ranges are merged, so that the tree is as large as the
 * number of changes between the two states, whatever has led to it.
 *
 * Writers hold invalidate_lock exclusively. Readers below mmu_lock hold nothing:
 * the tree is made for RCU. What they have read may be old; a change of state
 * invalidates the guest's mappings, and mmu_invalidate_seq tells.
 */
#include <linux/kvm_host.h>
#include <linux/maple_tree.h>

#include "guest_memfd.h"

#define KVM_GMEM_SHARED		xa_mk_value(1)

/**
 * kvm_gmem_init_ranges() - a new inode: no page is shared
 * @inode: the inode
 */
void kvm_gmem_init_ranges(struct inode *inode)
{
	struct maple_tree *shared = &KVM_GMEM_I(inode)->shared;

	mt_init_flags(shared, MT_FLAGS_LOCK_EXTERN | MT_FLAGS_USE_RCU);
	mt_set_external_lock(shared, &inode->i_data.invalidate_lock);
}

/**
 * kvm_gmem_destroy_ranges() - free what kvm_gmem_init_ranges() began
 * @inode: the inode, which nobody can find any more but under RCU
 */
void kvm_gmem_destroy_ranges(struct inode *inode)
{
	/* For lockdep alone. */
	filemap_invalidate_lock(inode->i_mapping);
	__mt_destroy(&KVM_GMEM_I(inode)->shared);
	filemap_invalidate_unlock(inode->i_mapping);
}

/**
 * kvm_gmem_is_shared() - is a page shared?
 * @inode: the inode
 * @index: of the page, in pages
 *
 * Context: any. The answer lasts for as long as invalidate_lock is held.
 * Return: true if the page is shared, false if it is private.
 */
bool kvm_gmem_is_shared(struct inode *inode, pgoff_t index)
{
	return mtree_load(&KVM_GMEM_I(inode)->shared, index);
}

/**
 * kvm_gmem_slot_is_private() - is the page of a memory slot private?
 * @slot: a slot whose guest faults all come from the file
 * @gfn: guest frame number, in @slot
 *
 * Context: kvm->srcu or kvm->slots_lock is held, mmu_lock may be.
 * Return: true if it is private, and if the file is closed: then the fault
 *	fails when it asks for the page.
 */
bool kvm_gmem_slot_is_private(const struct kvm_memory_slot *slot, gfn_t gfn)
{
	struct inode *inode;

	/*
	 * kvm_gmem_release() takes the inode from the slot before it is
	 * evicted, and it is freed after a grace period.
	 */
	guard(rcu)();
	inode = READ_ONCE(slot->gmem.inode);
	return !inode || !kvm_gmem_is_shared(inode, kvm_gmem_index(slot, gfn));
}
EXPORT_SYMBOL_GPL(kvm_gmem_slot_is_private);

/**
 * kvm_gmem_range_is() - are all pages of a range in one state?
 * @inode: the inode
 * @start: index of the first page
 * @end: index behind the last page
 * @shared: the state
 *
 * Context: invalidate_lock is held.
 * Return: true if they are.
 */
bool kvm_gmem_range_is(struct inode *inode, pgoff_t start, pgoff_t end,
		       bool shared)
{
	MA_STATE(mas, &KVM_GMEM_I(inode)->shared, start, start);

	if (!shared)
		return !mas_find(&mas, end - 1);

	/* Ranges that touch are one. */
	return mas_walk(&mas) && mas.last >= end - 1;
}

/* Make @mas span the range, and the shared ones that it is to be merged with. */
static void kvm_gmem_span(struct ma_state *mas, struct inode *inode,
			  pgoff_t start, pgoff_t end, bool shared)
{
	pgoff_t first = start, last = end - 1;

	mas_init(mas, &KVM_GMEM_I(inode)->shared, start);
	if (shared && start) {
		mas_set(mas, start - 1);
		if (mas_walk(mas))
			first = mas->index;
	}
	if (shared) {
		mas_set(mas, end);
		if (mas_walk(mas))
			last = mas->last;
	}
	mas_set_range(mas, first, last);
}

/**
 * kvm_gmem_prepare_state() - allocate what kvm_gmem_commit_state() needs
 * @mas: gets the place and the memory
 * @inode: the inode
 * @start: index of the first page
 * @end: index behind the last page
 * @shared: the state to be
 *
 * Context: process; invalidate_lock is held exclusively, until
 *	kvm_gmem_commit_state() or kvm_gmem_cancel_state().
 * Return: 0, or -ENOMEM.
 */
int kvm_gmem_prepare_state(struct ma_state *mas, struct inode *inode,
			   pgoff_t start, pgoff_t end, bool shared)
{
	kvm_gmem_span(mas, inode, start, end, shared);
	return mas_preallocate(mas, shared ? KVM_GMEM_SHARED : NULL,
			       GFP_KERNEL_ACCOUNT);
}

/**
 * kvm_gmem_commit_state() - change the state; cannot fail
 * @mas: as kvm_gmem_prepare_state() has left it
 * @shared: the same as there
 */
void kvm_gmem_commit_state(struct ma_state *mas, bool shared)
{
	mas_store_prealloc(mas, shared ? KVM_GMEM_SHARED : NULL);
}

/**
 * kvm_gmem_cancel_state() - free what kvm_gmem_prepare_state() has allocated
 * @mas: as that has left it
 */
void kvm_gmem_cancel_state(struct ma_state *mas)
{
	mas_destroy(mas);
}

/**
 * kvm_gmem_set_state() - change the state
 * @inode: the inode
 * @start: index of the first page
 * @end: index behind the last page
 * @shared: the state to be
 * @gfp: how to allocate; with __GFP_NOFAIL it cannot fail
 *
 * Context: process; invalidate_lock is held exclusively.
 * Return: 0, or -ENOMEM.
 */
int kvm_gmem_set_state(struct inode *inode, pgoff_t start, pgoff_t end,
		       bool shared, gfp_t gfp)
{
	struct ma_state mas;

	kvm_gmem_span(&mas, inode, start, end, shared);
	return mas_store_gfp(&mas, shared ? KVM_GMEM_SHARED : NULL, gfp);
}
