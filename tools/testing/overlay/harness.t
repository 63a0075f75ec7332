#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Builds the userland tests in $TREE and runs them, under the address and the
# undefined behaviour sanitizer: those of mm, of guest_memfd's ranges, and of the
# maple tree that these are kept in.

root=$(cd "$(dirname "$0")/../../.." && pwd)
testing=${TREE:-$root/build/linux}/tools/testing
tests=$testing/vma
programs="mmap_proto mmap_action mmap_nested mmap_fault mmap_random"
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
# All of it.
log_lines=+1
. "$root/tools/testing/overlay/tap.sh"

# sanitized PROGRAM: is it linked with both sanitizers?
sanitized()
{
	nm "$1" > "$log" && grep -q __asan_init "$log" &&
		grep -q __ubsan_handle "$log"
}

echo "TAP version 13"
unset MAKEFLAGS MFLAGS MAKELEVEL

make -s -C "$tests" > "$log" 2>&1
result $? "tools/testing/vma builds"

unsanitized=
for program in vma $programs; do
	sanitized "$tests/$program" || unsanitized="$unsanitized $program"
done
[ -z "$unsanitized" ] || echo "not sanitized:$unsanitized" > "$log"
[ -z "$unsanitized" ]
result $? "with the address and undefined behaviour sanitizers"

timeout 60 "$tests/vma" > "$log" 2>&1
result $? "the tests that were there: $(tail -n 1 "$log")"

for program in $programs; do
	# The same sequences each time: `make fuzz` looks for others.
	[ "$program" != mmap_random ] || set -- -n 2000 1
	timeout 120 "$tests/$program" "$@" > "$log" 2>&1
	status=$?
	grep -q 'runtime error' "$log" && status=1
	echo "# Subtest: $program"
	sed 's/^/    /' "$log"
	result $status "$program: $(grep -c '^ok' "$log") tests"
done

# program FOLDER PROGRAM: build a program of another folder and run it
program()
{
	make -s -C "$testing/$1" "$2" > "$log" 2>&1 &&
		sanitized "$testing/$1/$2" &&
		timeout 120 "$testing/$1/$2" > "$log" 2>&1 &&
		! grep -q 'runtime error' "$log"
	status=$?
	echo "# Subtest: $2"
	sed 's/^/    /' "$log"
	result $status "$2: $(grep -c '^ok' "$log") tests"
}

program guest_memfd ranges
program radix-tree maple_destroy

finish
