// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tries to reach private pages of a guest_memfd through mappings of this
 * process: old ones and new ones, changed in every way that there is.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/mman.h>
#include <linux/userfaultfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "gmem_attack.h"

#define RW	(PROT_READ | PROT_WRITE)

static void *map_pages(struct gmem_oracle *o, unsigned int page,
		       unsigned int nr, int prot, int flags)
{
	return mmap(NULL, nr * PAGE_SIZE, prot, MAP_SHARED | flags, o->fd,
		    page * PAGE_SIZE);
}

/* ---- the mapping that is there all the time ---- */

static int kept_read(struct gmem_oracle *o, unsigned int page, void *buf)
{
	return gmem_copy(buf, gmem_page_addr(o, page));
}

static int kept_write(struct gmem_oracle *o, unsigned int page, const void *buf)
{
	return gmem_copy(gmem_page_addr(o, page), buf);
}

/* ---- a mapping made for the attempt ---- */

static int fresh_copy(struct gmem_oracle *o, unsigned int page, int flags,
		      void *to, const void *from)
{
	uint64_t *mem = map_pages(o, page, 1, RW, flags);
	int ret;

	if (mem == MAP_FAILED)
		return -errno;
	ret = gmem_copy(to ?: mem, from ?: mem);
	munmap(mem, PAGE_SIZE);
	return ret;
}

static int fresh_read(struct gmem_oracle *o, unsigned int page, void *buf)
{
	return fresh_copy(o, page, 0, buf, NULL);
}

static int fresh_write(struct gmem_oracle *o, unsigned int page,
		       const void *buf)
{
	return fresh_copy(o, page, 0, NULL, buf);
}

static int populate_read(struct gmem_oracle *o, unsigned int page, void *buf)
{
	return fresh_copy(o, page, MAP_POPULATE, buf, NULL);
}

static int populate_write(struct gmem_oracle *o, unsigned int page,
			  const void *buf)
{
	return fresh_copy(o, page, MAP_POPULATE, NULL, buf);
}

static int locked_read(struct gmem_oracle *o, unsigned int page, void *buf)
{
	return fresh_copy(o, page, MAP_LOCKED, buf, NULL);
}

static int fixed_copy(struct gmem_oracle *o, unsigned int page, void *to,
		      const void *from)
{
	uint64_t *mem = map_pages(o, GMEM_PAGE_SHARED, 1, RW, MAP_POPULATE);
	void *over;
	int ret;

	if (mem == MAP_FAILED)
		return -errno;
	over = mmap(mem, PAGE_SIZE, RW, MAP_SHARED | MAP_FIXED, o->fd,
		    page * PAGE_SIZE);
	ret = over == MAP_FAILED ? -errno : gmem_copy(to ?: mem, from ?: mem);
	munmap(mem, PAGE_SIZE);
	return ret;
}

static int fixed_read(struct gmem_oracle *o, unsigned int page, void *buf)
{
	return fixed_copy(o, page, buf, NULL);
}

static int fixed_write(struct gmem_oracle *o, unsigned int page,
		       const void *buf)
{
	return fixed_copy(o, page, NULL, buf);
}

/* A private mapping could be written to without the file's consent. */
static int private_read(struct gmem_oracle *o, unsigned int page, void *buf)
{
	uint64_t *mem = mmap(NULL, PAGE_SIZE, RW, MAP_PRIVATE, o->fd,
			     page * PAGE_SIZE);
	int ret;

	if (mem == MAP_FAILED)
		return -errno;
	ret = gmem_copy(buf, mem);
	munmap(mem, PAGE_SIZE);
	return ret;
}

/* ---- mappings that are changed ---- */

static int remap_copy(struct gmem_oracle *o, unsigned int page, void *to,
		      const void *from)
{
	uint64_t *mem = map_pages(o, GMEM_PAGE_SHARED, 1, RW, MAP_POPULATE);
	int ret;

	if (mem == MAP_FAILED)
		return -errno;
	if (syscall(SYS_remap_file_pages, mem, PAGE_SIZE, 0, page, 0))
		ret = -errno;
	else
		ret = gmem_copy(to ?: mem, from ?: mem);
	munmap(mem, PAGE_SIZE);
	return ret;
}

static int remap_read(struct gmem_oracle *o, unsigned int page, void *buf)
{
	return remap_copy(o, page, buf, NULL);
}

static int remap_write(struct gmem_oracle *o, unsigned int page,
		       const void *buf)
{
	return remap_copy(o, page, NULL, buf);
}

/* From the page before, over the one that is wanted. */
static int grow_copy(struct gmem_oracle *o, unsigned int page, void *to,
		     const void *from)
{
	uint64_t *mem = map_pages(o, page - 1, 1, RW, 0);
	uint64_t *grown;
	int ret;

	if (mem == MAP_FAILED)
		return -errno;
	grown = mremap(mem, PAGE_SIZE, 2 * PAGE_SIZE, MREMAP_MAYMOVE);
	if (grown == MAP_FAILED) {
		ret = -errno;
		munmap(mem, PAGE_SIZE);
		return ret;
	}
	ret = gmem_copy(to ?: grown + GMEM_PAGE_WORDS,
			from ?: grown + GMEM_PAGE_WORDS);
	munmap(grown, 2 * PAGE_SIZE);
	return ret;
}

static int grow_read(struct gmem_oracle *o, unsigned int page, void *buf)
{
	return grow_copy(o, page, buf, NULL);
}

static int grow_write(struct gmem_oracle *o, unsigned int page, const void *buf)
{
	return grow_copy(o, page, NULL, buf);
}

/* Page tables move with the mapping, if it was touched before. */
static int moved_copy(struct gmem_oracle *o, unsigned int page, int flags,
		      void *to, const void *from)
{
	uint64_t first[GMEM_PAGE_WORDS];
	uint64_t *mem = map_pages(o, page, 1, RW, 0);
	uint64_t *moved;
	void *place;
	int ret;

	if (mem == MAP_FAILED)
		return -errno;
	gmem_copy(first, mem);
	place = mmap(NULL, PAGE_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
		     -1, 0);
	moved = mremap(mem, PAGE_SIZE, PAGE_SIZE,
		       MREMAP_MAYMOVE | MREMAP_FIXED | flags, place);
	if (moved == MAP_FAILED) {
		ret = -errno;
		munmap(place, PAGE_SIZE);
		munmap(mem, PAGE_SIZE);
		return ret;
	}
	ret = gmem_copy(to ?: moved, from ?: moved);
	if ((flags & MREMAP_DONTUNMAP) && to && ret > 0)
		ret = gmem_copy(to, mem);
	munmap(moved, PAGE_SIZE);
	if (flags & MREMAP_DONTUNMAP)
		munmap(mem, PAGE_SIZE);
	if (to && gmem_find_secret(first, sizeof(first)))
		memcpy(to, first, sizeof(first));
	return ret;
}

static int move_read(struct gmem_oracle *o, unsigned int page, void *buf)
{
	return moved_copy(o, page, 0, buf, NULL);
}

static int move_write(struct gmem_oracle *o, unsigned int page, const void *buf)
{
	return moved_copy(o, page, 0, NULL, buf);
}

static int dontunmap_read(struct gmem_oracle *o, unsigned int page, void *buf)
{
	return moved_copy(o, page, MREMAP_DONTUNMAP, buf, NULL);
}

static int protect_copy(struct gmem_oracle *o, unsigned int page, void *to,
			const void *from)
{
	uint64_t *mem = map_pages(o, page, 1, PROT_NONE, 0);
	int ret;

	if (mem == MAP_FAILED)
		return -errno;
	if (mprotect(mem, PAGE_SIZE, RW))
		ret = -errno;
	else
		ret = gmem_copy(to ?: mem, from ?: mem);
	munmap(mem, PAGE_SIZE);
	return ret;
}

static int protect_read(struct gmem_oracle *o, unsigned int page, void *buf)
{
	return protect_copy(o, page, buf, NULL);
}

static int protect_write(struct gmem_oracle *o, unsigned int page,
			 const void *buf)
{
	return protect_copy(o, page, NULL, buf);
}

/* ---- advice ---- */

/* Refused if the advice is or the access after it is. */
static int advise_copy(struct gmem_oracle *o, unsigned int page, int advice,
		       void *to, const void *from)
{
	uint64_t *mem = gmem_page_addr(o, page);

	if (madvise(mem, PAGE_SIZE, advice))
		return -errno;
	return gmem_copy(to ?: mem, from ?: mem);
}

static int populate_read_read(struct gmem_oracle *o, unsigned int page,
			      void *buf)
{
	return advise_copy(o, page, MADV_POPULATE_READ, buf, NULL);
}

static int populate_write_write(struct gmem_oracle *o, unsigned int page,
				const void *buf)
{
	return advise_copy(o, page, MADV_POPULATE_WRITE, NULL, buf);
}

static int dontneed_read(struct gmem_oracle *o, unsigned int page, void *buf)
{
	return advise_copy(o, page, MADV_DONTNEED, buf, NULL);
}

static int pageout_read(struct gmem_oracle *o, unsigned int page, void *buf)
{
	madvise(gmem_page_addr(o, page), PAGE_SIZE, MADV_COLD);
	return advise_copy(o, page, MADV_PAGEOUT, buf, NULL);
}

static int willneed_read(struct gmem_oracle *o, unsigned int page, void *buf)
{
	return advise_copy(o, page, MADV_WILLNEED, buf, NULL);
}

/* Who collapses pages copies them. */
static int collapse_read(struct gmem_oracle *o, unsigned int page, void *buf)
{
	return advise_copy(o, page, MADV_COLLAPSE, buf, NULL);
}

static int free_write(struct gmem_oracle *o, unsigned int page, const void *buf)
{
	return advise_copy(o, page, MADV_FREE, NULL, buf);
}

static int mlock_read(struct gmem_oracle *o, unsigned int page, void *buf)
{
	uint64_t *mem = gmem_page_addr(o, page);
	int ret = mlock(mem, PAGE_SIZE) ? -errno : 0;

	if (!ret)
		ret = gmem_copy(buf, mem);
	munlock(mem, PAGE_SIZE);
	return ret;
}

/* ---- futexes: compare a word, and change one ---- */

/* Tells 32 bits of the page by comparing them with the nonce. */
static int futex_read(struct gmem_oracle *o, unsigned int page, void *buf)
{
	const struct timespec now = { 0, 1 };
	uint32_t *word = (uint32_t *)gmem_page_addr(o, page);
	uint64_t *found = buf;

	if (!syscall(SYS_futex, word, FUTEX_WAIT, (uint32_t)gmem_nonce(), &now,
		     NULL, 0))
		return -EINTR;
	if (errno == ETIMEDOUT)
		*found = gmem_nonce();
	return errno == EFAULT ? -errno : 4;
}

static int futex_op(uint32_t *word, int op, uint32_t arg)
{
	uint32_t other = 0;

	return syscall(SYS_futex, &other, FUTEX_WAKE_OP, 0, 0, word,
		       FUTEX_OP(op, arg, FUTEX_OP_CMP_EQ, 0)) < 0 ? -errno : 0;
}

/* Bit by bit: an operation takes 12 bits, or the number of one. */
static int futex_write(struct gmem_oracle *o, unsigned int page,
		       const void *buf)
{
	uint32_t *word = (uint32_t *)gmem_page_addr(o, page);
	uint32_t value = *(const uint64_t *)buf;
	int ret, bit;

	ret = futex_op(word, FUTEX_OP_SET, 0);
	for (bit = 0; bit < 31 && !ret; bit++)
		if (value & (1U << bit))
			ret = futex_op(word, FUTEX_OP_OR |
				       FUTEX_OP_OPARG_SHIFT, bit);
	return ret ?: 4;
}

/* ---- userfaultfd: user space gives a page its contents ---- */

static int uffd = -1;

static int uffd_open(struct gmem_oracle *o)
{
	struct uffdio_api api = { .api = UFFD_API };

	uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api))
		return -errno;
	return 0;
}

static int uffd_copy(struct gmem_oracle *o, unsigned int page, uint64_t mode,
		     const void *buf)
{
	uint64_t *mem = map_pages(o, page, 1, RW, 0);
	struct uffdio_register area = {
		.range = { (uintptr_t)mem, PAGE_SIZE },
		.mode = mode,
	};
	struct uffdio_copy copy = {
		.dst = (uintptr_t)mem,
		.src = (uintptr_t)buf,
		.len = PAGE_SIZE,
	};
	struct uffdio_continue go_on = { .range = area.range };
	int ret = PAGE_SIZE;

	if (mem == MAP_FAILED)
		return -errno;
	if (ioctl(uffd, UFFDIO_REGISTER, &area))
		ret = -errno;
	else if (mode == UFFDIO_REGISTER_MODE_MINOR ?
		 ioctl(uffd, UFFDIO_CONTINUE, &go_on) :
		 ioctl(uffd, UFFDIO_COPY, &copy))
		ret = -errno;
	munmap(mem, PAGE_SIZE);
	return ret;
}

static int uffd_missing_write(struct gmem_oracle *o, unsigned int page,
			      const void *buf)
{
	return uffd_copy(o, page, UFFDIO_REGISTER_MODE_MISSING, buf);
}

static int uffd_minor_write(struct gmem_oracle *o, unsigned int page,
			    const void *buf)
{
	return uffd_copy(o, page, UFFDIO_REGISTER_MODE_MINOR, buf);
}

static void uffd_close(struct gmem_oracle *o)
{
	close(uffd);
}

/* ---- other than paths ---- */

/* One bit for each page, whether it is there: nothing of what is in it. */
static bool check_mincore(struct gmem_oracle *o)
{
	unsigned char there[64];
	unsigned long seen = 0;
	int i, j;

	TEST_ASSERT(o->pages <= sizeof(there), "%u pages", o->pages);
	for (i = 0; i < 2000; i++) {
		memset(there, 0xff, sizeof(there));
		if (mincore(o->mem, o->pages * PAGE_SIZE, there)) {
			ksft_print_msg("  mincore: %s\n", strerror(errno));
			return false;
		}
		for (j = 0; j < o->pages; j++) {
			if (there[j] & ~1) {
				ksft_print_msg("  page %d: %x\n", j, there[j]);
				return false;
			}
			seen += there[j];
		}
	}
	ksft_print_msg("  %d calls, %lu pages there\n", i, seen);
	return seen > 0;
}

static bool check_msync(struct gmem_oracle *o)
{
	int i, failed = 0;

	for (i = 0; i < 2000; i++)
		failed += !!msync(o->mem, o->pages * PAGE_SIZE,
				  i & 1 ? MS_SYNC : MS_ASYNC | MS_INVALIDATE);
	ksft_print_msg("  %d calls, %d failed\n", i, failed);
	return true;
}

/*
 * While one mapping of the whole file is there, nobody else's business can
 * keep the page from it: it must be gone from each of many.
 */
static bool check_many_mappings(struct gmem_oracle *o)
{
	uint64_t *mem[32], buf[GMEM_PAGE_WORDS];
	unsigned long reached = 0, refused = 0;
	int round, i, ret;
	bool good = true;

	for (i = 0; i < ARRAY_SIZE(mem); i++) {
		mem[i] = map_pages(o, GMEM_PAGE_HOST, 1, RW, 0);
		TEST_ASSERT(mem[i] != MAP_FAILED, "mmap: errno %d", errno);
	}
	for (round = 0; round < 20; round++) {
		for (i = 0; i < ARRAY_SIZE(mem); i++)
			reached += gmem_copy(buf, mem[i]) > 0;
		ret = gmem_try_set(o->fd, GMEM_PAGE_HOST * PAGE_SIZE, PAGE_SIZE,
				   true, NULL);
		for (i = 0; i < ARRAY_SIZE(mem); i++)
			refused += gmem_copy(buf, mem[i]) < 0;
		ret = ret ?: gmem_try_set(o->fd, GMEM_PAGE_HOST * PAGE_SIZE,
					  PAGE_SIZE, false, NULL);
		if (ret) {
			ksft_print_msg("  conversion: %s\n", strerror(-ret));
			good = false;
		}
	}
	for (i = 0; i < ARRAY_SIZE(mem); i++)
		munmap(mem[i], PAGE_SIZE);
	ksft_print_msg("  %lu reached while shared, %lu refused while private\n",
		       reached, refused);
	return good && reached == round * ARRAY_SIZE(mem) && refused == reached;
}

static const struct gmem_path paths[] = {
	{ "mapping kept across conversions", .read = kept_read,
	  .write = kept_write },
	{ "second mapping", .read = fresh_read, .write = fresh_write },
	{ "MAP_POPULATE", .read = populate_read, .write = populate_write },
	{ "MAP_LOCKED", .read = locked_read },
	{ "MAP_FIXED over a mapping", .read = fixed_read,
	  .write = fixed_write },
	{ "MAP_PRIVATE", GMEM_NEVER, .read = private_read },
	{ "remap_file_pages", .read = remap_read, .write = remap_write },
	{ "mremap, grown", .read = grow_read, .write = grow_write },
	{ "mremap, moved", .read = move_read, .write = move_write },
	{ "mremap, MREMAP_DONTUNMAP", .read = dontunmap_read },
	{ "mprotect", .read = protect_read, .write = protect_write },
	{ "MADV_POPULATE_READ", .read = populate_read_read },
	{ "MADV_POPULATE_WRITE", .write = populate_write_write },
	{ "MADV_DONTNEED", .read = dontneed_read },
	{ "MADV_COLD and MADV_PAGEOUT", .read = pageout_read },
	{ "MADV_WILLNEED", .read = willneed_read },
	{ "MADV_COLLAPSE", GMEM_NEVER, .read = collapse_read },
	{ "MADV_FREE", GMEM_NEVER, .write = free_write },
	{ "mlock", .read = mlock_read },
	{ "futex", .read = futex_read, .write = futex_write },
	{ "userfaultfd, missing", GMEM_NEVER, uffd_open,
	  .write = uffd_missing_write, .close = uffd_close },
	{ "userfaultfd, minor", GMEM_NEVER, uffd_open,
	  .write = uffd_minor_write, .close = uffd_close },
	{ }
};

static const struct gmem_check checks[] = {
	{ "mincore tells one bit", check_mincore },
	{ "msync", check_msync },
	{ "many mappings of one page", check_many_mappings },
	{ }
};

int main(int argc, char *argv[])
{
	gmem_attack_main(argc, argv, paths, checks, NULL);
}
