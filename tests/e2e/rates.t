#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Compares rates and their intervals with programs that count what they do. 95 of 100
# intervals should have the truth in them; 90 must.
#
#   tests/e2e/rates.t              a few runs: finds what is plainly wrong
#   RUNS=25 tests/e2e/rates.t      the real test, 200 programs (make coverage)
#
# A program is watched for 4 s; each of its maps gives two intervals.
# shellcheck disable=SC2016,SC2317 # jq has variables, too; `ok` calls functions
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

runs=${RUNS:-2}
before=$tmp/before.json after=$tmp/after.json

# A target that pauses catches up afterwards, all at once. So it never pauses, and its rates
# are the same before and after.
watch_rates() { # SECONDS
	watch --json --duration 300s "$target" || bail "maptrace does not attach: $(cat "$err")"
	ask truth >"$before"
	sleep "$1"
	ask truth >"$after"
	kill -INT "$watcher"
	watch_ended
	stop
}

# One line for each map and operation: the truth, the interval, whether it has the truth.
intervals() {
	jq -n -c --slurpfile before "$before" --slurpfile after "$after" --slurpfile report "$out" '
		($report[0].maps | INDEX(.address)) as $rows
		| ($before[0].maps | INDEX(.name)) as $old
		| (($after[0].mono_ns - $before[0].mono_ns) / 1e9) as $seconds
		| $after[0].maps[] | . as $map | $rows[.addr].activity as $activity
		| (["insert", "inserts_new"], ["delete", "deletes"]) as [$op, $count]
		| ($map[$count] - $old[$map.name][$count]
			+ (if $op == "insert" then $map.updates - $old[$map.name].updates else 0 end)) as $did
		| ($did / $seconds) as $truth
		| $activity[$op] as $got
		| {name: $map.name, op: $op, $truth, hits: ($got.hits // 0), per_s: $got.per_s,
			low: $got.per_s_low, high: $got.per_s_high, rough: $got.per_s_is_rough,
			inside: (($got.hits // 0) > 0 and $got.per_s_low <= $truth
				and ($got.per_s_high == null or $got.per_s_high >= $truth))}'
}

scenario() { # NAME OPTION...
	local i

	label=$1
	shift
	: >"$tmp/intervals"
	for ((i = 0; i < runs; i++)); do
		start "$bin" -every 0 -growths=false "$@"
		watch_rates 4
		intervals >>"$tmp/intervals"
	done
	jq -s -r --arg name "$label" '"# \($name): \(map(select(.inside)) | length) of \(length)"
		+ " intervals have the truth in them, \(map(select(.rough)) | length) are rough, mean width"
		+ " \(map(select(.high) | (.high - .low) / .truth) | if length > 0 then add / length * 100
			| floor else "-" end) %"' "$tmp/intervals"
	cat "$tmp/intervals" >>"$tmp/all"
	none "$label: all that was done is seen" "$tmp/intervals" 'select(.hits == 0)'
}

build "${GO:-1.24}" churn stripped
: >"$tmp/all"
scenario steady -maps 1 -inserts-per-s 20000 -deletes-per-s 5000 -updates-per-s 10000
scenario bursty -maps 1 -inserts-per-s 3000 -deletes-per-s 1000 -cycle 400ms -duty 0.15
scenario 'several maps' -maps 6 -kind fast64,faststr,generic -inserts-per-s 6000 -deletes-per-s 3000
scenario 'several goroutines' -maps 8 -goroutines 8 -kind fast64 -inserts-per-s 20000 -deletes-per-s 10000

runs=${RUNS:-1}
scenario 'bursts of 1, pauses of 0.3 ms' -maps 1 -bursts 1 -pause 300us
scenario 'bursts of 64, pauses of 3 ms' -maps 1 -bursts 64 -pause 3ms
scenario 'bursts of 4,096, pauses of 50 ms' -maps 1 -bursts 4096 -pause 50ms
scenario saturated -maps 1 -busy

# Few intervals miss by chance. Many miss only if they are wrong.
jq -s . "$tmp/all" >"$tmp/list"
holds "of $(wc -l <"$tmp/all") intervals enough have the truth in them" "$tmp/list" \
	'(map(select(.inside)) | length) as $inside | $inside >= length * $part' \
	--argjson part "$([[ $runs -ge 25 ]] && echo 0.9 || echo 0.75)"
holds 'the shares of all operations add up' "$out" '[(.maps[], .trace.not_in_census[])
	| .activity // {} | .[].share_of_operations // 0] | add | . > 0.99 and . < 1.01'
diag "$(jq -c 'select(.inside | not)' "$tmp/all" | head -20)"
finish
