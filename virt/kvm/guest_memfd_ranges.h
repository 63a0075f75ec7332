/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which pages of a guest_memfd are shared with the host.
 */
#ifndef __KVM_GUEST_MEMFD_RANGES_H__
#define __KVM_GUEST_MEMFD_RANGES_H__

#include <linux/maple_tree.h>
#include <linux/types.h>

struct inode;

/**
 * struct kvm_gmem_update - a change of state that is prepared
 * @tree: which pages are shared
 * @shared: the state to be
 * @changes: is there a page that is in the other state now?
 * @has_whole: are there blocks that are in that state as a whole, then?
 * @mas: where these are, and the memory to make one entry of them; without such,
 *	where the last block of the change is
 * @entry: the entry of the whole blocks
 * @nr_edges: how many blocks change and are partly in the other state then: the
 *	first, the last, both or none
 * @edges: these blocks, which are an entry each, and their shared pages
 */
struct kvm_gmem_update {
	struct maple_tree *tree;
	bool shared;
	bool changes;
	bool has_whole;
	struct ma_state mas;
	void *entry;
	unsigned int nr_edges;
	struct {
		unsigned long block;
		unsigned long pages;
	} edges[2];
};

void kvm_gmem_init_ranges(struct inode *inode);
void kvm_gmem_destroy_ranges(struct inode *inode);
bool kvm_gmem_is_shared(struct inode *inode, pgoff_t index);
bool kvm_gmem_range_is(struct inode *inode, pgoff_t start, pgoff_t end,
		       bool shared);
int kvm_gmem_prepare_state(struct kvm_gmem_update *update, struct inode *inode,
			   pgoff_t start, pgoff_t end, bool shared, gfp_t gfp);
void kvm_gmem_commit_state(struct kvm_gmem_update *update);
void kvm_gmem_cancel_state(struct kvm_gmem_update *update);
int kvm_gmem_set_state(struct inode *inode, pgoff_t start, pgoff_t end,
		       bool shared, gfp_t gfp);

#endif /* __KVM_GUEST_MEMFD_RANGES_H__ */
