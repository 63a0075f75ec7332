/* SPDX-License-Identifier: GPL-2.0-only */
/* A file system in user space with one file. */
#ifndef AB_FUSE_SERVER_H
#define AB_FUSE_SERVER_H

#define FUSE_FILE "data"

/**
 * fuse_serve() - answer the kernel until the file system is unmounted.
 * @fd: of /dev/fuse.
 * @open_flags: FOPEN_* flags of the file.
 */
void fuse_serve(int fd, unsigned int open_flags);

#endif /* AB_FUSE_SERVER_H */
