#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# prove, and at the end what failed once more: of a long log people and
# machines keep the end.
#
# Usage: prove.sh [OPTION of prove]... TEST...
set -eu

# Of each failure in $1, what a test has printed, the first lines and the last.
failures()
{
	awk -v name="$(basename "$1")" '
		function flush(i) {
			if (!lines)
				return
			print "---- " name
			for (i = 1; i <= lines; i++)
				if (i <= 40 || i > lines - 30)
					print line[i]
				else if (i == 41)
					print "# ..."
			lines = 0
		}
		/^ok / { flush() }
		/^not ok / { flush(); line[lines = 1] = $0; next }
		lines { line[++lines] = $0 }
		END { flush() }' "$1"
}

# Each test is run by this script again, which keeps what it prints. What failed
# is shown at once, for those who see a part of the log alone.
if [ -n "${PROVE_KEEPS-}" ]; then
	kept=$PROVE_KEEPS/$(echo "$1" | tr / -)
	unset PROVE_KEEPS
	{ "$@" || echo $? > "$kept.status"; } | tee "$kept"
	failures "$kept" >&2
	[ ! -e "$kept.status" ] || exit "$(cat "$kept.status")"
	exit 0
fi

PROVE_KEEPS=$(mktemp -d)
export PROVE_KEEPS
trap 'rm -rf "$PROVE_KEEPS"' EXIT
trap 'exit 130' INT TERM

status=0
prove --timer --exec "$0" "$@" || status=$?
[ $status = 0 ] && exit

for kept in "$PROVE_KEEPS"/*; do
	[ ! -e "$kept" ] || failures "$kept"
done
exit $status
