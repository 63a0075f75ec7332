#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Fuzzes mmap() in userland: libFuzzer makes up sequences of operations, and
# each is compared with a model. Starts from the corpus in the repository and
# from what was learned before, which is kept in the folder fuzz beside $TREE,
# as is an input that crashes. FUZZ_SECONDS says how long.
#
# What was learned becomes the corpus of the repository, as small as it can be:
#	mmap_fuzz -set_cover_merge=1 -use_counters=0 CORPUS build/fuzz/corpus

root=$(cd "$(dirname "$0")/../../.." && pwd)
tree=${TREE:-$root/build/linux}
tests=$tree/tools/testing/vma
seconds=${FUZZ_SECONDS:-60}
dir=$(dirname "$tree")/fuzz
corpus=$root/tools/testing/vma/corpus
log=$dir/log
. "$root/tools/testing/overlay/tap.sh"

# run OPTION...: the fuzzer, with its output in the log.
run()
{
	"$tests/mmap_fuzz" -max_len=1024 -timeout=20 -print_final_stats=1 \
		-artifact_prefix="$dir/" "$@" > "$log" 2>&1
}

# covered: edges, features and corpus that the log tells last.
covered()
{
	sed -n 's/.* cov: \([0-9]*\) ft: \([0-9]*\) corp: \([^ ]*\).*/\1 edges, \2 features, \3 inputs and their size/p' \
		"$log" | tail -n 1
}

echo "TAP version 13"
unset MAKEFLAGS MFLAGS MAKELEVEL
mkdir -p "$dir/corpus" || exit 1

make -s -C "$tests" mmap_fuzz > "$log" 2>&1
result $? "the fuzz target builds"

run -runs=0 "$corpus"
result $? "the corpus of the repository: $(covered)"

run -max_total_time="$seconds" "$dir/corpus" "$corpus"
status=$?
runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
result $status "$seconds s: ${runs:-no} executions, $(covered)"
if [ $status -ne 0 ]; then
	input=$(sed -n 's/.*Test unit written to \(.*\)/\1/p' "$log" | tail -n 1)
	echo "# To repeat it: $tests/mmap_fuzz $input"
fi

finish
