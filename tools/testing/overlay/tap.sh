# SPDX-License-Identifier: GPL-2.0-only
# For test scripts in sh, to be sourced: lines of TAP, and the log of each.
#
# $log	file with the output of what is tested; set it before

failed=0
number=0

# result STATUS TEXT: one line of TAP, with the end of the log on failure.
result()
{
	number=$((number + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $number - $2"
	else
		failed=1
		echo "not ok $number - $2"
		tail -n "${log_lines:-60}" "$log" | sed 's/^/# /'
	fi
}

# finish: the plan, and the exit status.
finish()
{
	echo "1..$number"
	exit $failed
}
