// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/keyctl.h>

#include "ecryptfs_key.h"
#include "region.h"

#define VERSION 4
#define KEY_IS_SET 2
#define KEY_BYTES 64

/* The kernel's struct ecryptfs_auth_tok, for a password. */
struct token {
	uint16_t version;
	uint16_t type;
	uint32_t flags;
	struct {
		uint32_t flags, encrypted_size, decrypted_size;
		uint8_t encrypted[512], decrypted[64];
	} session;
	uint8_t reserved[32];
	struct {
		uint32_t bytes;
		int32_t algorithm;
		uint32_t iterations;
		uint32_t key_bytes;
		uint32_t flags;
		uint8_t key[KEY_BYTES];
		uint8_t signature[17];
		uint8_t salt[8];
	} password;
	/* A private key, which is in the same place, has room for its name. */
	uint8_t rest[64];
} __attribute__((__packed__));

int ecryptfs_add_key(void)
{
	struct token token = { .version = VERSION };

	token.password.key_bytes = KEY_BYTES;
	token.password.flags = KEY_IS_SET;
	memset(token.password.key, 0x42, KEY_BYTES);
	memcpy(token.password.signature, ECRYPTFS_SIGNATURE, 17);
	return syscall(SYS_add_key, "user", ECRYPTFS_SIGNATURE, &token,
		       sizeof(token), KEY_SPEC_USER_KEYRING) < 0 ? -1 : 0;
}
