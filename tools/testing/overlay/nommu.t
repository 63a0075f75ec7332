#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Whole kernels for machines without MMU, as the architectures configure them.

root=$(cd "$(dirname "$0")/../../.." && pwd)
tree=${TREE:-$root/build/linux}
check=$(dirname "$tree")/check
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
. "$root/tools/testing/overlay/tap.sh"
unset MAKEFLAGS MFLAGS MAKELEVEL
ccache=
! command -v ccache > /dev/null || ccache="ccache "

# kernel ARCH CROSS CONFIG: is vmlinux linked, without a warning?
kernel()
{
	out=$check/nommu-$1
	mkdir -p "$out"
	rm -f "$out/vmlinux"
	set -- "$1" "$2" "$3" ARCH="$1" CROSS_COMPILE="$2" O="$out" \
		CC="$ccache${2}gcc"
	arch=$1 config=$3
	shift 3
	make -s -C "$tree" "$@" "$config" > "$log" 2>&1 &&
		make -s -C "$tree" "$@" -j"$(nproc)" vmlinux >> "$log" 2>&1 &&
		[ -s "$out/vmlinux" ] && ! grep -q ' mm/.*warning:' "$log" &&
		! grep -q '^CONFIG_MMU=y' "$out/.config"
	result $? "$arch, $config: $(wc -c 2> /dev/null < "$out/vmlinux") bytes"
}

echo "TAP version 13"
kernel arm arm-linux-gnueabi- mps2_defconfig
kernel riscv riscv64-linux-gnu- nommu_virt_defconfig
finish
