#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The verdict: programs that have something wrong with their memory get the finding for it
# and exit code 1, those that nearly have it get none and exit code 0. What a finding says
# comes back does come back.
# shellcheck disable=SC2016 # jq has variables, too
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

report=$tmp/report.json

enter() { # VERSION STATE [VARIABLE=VALUE...]
	local version=$1 state=$2
	shift 2

	build "$version" verdicts stripped
	start env "$@" "$bin" -state "$state"
}

judge() { # OPTION...
	run 60 report --json "$@" "$target"
	cp "$out" "$report"
}

# Exit code 1 comes with a line on stderr.
is_found() { # NAME KIND SEVERITY STATE
	is "$1: exit code" "$rc" 1
	ok "$1: stderr says what failed" grep -q "^maptrace: failed on $3 $2" "$err"
	holds "$1: $2, $3, $4" "$report" '.verdict.state == $state and (.verdict.text | length > 10)
		and any(.findings[]; .kind == $kind and .severity == $severity
			and (.headline | length > 10) and (.remedy | length > 10))' \
		--arg kind "$2" --arg severity "$3" --arg state "$4"
}

is_fine() { # NAME
	is "$1: exit code" "$rc" 0
	is "$1: silent on stderr" "$(cat "$err")" ''
	holds "$1: the verdict is fine" "$report" '.verdict.state == "fine"
		and (.verdict.text | startswith("No waste of ")) and all(.findings[]; .severity == "info")'
}

rss_now() {
	jq .rss <<<"$1"
}

# comes_back NAME KIND: what the finding promises, within 2 % and 2 MiB.
comes_back() {
	local promised before after

	promised=$(jq --arg kind "$2" '[.findings[] | select(.kind == $kind).gives_back_bytes] | add' "$report")
	before=$(rss_now "$(ask rss)")
	after=$(rss_now "$(ask remedy)")
	ok "$1: of $promised bytes $((before - after)) came back" \
		test $((before - after)) -ge $((promised - promised / 50 - (2 << 20)))
}

check() { # VERSION
	local label=go$1

	enter "$1" full
	judge --duration 0
	is_fine "$label, a presized map that is full"
	stop
	enter "$1" filled
	judge --duration 0
	is_fine "$label, a map that was filled"
	stop
	enter "$1" burst
	judge --duration 0
	is_fine "$label, after a burst"
	stop
	enter "$1" small
	judge --duration 0
	is_found "$label, a small process" map_holes warn wasteful
	holds "$label, a small process: less than 32 MiB" "$report" '.findings[0].bytes < 32 * 1048576'
	comes_back "$label, a small process" map_holes
	judge --duration 0
	is_fine "$label, a small process, rebuilt"
	stop
}

check_thresholds() {
	enter 1.24 small
	judge --duration 0 --fail-on 90%
	is 'a share that nothing has' "$rc" 0
	judge --duration 0 --fail-on 10%
	is 'a share that is reached' "$rc" 1
	judge --duration 0 --fail-on critical
	is 'a severity that nothing has' "$rc" 0
	judge --duration 0 --min-waste 1G --fail-on 1M
	is 'less than --min-waste is honoured' "$rc" 1
	ok 'and said' grep -q '^maptrace: failed on warn map_holes of ' "$err"
	judge --duration 0 --min-waste 95%
	is 'a share for --min-waste' "$rc" 0
	run 10 report --from "$report" --fail-on 1
	is 'a saved report has what it listed' "$rc" 0
	stop
}

check_kinds() {
	enter 1.24 presized
	judge --duration 0
	is_found 'a size hint' oversized_map warn wasteful
	comes_back 'a size hint' oversized_map
	stop
	enter 1.24 emptied
	judge --duration 0
	is_found 'emptied, and fuller once' map_holes warn wasteful
	holds 'emptied: it is not taken for a size hint' "$report" 'all(.findings[]; .kind != "oversized_map")'
	stop
	enter 1.24 empty_sets
	judge --duration 0
	is_found 'empty sets' emptied_members warn wasteful
	holds 'empty sets: all of them' "$report" '[.findings[] | select(.kind == "emptied_members")]
		| length == 1 and .[0].maps == 199000 and (.[0].remedy | startswith("Delete their keys"))
			and .[0].holder.kind == "map"'
	comes_back 'empty sets' emptied_members
	stop
	enter 1.24 double_buffer
	judge --duration 5s --min-waste 1M
	holds 'a double buffer: no rebuild advice' "$report" \
		'all(.findings[]; .kind != "map_holes" or .bytes < 4 * 1048576)'
	stop
	enter 1.24 sharded
	judge --duration 0
	is_found 'shards' map_holes warn wasteful
	holds 'shards: one finding for all' "$report" '[.findings[] | select(.kind == "map_holes")]
		| length == 1 and .[0].maps == 256'
	comes_back 'shards' map_holes
	stop
	enter 1.24 memlimit GOMEMLIMIT=70MiB
	ok 'a memory limit: it binds' wait_for 30 binds
	judge --duration 3s
	holds 'a memory limit: told' "$report" '.gc.limit_binds
		and any(.findings[]; .kind == "gc_thrash" and (.remedy | contains("GOMEMLIMIT")))
		and .verdict.state == "in_danger"'
	stop
	enter 1.24 mapped
	judge --duration 4s
	holds 'own mappings: told' "$report" \
		'any(.findings[]; .kind == "mapped_memory" and .bytes >= 64 * 1048576)
			and .memory.outside.has_libc == false'
	stop
}

# Clears of a map that has far more slots than keys.
check_clears() { # VERSION
	local before after

	enter "$1" cleared
	before=$(ask rss)
	judge --duration 3s --fail-on never
	after=$(ask rss)
	holds "go$1, cleared: told, with the keys and the caller" "$report" '
		[.findings[] | select(.kind == "clear_cost")] | length == 1 and (.[0]
			| .severity == "info" and .maps == 1 and .slots >= 2000000
				and (.headline | contains("for 10,000 keys each time"))
				and (.caller.caller | contains("clearer")))'
	holds "go$1, cleared: about as often as the program says" "$report" '
		(($after.clears - $before.clears) / ($after.ms - $before.ms) * 1000) as $truth
		| .findings[] | select(.kind == "clear_cost") | .headline
		| capture("cleared (?<n>[0-9.]+) times").n | tonumber / $truth | . > 0.6 and . < 1.5' \
		--argjson before "$before" --argjson after "$after"
	stop
	for state in small_cleared seldom; do
		enter "$1" "$state"
		judge --duration 3s --fail-on never
		none "go$1, $state: none" "$report" '.findings[] | select(.kind == "clear_cost")'
		stop
	done
}

binds() {
	run 60 report --duration 0 --json --fail-on never "$target"
	jq -e '.gc.limit_binds' "$out" >/dev/null
}

check_arenas() {
	build 1.24 marenas cgo-external
	start "$bin"
	judge --duration 0
	is_found "C's arenas" c_memory warn wasteful
	holds "C's arenas: in arenas" "$report" '.memory.outside
		| .has_libc and .c_arenas >= 4 and .c_arena_bytes >= 60 * 1048576'
	stop
	build 1.24 userarena arenas
	start "$bin"
	judge --duration 0
	holds 'a user arena: the census is there' "$report" '.census.status == "ok" and .gc.status == "ok"
		and .memory.user_arena_bytes > 8000000 and .heap.dropped_descriptors == 0'
	stop
	start "$bin" -many
	judge --duration 0
	holds 'arenas that come and go: the census is there' "$report" '.census.status == "ok"'
	stop
}

# No row beyond RSS has advice, and a ledger that does not add up says so.
check_swinging() { # VERSION
	local i

	enter "$1" swinging
	for i in 1 2 3 4; do
		judge --duration 0 --fail-on never
		holds "go$1, a swinging heap, $i: moving or right" "$report" '.memory as $m
			| ([$m.unexplained_bytes, -$m.unexplained_bytes] | max) as $off
			| $m.moving == ($off * 20 > $m.rss_bytes)
				and all($m.rows[]; .resident_bytes <= $m.rss_bytes or .gives_back_bytes == 0)'
	done
	stop
}

check 1.19
check 1.24
check_thresholds
check_kinds
check_arenas
check_clears 1.19
check_clears 1.24
check_swinging 1.24
finish
