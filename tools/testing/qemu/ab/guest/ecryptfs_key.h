/* SPDX-License-Identifier: GPL-2.0-only */
/* The key that an ecryptfs needs. */
#ifndef AB_ECRYPTFS_KEY_H
#define AB_ECRYPTFS_KEY_H

/* What the key is called: the option ecryptfs_sig. */
#define ECRYPTFS_SIGNATURE "0123456789abcdef"

/**
 * ecryptfs_add_key() - add a key to the keyring of the user.
 *
 * Return: 0, or -1 with errno set.
 */
int ecryptfs_add_key(void);

#endif /* AB_ECRYPTFS_KEY_H */
