/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A model, in software, of hardware that knows whose each page is.
 */
#ifndef __KVM_GUEST_MEMFD_MODEL_H__
#define __KVM_GUEST_MEMFD_MODEL_H__

#include <linux/kvm_types.h>

struct folio;
struct kvm;

#ifdef CONFIG_KVM_GUEST_MEMFD_MODEL
int kvm_gmem_model_assign(struct kvm *kvm, gfn_t gfn, kvm_pfn_t pfn,
			  unsigned long npages);
void kvm_gmem_model_release(kvm_pfn_t start, kvm_pfn_t end);
void kvm_gmem_model_guest(struct kvm *kvm, gfn_t gfn, kvm_pfn_t pfn,
			  bool private);
void kvm_gmem_model_host(struct folio *folio);
void kvm_gmem_model_create_debugfs(struct kvm *kvm);
#else
static inline int kvm_gmem_model_assign(struct kvm *kvm, gfn_t gfn,
					kvm_pfn_t pfn, unsigned long npages)
{
	return 0;
}

static inline void kvm_gmem_model_release(kvm_pfn_t start, kvm_pfn_t end)
{
}

static inline void kvm_gmem_model_guest(struct kvm *kvm, gfn_t gfn,
					kvm_pfn_t pfn, bool private)
{
}

static inline void kvm_gmem_model_host(struct folio *folio)
{
}

static inline void kvm_gmem_model_create_debugfs(struct kvm *kvm)
{
}
#endif

#endif /* __KVM_GUEST_MEMFD_MODEL_H__ */
