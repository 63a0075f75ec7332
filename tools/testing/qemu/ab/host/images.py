# SPDX-License-Identifier: GPL-2.0-only
"""Makes the disks: an image with an empty file system, or one with one file.

Images are kept, and made again when this file changes.
"""

import binascii
import os
import shutil
import struct
import subprocess

PAGE = 4096
FILE_SIZE = 4 * PAGE + 123
MEGABYTE = 1 << 20

# name: (size in MB, command, which gets the image as its last argument)
EMPTY = {
	"ext2": (8, ["mke2fs", "-q", "-F", "-t", "ext2"]),
	"ext4": (16, ["mke2fs", "-q", "-F", "-t", "ext4"]),
	"xfs": (300, ["mkfs.xfs", "-q"]),
	"btrfs": (120, ["mkfs.btrfs", "-q"]),
	"f2fs": (64, ["mkfs.f2fs", "-q"]),
	"vfat": (8, ["mkfs.vfat"]),
	"exfat": (8, ["mkfs.exfat"]),
	"ntfs3": (8, ["mkntfs", "-q", "-Q", "-F"]),
	"nilfs2": (160, ["mkfs.nilfs2", "-q"]),
	"udf": (16, ["mkudffs", "-b", "512", "--media-type=hd"]),
	"minix": (4, ["mkfs.minix", "-3"]),
	"bfs": (2, ["mkfs.bfs"]),
	"jfs": (32, ["jfs_mkfs", "-q"]),
	"reiserfs": (64, ["mkreiserfs", "-q", "-f", "-f"]),
	"gfs2": (64, ["mkfs.gfs2", "-q", "-O", "-p", "lock_nolock", "-j", "1",
		      "-J", "8"]),
}

# name: command, in which IMAGE and FOLDER stand for the two.
FILLED = {
	"squashfs": ["mksquashfs", "FOLDER", "IMAGE", "-noappend", "-quiet",
		     "-no-progress", "-all-root"],
	"erofs": ["mkfs.erofs", "IMAGE", "FOLDER"],
	"romfs": ["genromfs", "-f", "IMAGE", "-d", "FOLDER"],
	"ufs": ["makefs", "-t", "ffs", "-o", "version=1", "-s", "4m", "IMAGE", "FOLDER"],
}


class ImageError(Exception):
	"""An image could not be made; the text says which, and why."""


def contents(size):
	"""What guest/main.c fills a file with."""
	return bytes((at % PAGE * 7 + at // PAGE) & 0xff if at % PAGE else 0
		     for at in range(size))


def zonefs_block():
	"""The super block of a zonefs, which is all it has."""
	block = bytearray(PAGE)
	struct.pack_into("<II", block, 0, 0x5a4f4653, 0)
	# The kernel's crc32() does not invert the result.
	check = binascii.crc32(block) ^ 0xffffffff
	struct.pack_into("<I", block, 4, check)
	return bytes(block)


def _run(name, command):
	path = "/usr/sbin:/sbin:" + os.environ.get("PATH", "")
	program = shutil.which(command[0], path=path)
	if not program:
		raise ImageError(f"{name}: there is no {command[0]}: `make "
				 "packages` installs what makes it")
	done = subprocess.run([program] + command[1:], text=True,
			      env=dict(os.environ, PATH=path),
			      stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
	if done.returncode:
		raise ImageError(f"{name}: {' '.join(command)} exited with "
				 f"{done.returncode}:\n{done.stdout}")


def make(folder):
	"""Make the images that are not there; returns {name: path}."""
	sources = os.path.join(folder, "files")
	os.makedirs(sources, exist_ok=True)
	with open(os.path.join(sources, "data"), "wb") as file:
		file.write(contents(FILE_SIZE))
	made = {}
	recipe = os.path.getmtime(__file__)
	for name in list(EMPTY) + list(FILLED):
		image = os.path.join(folder, name + ".img")
		made[name] = image
		if os.path.exists(image) and os.path.getmtime(image) > recipe:
			continue
		aside = image + ".new"
		if os.path.exists(aside):
			os.unlink(aside)
		if name in EMPTY:
			size, command = EMPTY[name]
			with open(aside, "wb") as file:
				file.truncate(size * MEGABYTE)
			_run(name, command + [aside])
		else:
			_run(name, [{"IMAGE": aside, "FOLDER": sources}.get(
				word, word) for word in FILLED[name]])
		# Disks consist of whole sectors.
		size = os.path.getsize(aside)
		os.truncate(aside, (size + PAGE - 1) // PAGE * PAGE)
		os.rename(aside, image)
	return made
