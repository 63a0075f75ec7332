// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mappings of guest_memfd in the host: of what is shared, never of what is
 * private.
 */
#include <linux/kvm_host.h>
#include <linux/mm.h>
#include <linux/vma_proto.h>

#include "guest_memfd.h"
#include "kvm_mm.h"

/**
 * kvm_gmem_supported_flags() - what a guest_memfd can be created with
 * @kvm: the VM, or NULL for what any VM can
 *
 * Return: a mask of GUEST_MEMFD_FLAG_*.
 */
u64 kvm_gmem_supported_flags(struct kvm *kvm)
{
	if (kvm && !kvm_arch_supports_gmem_mmap(kvm))
		return 0;

	return GUEST_MEMFD_FLAG_MMAP | GUEST_MEMFD_FLAG_INIT_SHARED;
}

/*
 * The state is looked at, and the folio found, under invalidate_lock. From then
 * on the reference keeps the page from becoming private: the conversion waits
 * for the lock of the folio, which is held until the page is mapped, and unmaps
 * it again.
 */
static vm_fault_t kvm_gmem_fault(struct vm_fault *vmf)
{
	struct inode *inode = file_inode(vmf->vma->vm_file);
	vm_fault_t ret = VM_FAULT_SIGBUS;
	struct folio *folio;

	if (vmf->pgoff >= i_size_read(inode) >> PAGE_SHIFT)
		return VM_FAULT_SIGBUS;

	filemap_invalidate_lock_shared(inode->i_mapping);
	if (!kvm_gmem_is_shared(inode, vmf->pgoff))
		goto unlock;

	folio = kvm_gmem_grab_folio(inode, vmf->pgoff);
	if (IS_ERR(folio)) {
		ret = vmf_error(PTR_ERR(folio));
		goto unlock;
	}

	if (folio_test_hwpoison(folio)) {
		folio_unlock(folio);
		folio_put(folio);
		ret = VM_FAULT_HWPOISON;
		goto unlock;
	}

	kvm_gmem_zero_folio(folio);
	vmf->page = kvm_gmem_folio_page(folio, vmf->pgoff);
	ret = VM_FAULT_LOCKED;
unlock:
	filemap_invalidate_unlock_shared(inode->i_mapping);
	return ret;
}

/*
 * Nothing around a fault is mapped: it may be private. That there is such an
 * operation lets faults be handled under the lock of the VMA; without it each
 * is tried twice, the second time under mmap_lock.
 */
static vm_fault_t kvm_gmem_map_pages(struct vm_fault *vmf, pgoff_t start,
				     pgoff_t end)
{
	return 0;
}

#ifdef CONFIG_NUMA
static int kvm_gmem_set_policy(struct vm_area_struct *vma,
			       struct mempolicy *policy)
{
	struct inode *inode = file_inode(vma->vm_file);

	return mpol_set_shared_policy(&KVM_GMEM_I(inode)->policy, vma, policy);
}

static struct mempolicy *kvm_gmem_get_policy(struct vm_area_struct *vma,
					     unsigned long addr, pgoff_t *ilx)
{
	struct inode *inode = file_inode(vma->vm_file);
	pgoff_t index;

	/* Interleaved by the index, as kvm_gmem_grab_folio() does it. */
	*ilx = 0;
	index = vma->vm_pgoff + ((addr - vma->vm_start) >> PAGE_SHIFT);
	return mpol_shared_policy_lookup(&KVM_GMEM_I(inode)->policy, index);
}
#endif

static const struct vm_operations_struct kvm_gmem_vm_ops = {
	.fault		= kvm_gmem_fault,
	.map_pages	= kvm_gmem_map_pages,
#ifdef CONFIG_NUMA
	.set_policy	= kvm_gmem_set_policy,
	.get_policy	= kvm_gmem_get_policy,
#endif
};

/**
 * kvm_gmem_mmap_proto() - describe a mapping
 * @proto: the mapping
 *
 * Return: 0; -ENODEV if the file was created without GUEST_MEMFD_FLAG_MMAP;
 *	-EINVAL if the mapping is private: its pages would be copies.
 */
int kvm_gmem_mmap_proto(struct vma_proto *proto)
{
	if (!(KVM_GMEM_I(file_inode(proto->file))->flags & GUEST_MEMFD_FLAG_MMAP))
		return -ENODEV;

	if (!(proto->flags & VM_SHARED))
		return -EINVAL;

	/* A core dump would allocate each page of the guest. */
	proto->flags |= VM_DONTDUMP;
	proto->vm_ops = &kvm_gmem_vm_ops;
	return 0;
}
