#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Whole kernels for machines without MMU, as the architectures configure them.

root=$(cd "$(dirname "$0")/../../.." && pwd)
tree=${TREE:-$root/build/linux}
check=$(dirname "$tree")/check
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
unset MAKEFLAGS MFLAGS MAKELEVEL
ccache=
! command -v ccache > /dev/null || ccache="ccache "
failed=0
number=0

# kernel ARCH CROSS CONFIG: is vmlinux linked, without a warning?
kernel()
{
	out=$check/nommu-$1
	number=$((number + 1))
	mkdir -p "$out"
	rm -f "$out/vmlinux"
	set -- "$1" "$2" "$3" ARCH="$1" CROSS_COMPILE="$2" O="$out" \
		CC="$ccache${2}gcc"
	arch=$1 config=$3
	shift 3
	if make -s -C "$tree" "$@" "$config" > "$log" 2>&1 &&
	   make -s -C "$tree" "$@" -j"$(nproc)" vmlinux >> "$log" 2>&1 &&
	   [ -s "$out/vmlinux" ] && ! grep -q ' mm/.*warning:' "$log" &&
	   ! grep -q '^CONFIG_MMU=y' "$out/.config"; then
		echo "ok $number - $arch, $config: $(wc -c < "$out/vmlinux") bytes"
	else
		failed=1
		echo "not ok $number - $arch, $config"
		tail -n 30 "$log" | sed 's/^/# /'
	fi
}

echo "TAP version 13"
kernel arm arm-linux-gnueabi- mps2_defconfig
kernel riscv riscv64-linux-gnu- nommu_virt_defconfig
echo "1..$number"
exit $failed
