// SPDX-License-Identifier: GPL-2.0-only
/*
 * The inodes of guest_memfd, and the pseudo file system that they are on.
 *
 * What belongs to the memory is on the inode, what belongs to the VM's view of
 * it on the file.
 */
#include <linux/anon_inodes.h>
#include <linux/fs_context.h>
#include <linux/kvm_host.h>
#include <linux/magic.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/statfs.h>

#include "guest_memfd.h"
#include "kvm_mm.h"

#define KVM_GMEM_NAME	"[kvm-gmem]"

/* A module of the name that a symbol is exported for has to ask for it. */
MODULE_IMPORT_NS(module:kvm);

static struct kmem_cache *kvm_gmem_inode_cache;

static struct inode *kvm_gmem_alloc_inode(struct super_block *sb)
{
	struct kvm_gmem_inode *gmem;

	gmem = alloc_inode_sb(sb, kvm_gmem_inode_cache, GFP_KERNEL);
	if (!gmem)
		return NULL;

	gmem->prepared = false;
	gmem->flags = 0;
	mutex_init(&gmem->bindings_lock);
	mpol_shared_policy_init(&gmem->policy, NULL);
	return &gmem->vfs_inode;
}

static void kvm_gmem_destroy_inode(struct inode *inode)
{
	mpol_free_shared_policy(&KVM_GMEM_I(inode)->policy);
}

/* After a grace period: whoever looked an inode up under RCU is gone. */
static void kvm_gmem_free_inode(struct inode *inode)
{
	kmem_cache_free(kvm_gmem_inode_cache, KVM_GMEM_I(inode));
}

static void kvm_gmem_evict_inode(struct inode *inode)
{
	truncate_inode_pages_final(inode->i_mapping);
	clear_inode(inode);
}

static const struct super_operations kvm_gmem_super_ops = {
	.alloc_inode	= kvm_gmem_alloc_inode,
	.destroy_inode	= kvm_gmem_destroy_inode,
	.free_inode	= kvm_gmem_free_inode,
	.evict_inode	= kvm_gmem_evict_inode,
	.statfs		= simple_statfs,
};

/* The name that /proc shows is the one that tools know. */
static char *kvm_gmem_dname(struct dentry *dentry, char *buffer, int length)
{
	static const char name[] = "anon_inode:" KVM_GMEM_NAME;

	if (length < (int)sizeof(name))
		return ERR_PTR(-ENAMETOOLONG);

	return memcpy(buffer + length - sizeof(name), name, sizeof(name));
}

static const struct dentry_operations kvm_gmem_dentry_ops = {
	.d_dname	= kvm_gmem_dname,
};

static int kvm_gmem_fill_super(struct super_block *sb, struct fs_context *fc)
{
	struct inode *root;

	sb->s_maxbytes = MAX_LFS_FILESIZE;
	sb->s_blocksize = PAGE_SIZE;
	sb->s_blocksize_bits = PAGE_SHIFT;
	sb->s_magic = GUEST_MEMFD_MAGIC;
	sb->s_op = &kvm_gmem_super_ops;
	sb->s_time_gran = 1;

	root = new_inode(sb);
	if (!root)
		return -ENOMEM;

	root->i_ino = get_next_ino();
	root->i_mode = S_IFDIR | 0600;
	simple_inode_init_ts(root);
	sb->s_root = d_make_root(root);
	if (!sb->s_root)
		return -ENOMEM;

	sb->s_d_op = &kvm_gmem_dentry_ops;
	return 0;
}

static int kvm_gmem_get_tree(struct fs_context *fc)
{
	return get_tree_single(fc, kvm_gmem_fill_super);
}

static const struct fs_context_operations kvm_gmem_context_ops = {
	.get_tree	= kvm_gmem_get_tree,
};

static int kvm_gmem_init_fs_context(struct fs_context *fc)
{
	fc->ops = &kvm_gmem_context_ops;
	fc->sb_flags |= SB_NOUSER;
	fc->s_iflags |= SB_I_NOEXEC | SB_I_NODEV;
	fc->global = true;
	return 0;
}

/*
 * There is no mount for as long as the module is loaded: it would pin the
 * module. Each file has one instead, all on one super block, whose reference to
 * the module ends after the last inode is evicted; a file's own reference ends
 * before, in __fput().
 */
static struct file_system_type kvm_gmem_fs = {
	.name			= "guest_memfd",
	.init_fs_context	= kvm_gmem_init_fs_context,
	.kill_sb		= kill_anon_super,
};

static void kvm_gmem_init_inode_once(void *object)
{
	struct kvm_gmem_inode *gmem = object;

	inode_init_once(&gmem->vfs_inode);
}

/**
 * kvm_gmem_init_inodes() - make ready for inodes
 * @module: the module that the inodes' memory needs, for what it does when
 *	that is freed
 *
 * Return: 0, or -ENOMEM.
 */
int kvm_gmem_init_inodes(struct module *module)
{
	kvm_gmem_inode_cache =
		kmem_cache_create("kvm_gmem_inode",
				  sizeof(struct kvm_gmem_inode), 0,
				  SLAB_ACCOUNT | SLAB_RECLAIM_ACCOUNT,
				  kvm_gmem_init_inode_once);
	if (!kvm_gmem_inode_cache)
		return -ENOMEM;

	kvm_gmem_fs.owner = module;
	return 0;
}

/**
 * kvm_gmem_exit_inodes() - undo kvm_gmem_init_inodes()
 *
 * No inode is left, as each pins the module; inodes may still wait to be freed.
 */
void kvm_gmem_exit_inodes(void)
{
	rcu_barrier();
	kmem_cache_destroy(kvm_gmem_inode_cache);
	kvm_gmem_inode_cache = NULL;
}

static struct inode *kvm_gmem_new_inode(struct super_block *sb, loff_t size,
					u64 flags)
{
	struct inode *inode;

	/*
	 * Not on the list of the super block's inodes: drop_caches would evict
	 * pages that the guest uses.
	 */
	inode = anon_inode_make_secure_inode(sb, KVM_GMEM_NAME, NULL);
	if (IS_ERR(inode))
		return inode;

	inode->i_op = &kvm_gmem_iops;
	inode->i_mapping->a_ops = &kvm_gmem_aops;
	inode->i_mode |= S_IFREG;
	inode->i_size = size;
	/*
	 * No name leads to it, so that watches of it (inotify) end with its last
	 * file. The super block, which goes next, waits for them, and does not
	 * find an inode that is not on its list.
	 */
	clear_nlink(inode);
	mapping_set_gfp_mask(inode->i_mapping, GFP_HIGHUSER);
	mapping_set_inaccessible(inode->i_mapping);
	/* Unmovable mappings are supposed to be marked unevictable as well. */
	WARN_ON_ONCE(!mapping_unevictable(inode->i_mapping));

	KVM_GMEM_I(inode)->flags = flags;
	return inode;
}

static struct file *kvm_gmem_alloc_file(struct kvm_gmem *gmem,
					const struct file_operations *fops,
					loff_t size, u64 flags)
{
	struct vfsmount *mount;
	struct inode *inode;
	struct file *file;

	mount = vfs_kern_mount(&kvm_gmem_fs, SB_KERNMOUNT, kvm_gmem_fs.name,
			       NULL);
	if (IS_ERR(mount))
		return ERR_CAST(mount);

	inode = kvm_gmem_new_inode(mount->mnt_sb, size, flags);
	if (IS_ERR(inode)) {
		file = ERR_CAST(inode);
		goto put_mount;
	}

	file = alloc_file_pseudo(inode, mount, KVM_GMEM_NAME, O_RDWR, fops);
	if (IS_ERR(file)) {
		iput(inode);
		goto put_mount;
	}

	/* Given back by __fput(); the caller's VM has a reference already. */
	__module_get(fops->owner);
	file->f_flags |= O_LARGEFILE;
	file->private_data = gmem;
	list_add(&gmem->entry, &inode->i_mapping->i_private_list);

put_mount:
	/* The file has a reference of its own. */
	mntput(mount);
	return file;
}

/**
 * __kvm_gmem_create() - create a file, and a file descriptor for it
 * @kvm: the VM, to which the file gets a reference
 * @fops: the operations of the file
 * @size: of the file in bytes, a positive multiple of PAGE_SIZE
 * @flags: GUEST_MEMFD_FLAG_*, all of them known
 *
 * Context: a process that has a file descriptor of the VM.
 * Return: the file descriptor; -EMFILE or -ENFILE if there are too many;
 *	-ENOMEM; what a security module says of the inode.
 */
int __kvm_gmem_create(struct kvm *kvm, const struct file_operations *fops,
		      loff_t size, u64 flags)
{
	struct kvm_gmem *gmem;
	struct file *file;
	int fd, r;

	fd = get_unused_fd_flags(0);
	if (fd < 0)
		return fd;

	gmem = kzalloc(sizeof(*gmem), GFP_KERNEL);
	if (!gmem) {
		r = -ENOMEM;
		goto put_fd;
	}
	gmem->kvm = kvm;
	xa_init(&gmem->bindings);

	file = kvm_gmem_alloc_file(gmem, fops, size, flags);
	if (IS_ERR(file)) {
		r = PTR_ERR(file);
		goto free_gmem;
	}

	kvm_get_kvm(kvm);
	fd_install(fd, file);
	return fd;

free_gmem:
	kfree(gmem);
put_fd:
	put_unused_fd(fd);
	return r;
}

static struct folio *kvm_gmem_alloc_folio(struct inode *inode, pgoff_t index)
{
	gfp_t gfp = mapping_gfp_mask(inode->i_mapping);
#ifdef CONFIG_NUMA
	struct mempolicy *policy;
	struct folio *folio;

	policy = mpol_shared_policy_lookup(&KVM_GMEM_I(inode)->policy, index);
	if (policy) {
		folio = folio_alloc_mpol(gfp, 0, policy, index, numa_node_id());
		mpol_cond_put(policy);
		return folio;
	}
#endif
	return filemap_alloc_folio(gfp, 0);
}

/**
 * kvm_gmem_grab_folio() - find the folio of a page, or allocate it
 * @inode: the inode
 * @index: of the page in the file, in pages
 *
 * A new folio is allocated by the inode's NUMA policy, if it has one for the
 * page, and is not up to date: its contents are not defined.
 *
 * Context: process; invalidate_lock is held, shared or not.
 * Return: the folio, locked and with a reference; -ENOMEM.
 */
struct folio *kvm_gmem_grab_folio(struct inode *inode, pgoff_t index)
{
	struct address_space *mapping = inode->i_mapping;
	struct folio *folio;
	int r;

	do {
		folio = filemap_lock_folio(mapping, index);
		if (!IS_ERR(folio))
			return folio;

		folio = kvm_gmem_alloc_folio(inode, index);
		if (!folio)
			return ERR_PTR(-ENOMEM);

		r = filemap_add_folio(mapping, folio, index,
				      mapping_gfp_mask(mapping));
		if (!r)
			return folio;
		folio_put(folio);
		/* Another fault was quicker. */
	} while (r == -EEXIST);

	return ERR_PTR(r);
}
