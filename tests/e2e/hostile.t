#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Programs that forge headers of maps: what these cost maptrace, and that no sum has them.
# A signal ends a census that takes too long.
# shellcheck disable=SC2016 # jq has variables, too
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

# At most twice what there is. Without bounds the cost would grow with the number of headers.
calls_max=10000
bytes_max=1000000000

census() { # NAME ARGUMENT...
	local name=$1
	shift

	start env GODEBUG=invalidptr=0 "$bin" "$@"
	run 60 report --duration 0 --json --fail-on never "$target"
	is "$name: exit code" "$rc" 0
	holds "$name: few calls" "$out" '.cost.read_calls < $max' --argjson max "$calls_max"
	holds "$name: few bytes" "$out" '.cost.bytes_read < $max' --argjson max "$bytes_max"
}

check() { # VERSION
	build "$1" hostile plain

	# At least 16 of them are found to be maps, in each part of the heap.
	census "go$1: 1,000 copies" -copies 1000
	holds "go$1: 1,000 copies: suspect" "$out" '.census.totals.suspect > 500'
	holds "go$1: 1,000 copies: in no sum" "$out" \
		'.census.totals | .table_bytes < 65536 and .live_keys < 1000'
	stop

	census "go$1: 1,000 copies of a small map" -copies 1000 -keys 4
	holds "go$1: 1,000 copies of a small map: what a span holds" "$out" \
		'.census.totals | .suspect > 900 and .table_bytes < 65536'
	stop

	census "go$1: 100 headers of one large array" -arrays 100 -keys 300
	holds "go$1: 100 headers of one large array: no map" "$out" \
		'.census.totals | .maps < 20 and .table_bytes < 65536'
	holds "go$1: 100 headers of one large array: an honest map" "$out" \
		'any(.maps[]; .live_keys == 300 and .consistency == "exact")'
	stop
}

# Sends the signal at some moment of a census. maptrace ends by that signal and prints only
# the reason, also as a document, or it was done before.
stopped=0
interrupt() { # SIGNAL STATUS DELAY
	"$maptrace" report --duration 0 --json --fail-on never "$target" >"$out" 2>"$err" &
	started+=("$!")
	sleep "$3"
	kill "-$1" "$!" 2>/dev/null
	wait "$!" 2>/dev/null
	rc=$?
	[[ $rc == 0 ]] && jq -e .census "$out" >/dev/null && return
	[[ $rc == "$2" ]] || return
	[[ ! -s $out && ! -s $err ]] && return # the handler was not there yet
	jq -e '.error.kind == "interrupted" and (has("maps") | not)' "$out" >/dev/null || return
	[[ $(cat "$err") == 'maptrace: stopped by a signal before the census was done' ]] &&
		stopped=$((stopped + 1))
}

check_signals() {
	local delay bad=0

	build 1.24 crowd stripped
	start "$bin" -maps 3000000
	for delay in 0.05 0.1 0.15 0.2 0.25 0.3; do
		interrupt TERM 143 "$delay" || bad=1
	done
	ok 'a signal in a census ends it, or comes too late' test "$bad" = 0
	ok 'a signal in a census: ended some' test "$stopped" -gt 0
	stop
}

check 1.19
check 1.24
check 1.27
check_signals
finish
