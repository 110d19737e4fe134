#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Maps that nothing holds are garbage, and maps that anything holds are not.
#
# GARBAGE_RUNS    reports of a program whose maps move, for each version: 6, or a thousand by hand
# shellcheck disable=SC2016,SC2317 # jq has variables, too; `ok` calls functions
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

truth=$tmp/truth.json

# Whether each map of the report is reachable, by address.
by_address='(.maps | map({(.address): .reachable}) | add) as $reach | $t[0] as $t'

check_held() {
	none "$label: what is held is reachable" "$out" "$by_address"'
		| $t.held | to_entries[] | select($reach[.value] != true) | [.key, $reach[.value]]' \
		--slurpfile t "$truth"
	holds "$label: all kinds of holders were there" "$truth" ".held | length >= 14"
}

# Up to one in a hundred may be held by a stale word.
check_garbage() {
	holds "$label: what nothing holds is garbage" "$out" "$by_address"'
		| [$t.garbage[] | $reach[.]] | length as $all | (map(select(. == false)) | length) as $so
		| ($all > 5000 and $so > 0.99 * $all) or [$all, $so]' --slurpfile t "$truth"
	holds "$label: garbage is in no sum and no row" "$out" \
		'.census.totals.maps < 500 and (.groups | map(.maps) | add) < 500'
	is "$label: and no finding" "$(jq -c '[.findings[].kind]' "$out")" '[]'
	is "$label: exit code" "$rc" 0
}

# The program says what came back.
check_collected() { # BEFORE
	local after called

	after=$(ask collect | jq .heap_alloc)
	called=$(jq .memory.garbage_bytes "$out")
	is "$label: a collection frees what was called garbage, to 1 %" \
		"$(jq -n --argjson b "$1" --argjson a "$after" --argjson c "$called" \
			'($b - $a) / $c | . > 0.99 and . < 1.01 or [$b, $a, $c]')" true
}

# It has a time limit, which a busy machine may need for less than all.
garbage_is_known() {
	run 60 report --duration 0 --json --min-waste 1M "$target"
	jq -e '.graph.reach | .status == "ok" and .reason == null' "$out" >/dev/null
}

check_quiet() { # VERSION VARIANT
	local before

	label="go$1, $2"
	build "$1" garbage "$2"
	start "$bin"
	ask truth >"$truth"
	ok "$label: what is garbage is known" wait_for 60 garbage_is_known
	before=$(ask truth | jq .heap_alloc)
	check_held
	check_garbage
	check_collected "$before"
	stop
}

garbage_is_shown() { # WORDS
	run 60 report --duration 0 "$target"
	grep -q '^GARBAGE  [0-9.]* MiB in [0-9,]* objects' "$out" &&
		tr -s '\n ' '  ' <"$out" | grep -Eq "the next collection frees it$1"
}

# What starts the next collection: nothing, the limit, or two minutes.
check_when() {
	ok "in text: nothing frees it" wait_for 60 garbage_is_shown ', but nothing starts one \(GOGC=off\)'
	ask 'limit 2048' >"$truth"
	ok "in text: the limit" wait_for 60 garbage_is_shown ': .*at [0-9.]* [MG]iB of heap, by the memory limit, now'
	ask 'gogc 1000000' >"$truth"
	ask 'limit 1048576' >"$truth"
	ok "in text: two minutes" wait_for 60 garbage_is_shown ': forced in about [0-9m.]* ?s, or before that at'
	run 60 report --duration 0 --json "$target"
	holds "and in JSON" "$out" '.gc | .next_gc_forced and .next_gc_in_ns < 120e9'
}

check_left_out() {
	start "$bin"
	run 60 report --duration 0 --json --graph holders "$target"
	holds "without --graph full nothing is known" "$out" '.graph.reach.status == "off"
		and .memory.garbage_bytes == null and ([.maps[].reachable] | unique == [null])'
	run 60 report --duration 0 --json --graph-memory 64K "$target"
	holds "nor with too little memory, and why" "$out" '.graph.reach | .status == "refused"
		and (.reason | test("needs more than 64.0 KiB")) and .garbage_bytes == null'
	check_when
	stop
}

# No map that is in use is ever called garbage, known or not.
check_busy() { # VERSION VARIANT
	local i

	label="go$1, $2, busy"
	build "$1" garbage "$2"
	start "$bin"
	ask 'move 60' >"$truth"
	for ((i = 0; i < ${GARBAGE_RUNS:-6}; i++)); do
		run 60 report --duration 0 --json "$target"
		jq -c "$by_address"' | $t.moving[] | select($reach[.] == false)' \
			--slurpfile t "$truth" "$out" || echo "no report"
	done >"$tmp/wrong"
	is "$label: no map that moves is garbage" "$(wc -l <"$tmp/wrong")" 0
	stop
}

check_quiet 1.19 stripped
check_quiet 1.24 stripped
check_quiet 1.25 greenteagc
check_quiet 1.27 nogreenteagc
check_quiet 1.27 stripped
check_left_out
check_busy 1.19 stripped
check_busy 1.24 stripped
check_busy 1.27 stripped
finish
