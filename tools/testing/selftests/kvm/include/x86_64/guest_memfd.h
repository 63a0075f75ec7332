/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of guest_memfd share: create and map a file, convert ranges
 * of it, look at what an access of the host does.
 */
#ifndef SELFTEST_KVM_GUEST_MEMFD_H
#define SELFTEST_KVM_GUEST_MEMFD_H

#include "kvm_util.h"
#include "processor.h"

#define GMEM_MAPPABLE	(GUEST_MEMFD_FLAG_MMAP | GUEST_MEMFD_FLAG_INIT_SHARED)
#define GMEM_PRIVATE	KVM_MEMORY_ATTRIBUTE_PRIVATE
#define GMEM_SHARED	0

/* What error_offset holds before the call; no file is that long. */
#define GMEM_UNWRITTEN	0xdeadbeefdeadb000ULL

/**
 * struct gmem_result - what an attempt to convert came to.
 * @error: 0 or an errno.
 * @offset: error_offset afterwards, GMEM_UNWRITTEN if nothing was written.
 */
struct gmem_result {
	int error;
	uint64_t offset;
};

/**
 * struct gmem_access - what an access of the host came to.
 * @signal: 0 if it succeeded, otherwise the signal.
 * @code: si_code of the signal.
 * @address: si_addr of the signal.
 */
struct gmem_access {
	int signal;
	int code;
	void *address;
};

/**
 * gmem_open() - open a file that must be there: a test without it is no test.
 * @path: its name.
 * @flags: as for open().
 */
int gmem_open(const char *path, int flags);

/**
 * gmem_keep_kvm_on() - hold a VM for as long as this process lives.
 *
 * Otherwise each case would be the first and the last user of KVM, which turns
 * virtualization on and off and patches the kernel's code each time.
 */
void gmem_keep_kvm_on(void);

/**
 * gmem_show_shutdown() - show what is known of a guest that has shut down.
 * @vcpu: its vCPU.
 *
 * It has been reset by then if the processor has intercepted the shutdown: look
 * at the exits before, which are there if the kernel was booted with
 * trace_event=kvm:kvm_exit.
 */
void gmem_show_shutdown(struct kvm_vcpu *vcpu);

/**
 * gmem_vm() - create a VM without memory.
 * @type: KVM_X86_DEFAULT_VM or KVM_X86_SW_PROTECTED_VM.
 */
struct kvm_vm *gmem_vm(unsigned long type);

/**
 * gmem_map() - map a guest_memfd shared, readable and writable.
 * @fd: the file.
 * @offset: where in the file, in bytes.
 * @size: in bytes.
 *
 * Exits if it cannot be mapped.
 */
void *gmem_map(int fd, uint64_t offset, size_t size);

/**
 * gmem_bind() - bind a range of a guest_memfd to a slot.
 * @vm: the VM.
 * @slot: number of the slot.
 * @gpa: guest physical address.
 * @size: in bytes.
 * @fd: the file.
 * @offset: in bytes.
 * @hva: userspace_addr, may be NULL.
 *
 * Return: 0 or an errno.
 */
int gmem_bind(struct kvm_vm *vm, uint32_t slot, uint64_t gpa, uint64_t size,
	      int fd, uint64_t offset, void *hva);

/**
 * gmem_set_attributes() - call KVM_SET_MEMORY_ATTRIBUTES2 as it is.
 * @fd: the file.
 * @attributes: the argument.
 *
 * Return: the errno, and error_offset of @attributes.
 */
struct gmem_result
gmem_set_attributes(int fd, struct kvm_memory_attributes2 *attributes);

/**
 * gmem_convert() - convert a range of a guest_memfd.
 * @fd: the file.
 * @offset: in bytes.
 * @size: in bytes.
 * @attributes: GMEM_PRIVATE or GMEM_SHARED.
 */
struct gmem_result gmem_convert(int fd, uint64_t offset, uint64_t size,
				uint64_t attributes);

/**
 * gmem_convert_gpa() - call KVM_SET_MEMORY_ATTRIBUTES on the VM.
 * @vm: the VM.
 * @gpa: guest physical address.
 * @size: in bytes.
 * @attributes: GMEM_PRIVATE or GMEM_SHARED.
 *
 * Return: 0 or an errno.
 */
int gmem_convert_gpa(struct kvm_vm *vm, uint64_t gpa, uint64_t size,
		     uint64_t attributes);

/**
 * gmem_read() - read a byte, and survive if that raises a signal.
 * @address: of the byte.
 */
struct gmem_access gmem_read(const void *address);

/**
 * gmem_write() - write a byte, and survive if that raises a signal.
 * @address: of the byte.
 * @value: to write.
 */
struct gmem_access gmem_write(void *address, uint8_t value);

/**
 * gmem_is_shared() - may the host access this page?
 * @address: where the page is mapped.
 *
 * Reads from the page, and so allocates it if there is none. Exits if the read
 * raises another signal than SIGBUS.
 */
bool gmem_is_shared(const void *address);

/**
 * gmem_is_filled() - is each byte of a range the same?
 * @at: the first byte, aligned to 8.
 * @size: in bytes, a multiple of 8.
 * @value: of each byte.
 */
bool gmem_is_filled(const void *at, size_t size, uint8_t value);

/**
 * gmem_pages_mapped() - count the pages that have an entry in our page table.
 * @address: where the first is mapped.
 * @nr_pages: how many to look at.
 */
size_t gmem_pages_mapped(const void *address, size_t nr_pages);

/**
 * gmem_pages_allocated() - count the pages that the file has, mapped or not.
 * @fd: the file.
 * @first: page to begin with.
 * @nr_pages: how many to look at.
 */
size_t gmem_pages_allocated(int fd, size_t first, size_t nr_pages);

/**
 * gmem_punch() - punch a hole.
 * @fd: the file.
 * @offset: in bytes.
 * @size: in bytes.
 *
 * Return: 0 or an errno.
 */
int gmem_punch(int fd, uint64_t offset, uint64_t size);

/**
 * gmem_poison() - let the memory of a page fail.
 * @address: where the page is mapped.
 *
 * Survives the signal that the kernel raises where it is mapped.
 *
 * Return: 0 or an errno.
 */
int gmem_poison(void *address);

#endif /* SELFTEST_KVM_GUEST_MEMFD_H */
