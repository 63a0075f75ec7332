// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the guest gets of guest_memfd: pages for its faults, and the contents
 * that it starts with.
 *
 * Two things are known of a folio. It is up to date if its contents are
 * defined: zeroed, written by the host while it was shared, or populated. It is
 * prepared if the architecture has made it the guest's private memory, which
 * ends when the page is shared or freed. Either can be without the other.
 */
#include <linux/kvm_host.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "guest_memfd.h"
#include "kvm_mm.h"

/* Is the page private to the guest of @kvm, now? Under invalidate_lock. */
static bool kvm_gmem_guest_private(struct kvm *kvm, struct inode *inode,
				   pgoff_t index)
{
	return kvm_arch_has_private_mem(kvm);
}

/**
 * kvm_gmem_zero_folio() - define the contents of a folio that has none
 * @folio: the folio, locked
 *
 * Neither host nor guest shall see what was in the memory before.
 */
void kvm_gmem_zero_folio(struct folio *folio)
{
	long i;

	if (folio_test_uptodate(folio))
		return;

	for (i = 0; i < folio_nr_pages(folio); i++)
		clear_highpage(folio_page(folio, i));
	folio_mark_uptodate(folio);
}

static int kvm_gmem_prepare_folio(struct kvm *kvm, struct kvm_memory_slot *slot,
				  gfn_t gfn, struct folio *folio)
{
#ifdef CONFIG_HAVE_KVM_ARCH_GMEM_PREPARE
	int order = folio_order(folio);
	kvm_pfn_t pfn = folio_pfn(folio);
	int r;

	/*
	 * A folio can be mapped as a whole if the slot begins at a multiple of
	 * its size.
	 */
	WARN_ON_ONCE(!IS_ALIGNED(slot->gmem.pgoff, 1 << order));
	gfn = ALIGN_DOWN(gfn, 1 << order);

	r = kvm_arch_gmem_prepare(kvm, gfn, pfn, order);
	if (r) {
		pr_warn_ratelimited("gmem: Failed to prepare GFN %llx, PFN %llx: error %d.\n",
				    gfn, pfn, r);
		return r;
	}
#endif
	kvm_gmem_folio_set_prepared(folio);
	return 0;
}

/*
 * Returns the folio of a page of @slot, locked and with a reference. The file
 * has a reference, and invalidate_lock is held.
 */
static struct folio *kvm_gmem_get_slot_folio(struct file *file,
					     struct kvm_memory_slot *slot,
					     pgoff_t index)
{
	struct file *slot_file = READ_ONCE(slot->gmem.file);
	struct kvm_gmem *gmem = file->private_data;
	struct folio *folio;
	void *bound;

	if (file != slot_file) {
		WARN_ON_ONCE(slot_file);
		return ERR_PTR(-EFAULT);
	}

	bound = xa_load(&gmem->bindings, index);
	if (bound != slot) {
		WARN_ON_ONCE(bound);
		return ERR_PTR(-EIO);
	}

	folio = kvm_gmem_grab_folio(file_inode(file), index);
	if (!IS_ERR(folio) && folio_test_hwpoison(folio)) {
		folio_unlock(folio);
		folio_put(folio);
		return ERR_PTR(-EHWPOISON);
	}

	return folio;
}

/**
 * kvm_gmem_get_pfn() - the page that a guest's fault maps
 * @kvm: the VM
 * @slot: the memory slot, which is bound to a file
 * @gfn: the guest frame number, in @slot
 * @pfn: gets the page frame number
 * @max_order: gets the largest order that can be mapped, if it is not NULL
 *
 * If the page is private it is prepared for the guest: under invalidate_lock,
 * so that it cannot become shared in between. If it has become the other since
 * the fault began, mmu_invalidate_seq has changed, and the caller finds out
 * before it maps the page.
 *
 * Context: process; kvm->srcu or kvm->slots_lock is held.
 * Return: 0, and a reference to the page; -EFAULT if the file is closed;
 *	-EHWPOISON if the page is poisoned; -ENOMEM; -EIO if the slot is not
 *	bound there; what the architecture says of the page.
 */
int kvm_gmem_get_pfn(struct kvm *kvm, struct kvm_memory_slot *slot,
		     gfn_t gfn, kvm_pfn_t *pfn, int *max_order)
{
	pgoff_t index = kvm_gmem_index(slot, gfn);
	struct address_space *mapping;
	struct folio *folio;
	struct file *file;
	bool private;
	int r = 0;

	file = kvm_gmem_get_file(slot);
	if (!file)
		return -EFAULT;

	mapping = file->f_mapping;
	filemap_invalidate_lock_shared(mapping);

	folio = kvm_gmem_get_slot_folio(file, slot, index);
	if (IS_ERR(folio)) {
		r = PTR_ERR(folio);
		goto unlock;
	}

	kvm_gmem_zero_folio(folio);
	private = kvm_gmem_guest_private(kvm, file_inode(file), index);
	if (private && !kvm_gmem_folio_prepared(folio))
		r = kvm_gmem_prepare_folio(kvm, slot, gfn, folio);

	folio_unlock(folio);
	if (r) {
		folio_put(folio);
		goto unlock;
	}

	*pfn = page_to_pfn(kvm_gmem_folio_page(folio, index));
	if (max_order)
		*max_order = 0;
unlock:
	filemap_invalidate_unlock_shared(mapping);
	fput(file);
	return r;
}
EXPORT_SYMBOL_GPL(kvm_gmem_get_pfn);

#ifdef CONFIG_KVM_GENERIC_PRIVATE_MEM
/*
 * Hands one page to @populate, with what it is to contain, if anything, in
 * kernel memory.
 */
static int kvm_gmem_populate_page(struct kvm *kvm, struct file *file,
				  struct kvm_memory_slot *slot, gfn_t gfn,
				  void *contents, bool *changed,
				  kvm_gmem_populate_cb populate, void *opaque)
{
	struct address_space *mapping = file->f_mapping;
	pgoff_t index = kvm_gmem_index(slot, gfn);
	struct folio *folio;
	int r;

	filemap_invalidate_lock(mapping);

	/*
	 * The state first: a page that the guest may not have as private is
	 * not allocated.
	 */
	if (!kvm_mem_is_private(kvm, gfn)) {
		r = -EINVAL;
		goto unlock;
	}

	folio = kvm_gmem_get_slot_folio(file, slot, index);
	if (IS_ERR(folio)) {
		r = PTR_ERR(folio);
		goto unlock;
	}

	/* Nobody can fault it in, and nobody else has it: not locked below. */
	folio_unlock(folio);
	if (kvm_gmem_folio_prepared(folio)) {
		r = -EEXIST;
		goto put;
	}

	r = populate(kvm, gfn, page_to_pfn(kvm_gmem_folio_page(folio, index)),
		     contents, changed, 0, opaque);
	if (!r) {
		kvm_gmem_folio_set_prepared(folio);
		folio_mark_uptodate(folio);
	}
put:
	folio_put(folio);
unlock:
	filemap_invalidate_unlock(mapping);
	return r;
}

/**
 * kvm_gmem_populate() - give the guest memory with contents to start with
 * @kvm: the VM
 * @start_gfn: the first guest frame number
 * @src: what the memory is to contain, page by page; NULL for nothing
 * @npages: how many pages; less if the memory slot ends before
 * @populate: called for each page, with the page frame number, and with a copy
 *	of the page of @src in kernel memory. If it fails, and says that it has
 *	changed the copy, that is written back to @src
 * @opaque: for @populate
 *
 * The copy is made before invalidate_lock is taken: @src may be a mapping of
 * the same file, whose fault takes the lock.
 *
 * Context: process; kvm->slots_lock is held.
 * Return: how many pages were populated, if any; otherwise -EINVAL if @npages
 *	is negative, the slot has no file or the page is not private; -EFAULT if
 *	the file is closed or @src cannot be read; -EEXIST if the page is the
 *	guest's already; -EINTR; -ENOMEM; -EHWPOISON; what @populate returned.
 */
long kvm_gmem_populate(struct kvm *kvm, gfn_t start_gfn, void __user *src,
		       long npages, kvm_gmem_populate_cb populate, void *opaque)
{
	struct kvm_memory_slot *slot;
	void *contents = NULL;
	struct file *file;
	int r = 0;
	long i;

	lockdep_assert_held(&kvm->slots_lock);
	if (npages < 0)
		return -EINVAL;

	slot = gfn_to_memslot(kvm, start_gfn);
	if (!kvm_slot_can_be_private(slot))
		return -EINVAL;

	file = kvm_gmem_get_file(slot);
	if (!file)
		return -EFAULT;

	if (src) {
		contents = (void *)__get_free_page(GFP_KERNEL_ACCOUNT);
		if (!contents) {
			r = -ENOMEM;
			goto put_file;
		}
	}

	npages = min_t(ulong, slot->npages - (start_gfn - slot->base_gfn),
		       npages);
	for (i = 0; i < npages; i++) {
		void __user *from = src ? src + i * PAGE_SIZE : NULL;
		bool changed = false;

		if (signal_pending(current)) {
			r = -EINTR;
			break;
		}

		if (src && copy_from_user(contents, from, PAGE_SIZE)) {
			r = -EFAULT;
			break;
		}

		r = kvm_gmem_populate_page(kvm, file, slot, start_gfn + i,
					   contents, &changed, populate,
					   opaque);
		if (r) {
			/* It tells the caller what was wrong with it. */
			if (src && changed &&
			    copy_to_user(from, contents, PAGE_SIZE))
				pr_debug("Failed to write a page back\n");
			break;
		}
		cond_resched();
	}

	free_page((unsigned long)contents);
put_file:
	fput(file);
	return r && !i ? r : i;
}
EXPORT_SYMBOL_GPL(kvm_gmem_populate);
#endif /* CONFIG_KVM_GENERIC_PRIVATE_MEM */
