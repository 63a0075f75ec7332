# SPDX-License-Identifier: GPL-2.0-only
#
# From nothing to a kernel tree with the overlay applied, and to its tests.
# `make help` lists the targets.

BUILD := build
ifneq ($(words $(BUILD)),1)
$(error BUILD is one path without spaces)
endif
TREE := $(BUILD)/linux
QEMU_DIR := tools/testing/qemu

# A 6.12 tree of your own to use instead of Debian's; it is only read.
KDIR ?=
# "no": do not look for missing packages, and install none.
PACKAGES ?= yes

CONVERT := scripts/coccinelle/mmap_proto/convert.py
PROVE := tools/testing/overlay/prove.sh

packages = $(if $(filter no,$(PACKAGES)),,@scripts/overlay/packages.py install $(1))

.PHONY: all tree packages boot shell series status convert bench fuzz \
	check check-fast check-full clean help
.NOTPARALLEL:
.DEFAULT_GOAL := all

all:
	@begun=$$(date +%s.%N) && $(MAKE) -s --no-print-directory tree && \
	scripts/overlay/summary.py --build $(BUILD) --begun $$begun

tree:
	$(call packages,$(if $(KDIR),,base) tree)
	@scripts/overlay/base.py --output $(BUILD)/base.git \
		$(if $(KDIR),--kdir "$(KDIR)")
	@scripts/overlay/overlay.py build --base $(BUILD)/base.git \
		--tree $(TREE) --cache $(BUILD)/cache --report $(BUILD)/report
	@$(CONVERT) page --report $(BUILD)/report

# What kernels and tests need beyond what the tree needs.
packages:
	$(call packages,test)

# ---- the kernel in a virtual machine ---------------------------------------

SELFTESTS := $(abspath $(TREE))/tools/testing/selftests/mm
GUEST_TESTS := $(patsubst %,$(SELFTESTS)/%.c,mmap_proto mmap_proto_driver \
	       mmap_proto_compare mmap_proto_overlay mmap_proto_stress \
	       mmap_proto_faults mmap_proto_freed) \
	       $(abspath $(TREE))/samples/guest_memfd/guest_memfd_vmm.c
# These have boots of their own, or need the debug kernel.
LONG_TESTS := mmap_proto_stress mmap_proto_faults mmap_proto_freed \
	      guest_memfd_guest_test guest_memfd_attack_test \
	      guest_memfd_attack_io_test guest_memfd_attack_kvm_test \
	      guest_memfd_attack_proc_test guest_memfd_stress_test

IN_QEMU = $(MAKE) -s --no-print-directory -C $(QEMU_DIR) \
	KSRC=$(abspath $(TREE)) BUILD=$(abspath $(BUILD)/qemu) \
	GUEST_TESTS="$(GUEST_TESTS)" LONG_TESTS="$(LONG_TESTS)"

boot shell: tree packages
	@$(IN_QEMU) $@

# ---- what comes of it ------------------------------------------------------

series: tree
	@scripts/overlay/patches.py --tree $(TREE) --output $(BUILD)/series

status:
	@$(CONVERT) page --report $(BUILD)/report
	@$(CONVERT) status --report $(BUILD)/report

# A driver out of the tree: the diff that converts it, or the files changed.
M ?=
IN_PLACE ?= no

convert:
	@test -n "$(M)" || { echo 'Say which folder holds the driver:' \
		'make convert M=/path/to/driver' >&2; exit 1; }
	@case "$(IN_PLACE)" in yes|no) ;; *) echo 'IN_PLACE is yes or no, not' \
		'"$(IN_PLACE)".' >&2; exit 1 ;; esac
	$(call packages,tree)
	@$(CONVERT) dir $(if $(filter yes,$(IN_PLACE)),--in-place) -- "$(M)"

bench: tree packages
	@tools/bench/bench.py --build $(BUILD)

# ---- tests -----------------------------------------------------------------

# How long `make fuzz` looks for bugs, in seconds; `make check` does for 60.
FUZZ_SECONDS ?= 3600

# What it finds, and what it has learned, is kept below $(BUILD)/fuzz.
fuzz: tree packages
	@TREE=$(abspath $(TREE)) FUZZ_SECONDS=$(FUZZ_SECONDS) \
		tools/testing/overlay/fuzz.t

# No kernel is built for these.
FAST_TESTS := tools/testing/overlay/source.t \
	$(sort $(wildcard scripts/overlay/tests/*.t)) \
	$(sort $(wildcard scripts/coccinelle/mmap_proto/tests/*.t)) \
	tools/testing/overlay/ktap.t tools/testing/overlay/harness.t \
	tools/testing/overlay/coverage.t tools/testing/overlay/findings.t \
	$(sort $(wildcard tools/bench/tests/*.t))

# Nor for this, but it takes its time.
FUZZ_TESTS := tools/testing/overlay/fuzz.t

# Ordered so that the kernel is built once, by the first that needs it.
KERNEL_TESTS := tools/testing/overlay/tree.t \
	$(QEMU_DIR)/boot.t \
	$(QEMU_DIR)/stress.t $(QEMU_DIR)/gmem_stress.t \
	$(sort $(wildcard $(QEMU_DIR)/tests/*.t)) \
	$(QEMU_DIR)/ab/ab.t \
	tools/testing/overlay/kunit.t tools/testing/overlay/series.t \
	tools/testing/overlay/converted.t tools/testing/overlay/documents.t

# The debug kernel is built by the first.
FULL_TESTS := $(QEMU_DIR)/debug.t \
	$(QEMU_DIR)/freed.t $(QEMU_DIR)/gmem_guests.t \
	$(QEMU_DIR)/gmem_debug.t $(QEMU_DIR)/gmem_kcsan.t \
	$(QEMU_DIR)/gmem_module.t \
	$(QEMU_DIR)/ab/ab_full.t \
	tools/testing/overlay/kunit_debug.t tools/testing/overlay/nommu.t \
	tools/testing/overlay/cross.t

# The tests find what they need in the environment: $TREE those of the tree,
# $KSRC and the rest those of the virtual machine, as `make boot` does.
check check-fast check-full: export TREE := $(abspath $(TREE))
check check-fast check-full: export KSRC := $(abspath $(TREE))
check check-fast check-full: export GUEST_TESTS := $(GUEST_TESTS)
check check-fast check-full: export LONG_TESTS := $(LONG_TESTS)

check-fast: tree packages
	@BUILD=$(abspath $(BUILD)/qemu) $(PROVE) -j$$(nproc) $(FAST_TESTS)

check: tree packages
	@BUILD=$(abspath $(BUILD)/qemu) $(PROVE) $(FAST_TESTS) $(FUZZ_TESTS) \
		$(KERNEL_TESTS)

check-full: tree packages
	$(call packages,cross)
	@BUILD=$(abspath $(BUILD)/qemu) $(PROVE) $(FAST_TESTS) $(FUZZ_TESTS) \
		$(KERNEL_TESTS) $(FULL_TESTS)

# By name: BUILD may be a folder that holds other things too.
clean:
	@rm -rf $(foreach made,base.git base.git.* linux linux.* cache convert \
		report series series.new bench check fuzz qemu qemu-debug \
		qemu-kcsan kunit ab,$(BUILD)/$(made))
	@rmdir $(BUILD) 2> /dev/null || true

help:
	@echo 'mmap-proto: describe a mapping before it is made, for Linux 6.12'
	@echo
	@echo '  make             install what is missing, make the tree, convert,'
	@echo '                   report, and print a summary'
	@echo '  make check       run all tests (boots kernels; about an hour)'
	@echo '  make check-full  these, and those of a debug kernel (hours)'
	@echo '  make check-fast  run the tests that need no kernel (under 3 minutes)'
	@echo '  make fuzz        fuzz mmap() in userland; $(BUILD)/fuzz has what it finds'
	@echo '  make boot        build the kernel, boot it under QEMU, run the tests in it'
	@echo '  make shell       a prompt in the same machine; Ctrl-A X ends it'
	@echo '  make series      write the commits as patches to $(BUILD)/series'
	@echo '  make status      the table of mmap hooks again'
	@echo '  make convert     print what converts a driver that is out of the tree'
	@echo '  make bench       count what mmap() costs, beside what it may cost'
	@echo '  make tree        the tree alone; it is in $(TREE)'
	@echo '  make packages    install what kernels and tests need'
	@echo '  make clean       remove what was made below $(BUILD)'
	@echo
	@echo '  KDIR=/path       use this 6.12 tree as the base; it is only read'
	@echo '  PACKAGES=no      install no packages'
	@echo '  M=/path          the folder of the driver to convert'
	@echo '  IN_PLACE=yes     change its files, instead of printing a diff'
	@echo '  FUZZ_SECONDS=60  how long to fuzz; without it an hour'
