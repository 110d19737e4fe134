#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The cost of probes stays within the budget, whatever the target does. What is watched all
# the time is complete nevertheless.
# shellcheck disable=SC2016,SC2317 # jq has variables, too; `ok` calls functions
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

before=$tmp/before.json after=$tmp/after.json

# A map that grows to 3,000 keys in a second, beside all else that the program does.
growing=(-grow 3000 -grow-every 1s -growths)

watch_load() { # SECONDS BUDGET OPTION...
	local seconds=$1 budget=$2
	shift 2

	ask pause >"$before"
	ok "$label: maptrace attaches" watch --json --duration 300s --max-overhead "$budget" "$@" \
		"$target"
	ask resume >/dev/null
	sleep "$seconds"
	ask pause >"$after"
	kill -INT "$watcher"
	watch_ended
	is "$label: exit code" "$rc" 0
}

check_receipt() { # SHARE
	holds "$label: $(jq -r '.cost | "\(.share_of_core * 1e6 | floor / 1e4) % of a core for \(.probe_hits) hits"
		' "$out") is in the budget" "$out" \
		'.cost | .max_overhead == $share and .hits_ns <= .budget_ns and .budget_held' \
		--argjson share "$1"
	holds "$label: which is that of the run, or of ten seconds" "$out" '
		([.cost.run_ns, 1e10] | max) * $share | . - $out[0].cost.budget_ns | fabs < 1000' \
		--argjson share "$1" --slurpfile out "$out"
	holds "$label: the cost is hits times their prices" "$out" '.cost.hits_ns as $ns
		| .cost.probe_hits as $hits
		| [.trace.sites[] | (.hits - .late_hits) * .price_ns + .late_hits * .late_price_ns] | add
		| . >= $ns * 0.999 and . <= $ns * 1.001 and ($hits == 0 or . > 50 * $hits)'
	holds "$label: all hits are counted" "$out" '.cost.probe_hits == ([.trace.sites[].hits] | add)
		and .cost.probe_hits == ([.trace | .hot, .rare, .make | .hits + .late_hits] | add)
		and all(.trace.sites[]; .late_hits <= .hits)'
	holds "$label: who saw nothing says why" "$out" \
		'.trace.hot | .windows > 0 or .out_of_budget or .status == "refused"'
	# Where hits are dear and the budget small, a window may end by its hits, which is told.
	holds "$label: every growth is reported, and none twice" "$out" '
		def growths: map(.maps[] | .growths + .same_size_growths) | add;
		([.trace.events[] | select(.operation == "grow")] | length) as $got
		| (($after | growths) - ($before | growths)) as $grown
		| if .trace.rare.windows_ended_by_hits == 0 then $got == $grown
		  else ($grown == 0 or $got > 0) and $got <= $grown end' \
		--slurpfile before "$before" --slurpfile after "$after"
	ok "$label: the code is as it was" text_is_clean "$target"
}

check_load() { # SECONDS BUDGET SHARE OPTION...
	local seconds=$1 budget=$2 share=$3
	shift 3

	start "$bin" -every 0 "${growing[@]}" "$@"
	watch_load "$seconds" "$budget"
	check_receipt "$share"
	stop
}

check_version() { # VERSION
	build "$1" churn stripped
	label="go$1, 64 threads on one map, 1 %"
	check_load 5 1% 0.01 -busy -hammer 64 -kind fast64
	label="go$1, 64 threads on one map, 0.1 %"
	check_load 2 0.1% 0.001 -busy -hammer 64 -kind faststr
	label="go$1, from 0 to all, 5 %"
	check_load 3 5% 0.05 -busy -busy-after 1s -maps 2 -goroutines 2
	label="go$1, from 0 to all, 1 %"
	check_load 4 1% 0.01 -busy -busy-after 1s -maps 2 -goroutines 2 -kind fast64
}

# Makes with a size and clears are watched all the time, as long as the budget lasts.
# Growths have a quota of their own, apart from makes.
check_rare_crowd() { # VERSION
	build "$1" churn stripped
	label="go$1, makes without end, 1 %"
	check_load 4 1% 0.01 -maker -busy-after 1s
	check_crowd make made
	label="go$1, clears without end, 1 %"
	start "$bin" -every 0 -clearer -busy-after 1s
	watch_load 4 1%
	check_receipt 0.01
	check_crowd rare cleared
	stop
}

check_crowd() { # GROUP COUNTER
	ok "$label: there were a hundred times as many as were looked at" \
		test "$(jq ".$2" "$after")" -gt "$(jq ".trace.$1.hits * 100" "$out")"
	holds "$label: they fill its windows" "$out" \
		'.trace[$group] | .windows_ended_by_hits >= 2 and .hits <= .windows * .quota_hits' \
		--arg group "$1"
}

# A watch of the usual length has windows over all of its time, also when the program
# becomes busy in the middle.
check_default() { # VERSION
	local seconds=10 least

	build "$1" churn stripped
	for after_s in 0 6; do
		label="go$1, busy after $after_s s, 10 s at 1 %"
		start "$bin" -every 0 -growths=false -busy -busy-after "${after_s}s" -maps 2 -goroutines 2
		run 60 report --json --duration "${seconds}s" "$target"
		is "$label: exit code" "$rc" 0
		holds "$label: it stays in the budget" "$out" \
			'.cost | .max_overhead == 0.01 and .hits_ns <= .budget_ns and .budget_held'
		least=$((after_s ? 2 : 6))
		holds "$label: there are windows, full of hits" "$out" '.trace.hot
			| .windows >= $least and .hits >= 50 * $least' --argjson least "$least"
		holds "$label: both maps are seen" "$out" \
			'[.maps[] | select(.activity.insert.hits > 0 and .activity.delete.hits > 0)] | length == 2'
		stop
	done
}

check_nothing() {
	label='no budget'
	start "$bin" -every 0 "${growing[@]}" -busy
	watch_load 1 0
	holds "$label: no inserts are looked at" "$out" \
		'.trace.hot | .status == "refused" and .windows == 0 and .hits == 0'
	stop
}

check_perf() {
	label='perf, 5 %'
	start "$bin" -every 0 "${growing[@]}" -busy -maps 2 -goroutines 2
	watch_load 4 5% --attach perf
	check_receipt 0.05
	stop
}

check_usage() {
	local share

	for share in x 1 -1% 101% 1%% '' nan%; do
		run 10 report --max-overhead "$share" $$
		refused "--max-overhead '$share'" 2 'is not a share'
	done
}

check_version 1.19
check_version 1.24
check_rare_crowd 1.24
check_default 1.24
check_nothing
check_perf
check_usage
finish
