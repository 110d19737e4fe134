#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Compares what the report says of the garbage collector with runtime.MemStats and
# runtime/metrics from inside the program, to the byte and the nanosecond.
# shellcheck disable=SC2016 # jq has variables, too
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

before=$tmp/before.json truth=$tmp/truth.json

# What the program says, without the bytes that the question itself allocates.
settled() { # FILE
	jq -c 'del(.scannable_bytes)' "$1"
}

# When the program answers the same before and after a census, nothing moved meanwhile. Go
# gives memory back little by little, so that takes some tries.
quiet_report() {
	local i

	for i in {1..20}; do
		ask truth >"$before"
		run 60 report --json --duration 0 "$target"
		ask truth >"$truth"
		[[ $(settled "$before") == "$(settled "$truth")" ]] && return
		sleep 0.2
	done
	diag "the program is never quiet"
	return 1
}

# jq drops digits of numbers above 2^53, on both sides alike.
check_counters() { # NAME
	ok "$label: $1: nothing moves" quiet_report
	is "$label: $1: exit code" "$rc" 0
	none "$label: $1: what the program says" "$out" '.gc as $got | $truth[0] | to_entries[]
		| select(.key != "cpu_share" and .key != "scannable_bytes" and .value != $got[.key])
		| [.key, .value, $got[.key]]' --slurpfile truth "$truth"
	holds "$label: $1: scannable bytes" "$out" '.gc.scannable_bytes as $got
		| $truth[0].scannable_bytes
			| . == null or ($got >= $before[0].scannable_bytes and $got <= .)' \
		--slurpfile truth "$truth" --slurpfile before "$before"
	holds "$label: $1: share of CPU since the start" "$out" \
		'.gc.cpu_share == ($truth[0].cpu_share | tonumber)' --slurpfile truth "$truth"
}

check_watched() {
	local scan

	ask truth >"$before"
	ok "$label: maptrace attaches" watch --json --duration 300s "$target"
	ask 'garbage 300' >/dev/null
	ask 'collect 7' >"$truth"
	kill -INT "$watcher"
	watch_ended
	for what in cycles forced_cycles pause_total_ns; do
		is "$label: watched: $what" "$(jq ".gc.watched.$what" "$out")" \
			"$(($(jq ".$what" "$truth") - $(jq ".$what" "$before")))"
	done
	holds "$label: watched: more than those asked for" "$out" \
		'.gc.watched | .forced_cycles == 7 and .cycles > 7'
	is "$label: watched: the last pause" "$(jq .gc.watched.pause_last_ns "$out")" \
		"$(jq .pause_last_ns "$truth")"
	holds "$label: watched: the longest pause is one" "$out" '.gc.watched
		| .pause_max_ns >= .pause_last_ns and .pause_max_ns <= .pause_total_ns
			and .pause_max_ns * .cycles >= .pause_total_ns'
	if [[ $(jq 'has("cpu_gc_ns")' "$truth") == true ]]; then
		holds "$label: watched: share of CPU" "$out" '.gc as $gc
			| ($gc.watched.cpu_share * ($gc.cpu_all_ns - $first)
				- ($truth[0].cpu_gc_ns - $before[0].cpu_gc_ns) | fabs) < 1000' \
			--slurpfile truth "$truth" --slurpfile before "$before" --argjson first "$cpu_all"
	fi
	holds "$label: tables with pointers are scanned, others not" "$out" '. as $r
		| ([$r.maps[] | select(.type == "map[int]*int") | .table_bytes] | add) as $index
		| ($index > 500000 and $r.gc.map_scannable_bytes >= $index
			and $r.gc.map_scannable_bytes < $index + 100000) or [$index, $r.gc, $r.census]'
}

check() { # VERSION VARIANT HOW_MUCH
	label="go$1, $2"
	build "$1" collector "$2"
	start "$bin"
	check_counters 'at first'
	holds "$label: settings" "$out" '.gc.gogc_percent == 150 and .gc.memory_limit_bytes == null'
	cpu_all=$(jq .gc.cpu_all_ns "$out")
	check_watched
	[[ $3 == all ]] && check_more
	run 60 report --duration 1s "$target"
	ok "$label: in text" grep -q '^GC  live heap ' "$out"
	stop
}

check_more() {
	ask 'limit 40' >/dev/null
	ask 'collect 1' >/dev/null
	check_counters 'with a memory limit'
	is "$label: the limit" "$(jq .gc.memory_limit_bytes "$out")" $((40 << 20))
	is "$label: which takes the goal down" \
		"$(jq '.gc | .heap_goal_bytes < .memory_limit_bytes' "$out")" true
	ask 'collect 300' >/dev/null
	check_counters 'more cycles than the ring has'
}

versions=$("$top/scripts/go-toolchain.sh" --list)
for version in $versions; do
	check "$version" stripped some
done
check 1.19 plain all
check 1.24 debian all
check 1.27 noopt all
finish
