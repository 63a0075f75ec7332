# SPDX-License-Identifier: GPL-2.0-only
"""The two kernels: built, and booted with the program that maps everything."""

import os
import shlex
import shutil
import subprocess
import sys

import hooks
import images
from records import Records

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(HERE)
QEMU_DIR = os.path.dirname(TOP)
ROOT = os.path.abspath(os.path.join(QEMU_DIR, "../../.."))
sys.path.insert(0, os.path.join(ROOT, "scripts", "overlay"))

import patches

CONFIGS = [os.path.join(QEMU_DIR, "configs", name + ".config")
	   for name in ("base", "ab")]
GUEST = os.path.join(TOP, "guest")
# What drivers want to be told that would else have no device.
WORDS = ("video=vfb:on null_blk.nr_devices=1 "
	 "null_blk.gb=1 null_blk.bs=4096 null_blk.zoned=1 "
	 "null_blk.zone_size=64 null_blk.zone_nr_conv=2 "
	 "null_blk.memory_backed=1 hugepages=8 hpet_mmap=1 loop.max_loop=8 "
	 "dummy_stm.nr_dummies=1 sysctl.kernel.hung_task_timeout_secs=60")
# Boot, on a busy host, of a kernel with so many drivers.
BOOT_SECONDS = 300
SECONDS = 1800


class KernelError(Exception):
	"""A kernel could not be built; the text says why."""


def _make(ksrc, build, *goals):
	env = {name: value for name, value in os.environ.items()
	       if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
	done = subprocess.run(
		["make", "-s", "--no-print-directory", "-C", QEMU_DIR,
		 f"KSRC={ksrc}", f"BUILD={build}", "KVM_TESTS=",
		 "GUEST_TESTS=", "EXTRA_CONFIGS=",
		 "CONFIGS=" + " ".join(CONFIGS), *goals], env=env, text=True,
		stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
	if done.returncode:
		raise KernelError(done.stdout[-6000:])


def base_tree(tree, folder):
	"""Unpack the base of @tree below @folder, once; returns its path."""
	base = os.path.join(folder, "linux")
	commit = patches.base_of(tree)
	stamp = os.path.join(folder, "commit")
	if os.path.exists(stamp):
		with open(stamp, encoding="utf-8") as file:
			if file.read() == commit:
				return base
	shutil.rmtree(base, ignore_errors=True)
	os.makedirs(base)
	with subprocess.Popen(["git", "-C", tree, "archive", commit],
			      stdout=subprocess.PIPE) as archive:
		subprocess.run(["tar", "-x", "-C", base], check=True,
			       stdin=archive.stdout)
	if archive.returncode:
		raise KernelError(f"git archive {commit} failed in {tree}")
	with open(stamp, "w", encoding="utf-8") as file:
		file.write(commit)
	return base


class Kernel:
	"""One of the kernels.

	@build: folder with all that is made for it.
	@hooks: the hooks in its image; set by build().
	@records: what the program recorded; set by boot().
	"""

	def __init__(self, ksrc, build):
		self.ksrc = ksrc
		self.build_folder = build
		self.hooks = None
		self.records = None
		self.tap = ""

	def build(self):
		_make(self.ksrc, self.build_folder, "build")
		self.hooks = hooks.Hooks(self.build_folder)

	def compile_program(self, output):
		"""The program, with the headers of this kernel."""
		sources = sorted(os.path.join(GUEST, name)
				 for name in os.listdir(GUEST)
				 if name.endswith(".c"))
		headers = os.path.join(self.build_folder, "headers", "include")
		done = subprocess.run(
			["gcc", "-static", "-O2", "-Wall", "-Wextra",
			 "-Wno-missing-field-initializers", "-Werror",
			 "-isystem", headers, "-o", output, *sources],
			text=True, stdout=subprocess.PIPE,
			stderr=subprocess.STDOUT)
		if done.returncode:
			raise KernelError(done.stdout)

	def _initramfs(self, program, disks, share):
		"""That of the test machine, and the folder /ab behind it."""
		folder = self.build_folder
		probes = os.path.join(folder, "probes")
		with open(probes, "w", encoding="utf-8") as file:
			file.writelines(line + "\n"
					for line in self.hooks.probes())
		numbers = os.path.join(folder, "disks")
		with open(numbers, "w", encoding="utf-8") as file:
			file.writelines(f"{name} {number}\n" for number, name
					in enumerate(disks))
		block = os.path.join(folder, "zonefs.img")
		with open(block, "wb") as file:
			file.write(images.zonefs_block())
		listing = os.path.join(folder, "ab.list")
		with open(listing, "w", encoding="utf-8") as file:
			file.write("dir /ab 755 0 0\ndir /tests 755 0 0\n"
				   f"file /tests/mmap_ab {program} 755 0 0\n")
			for path in (probes, numbers, block):
				file.write(f"file /ab/{os.path.basename(path)} "
					   f"{path} 644 0 0\n")
		output = os.path.join(folder, "ab.cpio")
		more = subprocess.run([os.path.join(folder, "gen_init_cpio"),
				       listing], check=True,
				      stdout=subprocess.PIPE).stdout
		with open(os.path.join(folder, "initramfs.cpio"), "rb") as file:
			whole = file.read() + more
		with open(output, "wb") as file:
			file.write(whole)
		shutil.rmtree(share, ignore_errors=True)
		os.makedirs(share)
		with open(os.path.join(share, "data"), "wb") as file:
			file.write(images.contents(images.FILE_SIZE))
		return output

	def _devices(self, disks, share, records):
		"""QEMU's options for everything there is to map."""
		words = [
			"-chardev", f"file,id=records,path={records}",
			"-device", "virtio-serial-pci,id=more",
			"-device", "virtserialport,bus=more.0,chardev=records,"
				   "name=records",
			"-device", "virtio-scsi-pci,id=scsi",
			"-fsdev", f"local,id=share,path={share},"
				  "security_model=none",
			"-device", "virtio-9p-pci,fsdev=share,mount_tag=ab",
			"-device", "qemu-xhci", "-device", "usb-kbd",
			"-drive", f"if=none,id=whole,file={disks['ext2']},"
				  "format=raw,snapshot=on",
			"-device", "virtio-blk-pci,drive=whole"]
		for number, name in enumerate(disks):
			words += ["-drive", f"if=none,id={name},format=raw,"
				  f"snapshot=on,file={disks[name]}",
				  "-device", f"scsi-hd,bus=scsi.0,lun={number},"
				  f"drive={name}"]
		for slot in ("10", "11", "12"):
			words += ["-object", "memory-backend-ram,size=1M,"
				  f"share=on,id=memory{slot}",
				  "-device", f"ivshmem-plain,addr=0x{slot},"
				  f"memdev=memory{slot}"]
		return words

	def boot(self, program, disks, words=""):
		"""Run @program in it; returns run.py's exit status."""
		folder = self.build_folder
		share = os.path.join(folder, "share")
		recorded = os.path.join(folder, "records")
		initramfs = self._initramfs(program, disks, share)
		devices = self._devices(disks, share, recorded)
		qemu = " ".join([os.environ.get("QEMU") or
				 "qemu-system-x86_64",
				 *map(shlex.quote, devices)])
		done = subprocess.run(
			[os.path.join(QEMU_DIR, "host", "run.py"),
			 "--build", folder, "--ksrc", self.ksrc,
			 "--initramfs", initramfs, "--memory", "1G",
			 "--qemu", qemu,
			 "--tests", "mmap_ab", "--must-run", "mmap_ab",
			 "--test-timeout", str(SECONDS - BOOT_SECONDS),
			 "--timeout", str(SECONDS),
			 "--boot-limit", str(BOOT_SECONDS),
			 "--no-decode", "--append", f"{WORDS} {words}"],
			text=True, stdout=subprocess.PIPE,
			stderr=subprocess.STDOUT,
			env=dict(os.environ, TMPDIR=folder))
		self.tap = done.stdout
		with open(recorded, encoding="utf-8", errors="replace") as file:
			self.records = Records(file.read().splitlines())
		return done.returncode
