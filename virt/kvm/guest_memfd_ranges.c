// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which pages of a guest_memfd are shared with the host.
 *
 * Each inode has a maple tree of blocks of 32 pages, which are a bit each: set
 * if the page is shared. Adjacent blocks that are shared as a whole are one
 * entry, those that are private as a whole are none, so that the tree grows with
 * the number of changes between the two states, and less if these are close to
 * each other. Most pages that are converted one by one change a bit of a block
 * that is an entry already: that takes no memory.
 *
 * Writers hold invalidate_lock exclusively. Readers below mmu_lock hold nothing:
 * the tree is made for RCU. What they have read may be old; a change of state
 * invalidates the guest's mappings, and mmu_invalidate_seq tells.
 */
#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/maple_tree.h>

#include "guest_memfd.h"

#define KVM_GMEM_BLOCK_SHIFT	5
#define KVM_GMEM_BLOCK_PAGES	BIT(KVM_GMEM_BLOCK_SHIFT)
#define KVM_GMEM_BLOCK_SHARED	GENMASK(KVM_GMEM_BLOCK_PAGES - 1, 0)

static unsigned long kvm_gmem_block(pgoff_t index)
{
	return index >> KVM_GMEM_BLOCK_SHIFT;
}

static pgoff_t kvm_gmem_block_start(unsigned long block)
{
	return block << KVM_GMEM_BLOCK_SHIFT;
}

/* Those pages of a block that are in a range; some are. */
static unsigned long kvm_gmem_block_mask(unsigned long block, pgoff_t start,
					 pgoff_t end)
{
	pgoff_t first = kvm_gmem_block_start(block);
	unsigned int low = start > first ? start - first : 0;
	unsigned int high = min(end - first, KVM_GMEM_BLOCK_PAGES) - 1;

	return GENMASK(high, low);
}

/* The shared pages of a block, of which @entry was found; NULL is none. */
static unsigned long kvm_gmem_entry_pages(void *entry)
{
	return entry ? xa_to_value(entry) : 0;
}

/**
 * kvm_gmem_init_ranges() - a new inode: no page is shared
 * @inode: the inode
 */
void kvm_gmem_init_ranges(struct inode *inode)
{
	struct maple_tree *shared = &KVM_GMEM_I(inode)->shared;

	BUILD_BUG_ON(KVM_GMEM_BLOCK_PAGES > BITS_PER_XA_VALUE);
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
	void *entry = mtree_load(&KVM_GMEM_I(inode)->shared,
				 kvm_gmem_block(index));

	return kvm_gmem_entry_pages(entry) &
	       BIT(index % KVM_GMEM_BLOCK_PAGES);
}

/**
 * kvm_gmem_range_is() - are all pages of a range in one state?
 * @inode: the inode
 * @start: index of the first page
 * @end: index behind the last page, which is not the first
 * @shared: the state
 *
 * Context: invalidate_lock is held.
 * Return: true if they are.
 */
bool kvm_gmem_range_is(struct inode *inode, pgoff_t start, pgoff_t end,
		       bool shared)
{
	MA_STATE(mas, &KVM_GMEM_I(inode)->shared, kvm_gmem_block(start),
		 kvm_gmem_block(start));
	unsigned long next = mas.index, last = kvm_gmem_block(end - 1);
	void *entry;

	mas_for_each(&mas, entry, last) {
		unsigned long mask = KVM_GMEM_BLOCK_SHARED;

		/* An entry of several blocks is the same in each of them. */
		if (mas.index == mas.last)
			mask = kvm_gmem_block_mask(mas.index, start, end);
		if ((xa_to_value(entry) & mask) != (shared ? mask : 0))
			return false;
		if (shared && mas.index > next)
			return false;
		next = mas.last + 1;
	}

	return !shared || next > last;
}

/*
 * The first or the last block of a change, if part of it is to be shared and part
 * private then, becomes an entry of its own, which means what it meant before.
 * A block that is not part of that belongs to @whole.
 */
static int kvm_gmem_prepare_edge(struct kvm_gmem_update *update,
				 unsigned long block, unsigned long mask,
				 gfp_t gfp, bool *whole)
{
	struct ma_state *mas = &update->mas;
	unsigned long old, new;
	int r;

	mas_init(mas, update->tree, block);
	old = kvm_gmem_entry_pages(mas_walk(mas));
	new = update->shared ? old | mask : old & ~mask;
	*whole = new == (update->shared ? KVM_GMEM_BLOCK_SHARED : 0);
	if (new == old)
		return 0;

	update->changes = true;
	if (*whole)
		return 0;

	if (mas->index != mas->last) {
		mas_set(mas, block);
		/* mas_store_gfp() would not stop trying. */
		r = mas_preallocate(mas, xa_mk_value(old), gfp);
		if (r)
			return r;
		mas_store_prealloc(mas, xa_mk_value(old));
		mas_set(mas, block);
	}

	update->edges[update->nr_edges].block = block;
	update->edges[update->nr_edges].pages = new;
	update->nr_edges++;
	return 0;
}

/* Is @entry what whole blocks are after the change? Then they are merged. */
static bool kvm_gmem_is_whole(const struct kvm_gmem_update *update, void *entry)
{
	return entry && xa_to_value(entry) ==
	       (update->shared ? KVM_GMEM_BLOCK_SHARED : 0);
}

/*
 * Whole blocks from @first to @last: prepare to make one entry of them, or none.
 * An edge is not merged: it is not whole after the change, nor was it before.
 */
static int kvm_gmem_prepare_whole(struct kvm_gmem_update *update,
				  unsigned long first, unsigned long last,
				  gfp_t gfp)
{
	struct ma_state *mas = &update->mas;
	int r;

	mas_init(mas, update->tree, first);
	while (first) {
		mas_set(mas, first - 1);
		if (!kvm_gmem_is_whole(update, mas_walk(mas)))
			break;
		first = mas->index;
	}
	for (;;) {
		mas_set(mas, last + 1);
		if (!kvm_gmem_is_whole(update, mas_walk(mas)))
			break;
		last = mas->last;
	}

	mas_set_range(mas, first, last);
	update->entry = update->shared ? xa_mk_value(KVM_GMEM_BLOCK_SHARED) :
					 NULL;
	r = mas_preallocate(mas, update->entry, gfp);
	update->has_whole = !r;
	return r;
}

/**
 * kvm_gmem_prepare_state() - allocate what kvm_gmem_commit_state() needs
 * @update: gets what that is to do; nothing, if it does not say that something
 *	changes
 * @inode: the inode
 * @start: index of the first page
 * @end: index behind the last page, which is not the first
 * @shared: the state to be
 * @gfp: how to allocate; with __GFP_NOFAIL it cannot fail
 *
 * No page changes its state, though the tree may have more entries afterwards.
 *
 * Context: process; invalidate_lock is held exclusively, until
 *	kvm_gmem_commit_state() or kvm_gmem_cancel_state().
 * Return: 0, or -ENOMEM.
 */
int kvm_gmem_prepare_state(struct kvm_gmem_update *update, struct inode *inode,
			   pgoff_t start, pgoff_t end, bool shared, gfp_t gfp)
{
	unsigned long first = kvm_gmem_block(start);
	unsigned long last = kvm_gmem_block(end - 1);
	bool whole_first, whole_last = true;
	int r;

	update->tree = &KVM_GMEM_I(inode)->shared;
	update->shared = shared;
	update->changes = first != last &&
			  !kvm_gmem_range_is(inode, start, end, shared);
	update->has_whole = false;
	update->nr_edges = 0;
	if (first != last && !update->changes)
		return 0;

	r = kvm_gmem_prepare_edge(update, first,
				  kvm_gmem_block_mask(first, start, end), gfp,
				  &whole_first);
	if (!r && last != first)
		r = kvm_gmem_prepare_edge(update, last,
					  kvm_gmem_block_mask(last, start, end),
					  gfp, &whole_last);
	if (r || !update->changes)
		return r;

	/* @last may be 0: compared first, and changed only if it is not. */
	if (!whole_first)
		first++;
	if (first > last || (first == last && !whole_last))
		return 0;
	if (!whole_last)
		last--;
	return kvm_gmem_prepare_whole(update, first, last, gfp);
}

/**
 * kvm_gmem_commit_state() - change the state; cannot fail
 * @update: as kvm_gmem_prepare_state() has left it
 *
 * Context: as kvm_gmem_prepare_state().
 */
void kvm_gmem_commit_state(struct kvm_gmem_update *update)
{
	struct ma_state *mas = &update->mas;
	unsigned int i;

	/* Leaves the entries of the edges as they are. */
	if (update->has_whole)
		mas_store_prealloc(mas, update->entry);

	for (i = 0; i < update->nr_edges; i++) {
		unsigned long block = update->edges[i].block;

		/* It is there still if nothing else was done since. */
		if (update->has_whole || mas->index != block || i)
			mas_init(mas, update->tree, block);
		/* In place of an entry that spans the same: nothing to allocate. */
		mas_store(mas, xa_mk_value(update->edges[i].pages));
	}
}

/**
 * kvm_gmem_cancel_state() - free what kvm_gmem_prepare_state() has allocated
 * @update: as that has left it
 */
void kvm_gmem_cancel_state(struct kvm_gmem_update *update)
{
	if (update->has_whole)
		mas_destroy(&update->mas);
}

/**
 * kvm_gmem_set_state() - change the state
 * @inode: the inode
 * @start: index of the first page
 * @end: index behind the last page, which is not the first
 * @shared: the state to be
 * @gfp: how to allocate; with __GFP_NOFAIL it cannot fail
 *
 * Context: process; invalidate_lock is held exclusively.
 * Return: 0, or -ENOMEM: then no page has changed its state.
 */
int kvm_gmem_set_state(struct inode *inode, pgoff_t start, pgoff_t end,
		       bool shared, gfp_t gfp)
{
	struct kvm_gmem_update update;
	int r;

	r = kvm_gmem_prepare_state(&update, inode, start, end, shared, gfp);
	if (!r && update.changes)
		kvm_gmem_commit_state(&update);
	return r;
}
