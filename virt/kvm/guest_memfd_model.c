// SPDX-License-Identifier: GPL-2.0-only
/*
 * A model, in software, of hardware that knows whose each page is, as SEV-SNP
 * does: a page that is assigned to a guest address faults when the host touches
 * it, or the guest does at another address; a page that is not faults when the
 * guest uses it as private memory.
 *
 * Here each of these is a warning. It is for software-protected VMs, which have
 * no such hardware, and for tests: memory that is freed, shared or handed out
 * without the architecture being told shows up, where it would be a machine
 * check or a leak on hardware that nobody had at hand.
 *
 * Such hardware also has a command to give a guest memory with contents to start
 * with. Here that is a file in the VM's debugfs folder: what is written to it, at
 * a guest physical address, is what the guest's private memory there contains.
 */
#include <linux/debugfs.h>
#include <linux/highmem.h>
#include <linux/kvm_host.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include "guest_memfd_model.h"

struct kvm_gmem_owner {
	struct kvm *kvm;
	gfn_t gfn;
};

/* By page frame number; what is not in it is the host's. */
static DEFINE_XARRAY(kvm_gmem_owners);

static bool kvm_gmem_modelled(struct kvm *kvm)
{
	return kvm->arch.vm_type == KVM_X86_SW_PROTECTED_VM;
}

static void kvm_gmem_violation(const char *what, kvm_pfn_t pfn)
{
	WARN(1, "guest_memfd model: %s: PFN %llx\n", what, pfn);
}

/**
 * kvm_gmem_model_assign() - pages become the guest's
 * @kvm: the VM
 * @gfn: guest frame number of the first
 * @pfn: page frame number of the first
 * @npages: how many
 *
 * Context: process.
 * Return: 0, or -ENOMEM.
 */
int kvm_gmem_model_assign(struct kvm *kvm, gfn_t gfn, kvm_pfn_t pfn,
			  unsigned long npages)
{
	struct kvm_gmem_owner *owner, *before;
	unsigned long i;

	if (!kvm_gmem_modelled(kvm))
		return 0;

	for (i = 0; i < npages; i++) {
		owner = kmalloc(sizeof(*owner), GFP_KERNEL);
		if (!owner)
			return -ENOMEM;

		owner->kvm = kvm;
		owner->gfn = gfn + i;
		before = xa_store(&kvm_gmem_owners, pfn + i, owner, GFP_KERNEL);
		if (xa_is_err(before)) {
			kfree(owner);
			return xa_err(before);
		}
		if (before) {
			kvm_gmem_violation("assigned twice", pfn + i);
			kfree(before);
		}
	}

	return 0;
}

/**
 * kvm_gmem_model_release() - pages become the host's
 * @start: first page frame number
 * @end: page frame number behind the last
 *
 * Those that are the host's already stay so.
 */
void kvm_gmem_model_release(kvm_pfn_t start, kvm_pfn_t end)
{
	kvm_pfn_t pfn;

	for (pfn = start; pfn < end; pfn++)
		kfree(xa_erase(&kvm_gmem_owners, pfn));
}

/**
 * kvm_gmem_model_guest() - the guest is about to use a page
 * @kvm: the VM
 * @gfn: guest frame number
 * @pfn: page frame number
 * @private: as private memory?
 *
 * Context: invalidate_lock is held: what is found out holds.
 */
void kvm_gmem_model_guest(struct kvm *kvm, gfn_t gfn, kvm_pfn_t pfn,
			  bool private)
{
	struct kvm_gmem_owner *owner = xa_load(&kvm_gmem_owners, pfn);

	if (!kvm_gmem_modelled(kvm))
		return;

	if (!private && owner)
		kvm_gmem_violation("the guest shares what is assigned", pfn);
	if (private && !owner)
		kvm_gmem_violation("the guest uses what is not assigned", pfn);
	if (private && owner && (owner->kvm != kvm || owner->gfn != gfn))
		kvm_gmem_violation("the guest uses what is another's", pfn);
}

/**
 * kvm_gmem_model_host() - the host is about to touch a folio
 * @folio: the folio, locked
 */
void kvm_gmem_model_host(struct folio *folio)
{
	long i;

	for (i = 0; i < folio_nr_pages(folio); i++) {
		if (xa_load(&kvm_gmem_owners, folio_pfn(folio) + i))
			kvm_gmem_violation("the host touches what is assigned",
					   folio_pfn(folio) + i);
	}
}

/* What begins like this is not what a page can contain: it is corrected. */
#define KVM_GMEM_MODEL_WRONG	0xbadbadbadbadbad0ULL

static int kvm_gmem_model_fill(struct kvm *kvm, gfn_t gfn, kvm_pfn_t pfn,
			       void *src, bool *src_changed, int order,
			       void *opaque)
{
	u64 *first = src;

	if (*first == KVM_GMEM_MODEL_WRONG) {
		*first = ~KVM_GMEM_MODEL_WRONG;
		*src_changed = true;
		return -EIO;
	}

	memcpy_to_page(pfn_to_page(pfn), 0, src, PAGE_SIZE);
	return kvm_gmem_model_assign(kvm, gfn, pfn, 1UL << order);
}

static ssize_t kvm_gmem_model_populate(struct file *file,
				       const char __user *src, size_t size,
				       loff_t *gpa)
{
	struct kvm *kvm = file->private_data;
	long npages;

	if (!kvm_gmem_modelled(kvm))
		return -EOPNOTSUPP;
	if (!PAGE_ALIGNED(*gpa) || !PAGE_ALIGNED(size))
		return -EINVAL;

	mutex_lock(&kvm->slots_lock);
	npages = kvm_gmem_populate(kvm, gpa_to_gfn(*gpa), (void __user *)src,
				   size >> PAGE_SHIFT, kvm_gmem_model_fill,
				   NULL);
	mutex_unlock(&kvm->slots_lock);
	if (npages < 0)
		return npages;

	*gpa += npages << PAGE_SHIFT;
	return npages << PAGE_SHIFT;
}

/* The VM's folder goes, and waits for who is in here, before the VM does. */
static const struct file_operations kvm_gmem_model_populate_fops = {
	.owner	= THIS_MODULE,
	.open	= simple_open,
	.write	= kvm_gmem_model_populate,
	.llseek	= default_llseek,
};

/**
 * kvm_gmem_model_create_debugfs() - let tests populate the memory of a VM
 * @kvm: the VM, with its folder
 */
void kvm_gmem_model_create_debugfs(struct kvm *kvm)
{
	debugfs_create_file("gmem_populate", 0200, kvm->debugfs_dentry, kvm,
			    &kvm_gmem_model_populate_fops);
}
