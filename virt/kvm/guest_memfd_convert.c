// SPDX-License-Identifier: GPL-2.0-only
/*
 * Conversion of guest_memfd: pages become private, or shared, in place.
 *
 * A change is prepared, which can fail and changes nothing; then it is
 * committed, which cannot. Both are done under invalidate_lock, so that no fault
 * of the host or of the guest finds a page meanwhile, and no page comes into the
 * file or leaves it.
 *
 * What is to become private is unmapped from every process first. Whoever has a
 * reference to a page after that can read it for as long as he likes: then the
 * conversion fails. Fast GUP looks at the page table again after it has taken its
 * reference, slow GUP takes it under the lock of the page table: either sees
 * that the page is unmapped, or is seen here.
 *
 * Contents are left as they are, in either direction.
 */
#include <linux/delay.h>
#include <linux/kvm_host.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/swap.h>
#include <linux/uaccess.h>

#include "guest_memfd.h"
#include "kvm_mm.h"

/*
 * References that go by themselves are waited for: each time twice as long, 25
 * milliseconds in all.
 */
#define KVM_GMEM_FIRST_WAIT_US	100
#define KVM_GMEM_WAITS		8

/* Walks over folios that take longer than this many let others run. */
#define KVM_GMEM_RESCHED	1024

/*
 * A change of state of the pages from @start to @end of @inode. After a failure
 * @culprit is the page that is to blame, or @start. Without @later the memory
 * that it needs is allocated beforehand: nothing else changes the tree meanwhile.
 */
struct kvm_gmem_change {
	struct inode *inode;
	pgoff_t start;
	pgoff_t end;
	bool shared;
	bool later;
	bool pending;
	pgoff_t culprit;
	struct kvm_gmem_update update;
};

/* Let others run in the middle of a walk under RCU. */
static void kvm_gmem_pause_walk(struct xa_state *xas)
{
	xas_pause(xas);
	rcu_read_unlock();
	cond_resched();
	rcu_read_lock();
}

/*
 * Look for the first folio from *@start on that is shared, and poisoned
 * (-EHWPOISON) or that someone has a reference to (-EAGAIN; @user gets it, with a
 * reference). *@start is where it was found.
 */
static int kvm_gmem_find_user(struct inode *inode, pgoff_t *start, pgoff_t end,
			      struct folio **user)
{
	XA_STATE(xas, &inode->i_mapping->i_pages, *start);
	const pgoff_t last = end - 1;
	unsigned int walked = 0;
	struct folio *folio;
	int r = 0;

	rcu_read_lock();
	xas_for_each(&xas, folio, last) {
		if (xas_retry(&xas, folio))
			continue;

		if (folio_test_hwpoison(folio))
			r = -EHWPOISON;
		else if (folio_ref_count(folio) != folio_nr_pages(folio))
			r = -EAGAIN;

		/* What is private already is the guest's, who may use it. */
		if (r && !kvm_gmem_is_shared(inode, xas.xa_index))
			r = 0;

		if (r) {
			*start = max(*start, folio->index);
			if (r == -EAGAIN) {
				folio_get(folio);
				*user = folio;
			}
			break;
		}

		/* Often there is but one page. */
		if (xas.xa_index == last)
			break;
		if (!(++walked % KVM_GMEM_RESCHED))
			kvm_gmem_pause_walk(&xas);
	}
	rcu_read_unlock();

	return r;
}

/*
 * Take what is to become private from every process. The pages before start stay
 * taken while invalidate_lock is held: a fault that had found one of them would
 * have had a reference to it.
 *
 * It is unmapped before each look, whether anybody has a reference or not: what
 * KVM remembers of a mapping without a reference (struct gfn_to_pfn_cache) is
 * told of that, and may have been busy to look it up the last time.
 */
static int kvm_gmem_revoke(struct kvm_gmem_change *change)
{
	bool drained = false, waited = false;
	struct inode *inode = change->inode;
	pgoff_t start = change->start;
	pgoff_t last = start;
	struct folio *user;
	int r;

	for (;;) {
		unmap_mapping_pages(inode->i_mapping, start,
				    change->end - start, false);
		/* Against fast GUP: page tables first, then references. */
		smp_mb();

		r = kvm_gmem_find_user(inode, &start, change->end, &user);
		if (r)
			change->culprit = start;
		if (r != -EAGAIN)
			return r;

		if (start != last)
			waited = false;
		last = start;

		if (!drained) {
			/* New and munlocked folios wait in batches. */
			lru_add_drain();
			drained = true;
		} else if (!waited && !folio_lock_killable(user)) {
			/* A fault of the host has just mapped it, maybe. */
			folio_unlock(user);
			waited = true;
		} else {
			folio_put(user);
			return r;
		}
		folio_put(user);
	}
}

/**
 * kvm_gmem_unprepare() - folios of a range are not the guest's any more
 * @inode: the inode
 * @start: index of the first page
 * @end: index behind the last page
 *
 * Context: process; invalidate_lock is held exclusively, and the guest has none
 *	of the pages mapped.
 */
void kvm_gmem_unprepare(struct inode *inode, pgoff_t start, pgoff_t end)
{
	XA_STATE(xas, &inode->i_mapping->i_pages, start);
	unsigned int walked = 0;
	struct folio *folio;

	/* Whoever prepares a folio holds invalidate_lock. */
	if (!KVM_GMEM_I(inode)->prepared)
		return;

	rcu_read_lock();
	xas_for_each(&xas, folio, end - 1) {
		if (xas_retry(&xas, folio))
			continue;

		if (kvm_gmem_folio_prepared(folio)) {
#ifdef CONFIG_HAVE_KVM_ARCH_GMEM_INVALIDATE
			kvm_pfn_t pfn = folio_pfn(folio);

			/* May sleep; the folio stays in the file. */
			xas_pause(&xas);
			rcu_read_unlock();
			kvm_arch_gmem_invalidate(pfn,
						 pfn + folio_nr_pages(folio));
			rcu_read_lock();
#endif
			kvm_gmem_folio_clear_prepared(folio);
		}

		if (!(++walked % KVM_GMEM_RESCHED))
			kvm_gmem_pause_walk(&xas);
	}
	rcu_read_unlock();
}

static void kvm_gmem_cancel_change(struct kvm_gmem_change *change)
{
	if (!change->later)
		kvm_gmem_cancel_state(&change->update);
	change->pending = false;
}

/*
 * Make sure that @change can be committed. Changes nothing, but that pages may
 * have been unmapped from processes, which fault them in again.
 */
static int kvm_gmem_prepare_change(struct kvm_gmem_change *change)
{
	int r = 0;

	change->culprit = change->start;
	change->pending = false;
	if (change->later) {
		if (kvm_gmem_range_is(change->inode, change->start, change->end,
				      change->shared))
			return 0;
	} else {
		r = kvm_gmem_prepare_state(&change->update, change->inode,
					   change->start, change->end,
					   change->shared, GFP_KERNEL_ACCOUNT);
		if (r || !change->update.changes)
			return r;
	}

	if (!change->shared)
		r = kvm_gmem_revoke(change);
	if (r)
		kvm_gmem_cancel_change(change);
	else
		change->pending = true;
	return r;
}

/* The guest's mappings are gone, and do not come back before this is done. */
static void kvm_gmem_commit_change(struct kvm_gmem_change *change)
{
	if (!change->pending)
		return;

	if (change->shared)
		kvm_gmem_unprepare(change->inode, change->start, change->end);

	if (change->later)
		kvm_gmem_set_state(change->inode, change->start, change->end,
				   change->shared,
				   GFP_KERNEL_ACCOUNT | __GFP_NOFAIL);
	else
		kvm_gmem_commit_state(&change->update);
	change->pending = false;
}

/*
 * Somebody has a reference: wait for a while, without locks, so that he can let
 * it go. False if it was long enough.
 */
static bool kvm_gmem_wait_for_users(unsigned int waits)
{
	if (waits == KVM_GMEM_WAITS || fatal_signal_pending(current))
		return false;

	/* Batches of other processors. */
	if (!waits)
		lru_add_drain_all();
	fsleep(KVM_GMEM_FIRST_WAIT_US << waits);
	return true;
}

/* Whoever is being killed did not wait until the end. */
static int kvm_gmem_why(int r)
{
	return r == -EAGAIN && fatal_signal_pending(current) ? -EINTR : r;
}

/* ---- on the file ---- */

/* The bindings do not change meanwhile: one look at them is enough. */
static void kvm_gmem_begin_invalidation(const struct kvm_gmem_change *change)
{
	struct kvm_gmem *gmem;

	list_for_each_entry(gmem, &change->inode->i_mapping->i_private_list,
			    entry)
		gmem->invalidating = kvm_gmem_invalidate_begin(gmem,
							       change->start,
							       change->end);
}

static void kvm_gmem_end_invalidation(const struct kvm_gmem_change *change)
{
	struct kvm_gmem *gmem;

	list_for_each_entry(gmem, &change->inode->i_mapping->i_private_list,
			    entry) {
		if (!gmem->invalidating)
			continue;
		KVM_MMU_LOCK(gmem->kvm);
		kvm_mmu_invalidate_end(gmem->kvm);
		KVM_MMU_UNLOCK(gmem->kvm);
		gmem->invalidating = false;
	}
}

static int kvm_gmem_convert(struct kvm_gmem_change *change)
{
	struct address_space *mapping = change->inode->i_mapping;
	unsigned int waits = 0;
	int r;

	do {
		filemap_invalidate_lock(mapping);
		r = kvm_gmem_prepare_change(change);
		if (!r && change->pending) {
			kvm_gmem_begin_invalidation(change);
			kvm_gmem_commit_change(change);
			kvm_gmem_end_invalidation(change);
		}
		filemap_invalidate_unlock(mapping);
	} while (r == -EAGAIN && kvm_gmem_wait_for_users(waits++));

	return kvm_gmem_why(r);
}

/**
 * kvm_gmem_supported_attributes() - what KVM_SET_MEMORY_ATTRIBUTES2 can set
 * @kvm: the VM, or NULL for what any VM can
 *
 * Return: a mask of KVM_MEMORY_ATTRIBUTE_*.
 */
u64 kvm_gmem_supported_attributes(struct kvm *kvm)
{
	if (!IS_ENABLED(CONFIG_KVM_GENERIC_MEMORY_ATTRIBUTES) ||
	    !(kvm_gmem_supported_flags(kvm) & GUEST_MEMFD_FLAG_MMAP) ||
	    (kvm && !kvm_arch_has_private_mem(kvm)))
		return 0;

	return KVM_MEMORY_ATTRIBUTE_PRIVATE;
}

/*
 * What KVM_SET_MEMORY_ATTRIBUTES2 is given. @unknown has the bits of all that
 * is to be 0; @error_offset is what is given back.
 */
struct kvm_gmem_arguments {
	u64 offset;
	u64 size;
	u64 attributes;
	u64 unknown;
	u64 error_offset;
};

/* Word by word, each once: most of the structure is reserved. */
static int kvm_gmem_get_arguments(struct kvm_gmem_arguments *args,
				  struct kvm_memory_attributes2 __user *user)
{
	u64 word;
	int i;

	if (!user_read_access_begin(user, sizeof(*user)))
		return -EFAULT;

	unsafe_get_user(args->offset, &user->offset, fault);
	unsafe_get_user(args->size, &user->size, fault);
	unsafe_get_user(args->attributes, &user->attributes, fault);
	unsafe_get_user(args->unknown, &user->flags, fault);
	for (i = 0; i < ARRAY_SIZE(user->reserved); i++) {
		unsafe_get_user(word, &user->reserved[i], fault);
		args->unknown |= word;
	}

	user_read_access_end();
	return 0;

fault:
	user_read_access_end();
	return -EFAULT;
}

static bool kvm_gmem_valid_arguments(struct kvm *kvm, struct inode *inode,
				     const struct kvm_gmem_arguments *args)
{
	u64 end;

	return !args->unknown &&
	       !(args->attributes & ~kvm_gmem_supported_attributes(kvm)) &&
	       args->size &&
	       PAGE_ALIGNED(args->offset) && PAGE_ALIGNED(args->size) &&
	       !check_add_overflow(args->offset, args->size, &end) &&
	       end <= i_size_read(inode);
}

static int kvm_gmem_set_attributes(struct file *file,
				   struct kvm_gmem_arguments *args)
{
	struct kvm_gmem *gmem = file->private_data;
	struct inode *inode = file_inode(file);
	struct kvm_gmem_change change = { .inode = inode };
	struct kvm *kvm = gmem->kvm;
	int r;

	args->error_offset = args->offset;
	if (!(KVM_GMEM_I(inode)->flags & GUEST_MEMFD_FLAG_MMAP))
		return -ENOTTY;

	/* Whoever else has the file shall not lay the guest's memory open. */
	if (kvm->mm != current->mm || READ_ONCE(kvm->vm_dead))
		return -EIO;

	if (!kvm_gmem_valid_arguments(kvm, inode, args))
		return -EINVAL;

	change.start = args->offset >> PAGE_SHIFT;
	change.end = (args->offset + args->size) >> PAGE_SHIFT;
	change.shared = !(args->attributes & KVM_MEMORY_ATTRIBUTE_PRIVATE);

	r = kvm_gmem_convert(&change);
	if (r)
		args->error_offset = (u64)change.culprit << PAGE_SHIFT;
	return r;
}

/**
 * kvm_gmem_ioctl() - ioctls of the file
 * @file: the guest_memfd
 * @ioctl: KVM_SET_MEMORY_ATTRIBUTES2
 * @arg: its argument, in user space
 *
 * Return: 0; -EFAULT if @arg cannot be read, or error_offset not be written;
 *	-ENOTTY for another ioctl, and for a file without GUEST_MEMFD_FLAG_MMAP;
 *	-EIO if the caller's memory is not the VM's, or the VM is dead; -EINVAL
 *	for a range or bits that make no sense; -EAGAIN if somebody has a
 *	reference to a page; -EHWPOISON if a page is poisoned; -EINTR if the
 *	caller is being killed; -ENOMEM. After each failure all is as it was.
 */
long kvm_gmem_ioctl(struct file *file, unsigned int ioctl, unsigned long arg)
{
	struct kvm_memory_attributes2 __user *user = (void __user *)arg;
	struct kvm_gmem_arguments args;
	int r;

	if (ioctl != KVM_SET_MEMORY_ATTRIBUTES2)
		return -ENOTTY;

	r = kvm_gmem_get_arguments(&args, user);
	if (r)
		return r;

	r = kvm_gmem_set_attributes(file, &args);
	if (r && put_user(args.error_offset, &user->error_offset))
		return -EFAULT;
	return r;
}

#ifdef CONFIG_KVM_GENERIC_MEMORY_ATTRIBUTES
/* ---- on guest addresses: one part for each memory slot ---- */

/*
 * @file: has a reference
 * @change: the first of its inode stands for invalidate_lock; those that come
 *	later find another tree than before
 */
struct kvm_gmem_part {
	struct list_head entry;
	struct file *file;
	struct kvm_gmem_change change;
};

static int kvm_gmem_add_part(struct kvm_memory_slot *slot, gfn_t start,
			     gfn_t end, bool shared, struct list_head *parts)
{
	struct kvm_gmem_part *part;

	part = kzalloc(sizeof(*part), GFP_KERNEL_ACCOUNT);
	if (!part)
		return -ENOMEM;

	part->file = kvm_gmem_get_file(slot);
	if (!part->file) {
		/* Closed: nothing is left that has a state. */
		kfree(part);
		return 0;
	}

	start = max(start, slot->base_gfn);
	end = min(end, slot->base_gfn + slot->npages);
	part->change.inode = file_inode(part->file);
	part->change.start = kvm_gmem_index(slot, start);
	part->change.end = part->change.start + (end - start);
	part->change.shared = shared;

	/* The files of one VM: slots_lock is enough for this mark. */
	part->change.later = KVM_GMEM_I(part->change.inode)->changing;
	KVM_GMEM_I(part->change.inode)->changing = true;
	list_add_tail(&part->entry, parts);
	return 0;
}

static int kvm_gmem_collect_parts(struct kvm *kvm, gfn_t start, gfn_t end,
				  bool shared, struct list_head *parts)
{
	struct kvm_memslot_iter iter;
	int i, r;

	for (i = 0; i < kvm_arch_nr_memslot_as_ids(kvm); i++) {
		kvm_for_each_memslot_in_gfn_range(&iter, __kvm_memslots(kvm, i),
						  start, end) {
			if (!kvm_slot_is_gmem_only(iter.slot))
				continue;
			r = kvm_gmem_add_part(iter.slot, start, end, shared,
					      parts);
			if (r)
				return r;
		}
	}

	return 0;
}

static void kvm_gmem_free_parts(struct list_head *parts)
{
	struct kvm_gmem_part *part, *next;

	list_for_each_entry_safe(part, next, parts, entry) {
		list_del(&part->entry);
		KVM_GMEM_I(part->change.inode)->changing = false;
		fput(part->file);
		kfree(part);
	}
}

static void kvm_gmem_lock_parts(struct kvm *kvm, struct list_head *parts)
{
	struct kvm_gmem_part *part;

	/* Nobody else takes several, as these are all below slots_lock. */
	list_for_each_entry(part, parts, entry) {
		if (!part->change.later)
			down_write_nest_lock(&part->change.inode->i_mapping->invalidate_lock,
					     &kvm->slots_lock);
	}
}

/* Drop what was prepared and not committed, and the locks. */
static void kvm_gmem_unlock_parts(struct list_head *parts)
{
	struct kvm_gmem_part *part;

	list_for_each_entry_reverse(part, parts, entry) {
		if (part->change.pending)
			kvm_gmem_cancel_change(&part->change);
	}
	list_for_each_entry_reverse(part, parts, entry) {
		if (!part->change.later)
			filemap_invalidate_unlock(part->change.inode->i_mapping);
	}
}

static int kvm_gmem_prepare_parts(struct list_head *parts)
{
	struct kvm_gmem_part *part;
	int r;

	list_for_each_entry(part, parts, entry) {
		r = kvm_gmem_prepare_change(&part->change);
		if (r)
			return r;
	}

	return 0;
}

/**
 * kvm_gmem_has_state() - is memory there that has a state of its own?
 * @kvm: the VM
 * @start: first guest frame number
 * @end: guest frame number behind the last
 *
 * Context: kvm->slots_lock is held.
 * Return: true if a guest_memfd that can be mapped is behind some of it.
 */
bool kvm_gmem_has_state(struct kvm *kvm, gfn_t start, gfn_t end)
{
	struct kvm_memslot_iter iter;
	int i;

	for (i = 0; i < kvm_arch_nr_memslot_as_ids(kvm); i++) {
		kvm_for_each_memslot_in_gfn_range(&iter, __kvm_memslots(kvm, i),
						  start, end) {
			if (kvm_slot_is_gmem_only(iter.slot))
				return true;
		}
	}

	return false;
}

/**
 * kvm_gmem_begin_changes() - prepare to change the state of guest addresses
 * @kvm: the VM
 * @start: first guest frame number
 * @end: guest frame number behind the last
 * @shared: the state to be
 * @parts: an empty list; gets what there is to change, of all files together
 *
 * Context: process; kvm->slots_lock is held. The files' invalidate_locks are
 *	held afterwards, until kvm_gmem_end_changes().
 * Return: 0; as KVM_SET_MEMORY_ATTRIBUTES2: -EAGAIN, -EHWPOISON, -EINTR,
 *	-ENOMEM, with @parts empty and no lock held.
 */
int kvm_gmem_begin_changes(struct kvm *kvm, gfn_t start, gfn_t end, bool shared,
			   struct list_head *parts)
{
	unsigned int waits = 0;
	int r;

	lockdep_assert_held(&kvm->slots_lock);
	if (!kvm_arch_has_private_mem(kvm))
		return 0;

	r = kvm_gmem_collect_parts(kvm, start, end, shared, parts);
	if (r)
		goto free;

	do {
		kvm_gmem_lock_parts(kvm, parts);
		r = kvm_gmem_prepare_parts(parts);
		if (!r)
			return 0;
		kvm_gmem_unlock_parts(parts);
	} while (r == -EAGAIN && kvm_gmem_wait_for_users(waits++));
free:
	kvm_gmem_free_parts(parts);
	return kvm_gmem_why(r);
}

/**
 * kvm_gmem_changes_pending() - is there anything to commit?
 * @parts: as kvm_gmem_begin_changes() has left them
 *
 * Return: true if the state of a page will change.
 */
bool kvm_gmem_changes_pending(struct list_head *parts)
{
	struct kvm_gmem_part *part;

	list_for_each_entry(part, parts, entry) {
		if (part->change.pending)
			return true;
	}

	return false;
}

/**
 * kvm_gmem_commit_changes() - change the state; cannot fail
 * @parts: as kvm_gmem_begin_changes() has left them
 *
 * Context: process; between the start and the end of an invalidation of the
 *	guest's mappings.
 */
void kvm_gmem_commit_changes(struct list_head *parts)
{
	struct kvm_gmem_part *part;

	list_for_each_entry(part, parts, entry)
		kvm_gmem_commit_change(&part->change);
}

/**
 * kvm_gmem_end_changes() - end what kvm_gmem_begin_changes() began
 * @parts: as that has left them, committed or not; also if it failed
 */
void kvm_gmem_end_changes(struct list_head *parts)
{
	kvm_gmem_unlock_parts(parts);
	kvm_gmem_free_parts(parts);
}
#endif /* CONFIG_KVM_GENERIC_MEMORY_ATTRIBUTES */
