#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Address spaces that are hard to read: the rows of the ledger sum to RSS, or the report
# says what it cannot know.
# shellcheck disable=SC2016 # jq has variables, too
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

truth=$tmp/truth.json
bytes=0

begin() { # CAUSE
	launch "$bin" -cause "$1" -mib 64
	answer >"$truth"
	bytes=$(jq .bytes "$truth") || bail "reclaim $1 did not start: $(cat "$tmp/target-err")"
}

still_run() { # COMMAND...
	kill -STOP "$target"
	"$@"
	kill -CONT "$target"
}

census() {
	run 60 report --duration 0 --fail-on never --json "$target"
}

check_exact() { # NAME
	is "$1: exit code" "$rc" 0
	holds "$1: no byte is unexplained" "$out" '.memory | .rss_bytes > 0 and .unexplained_bytes == 0
		and .rss_bytes == ([.rows[].resident_bytes] | add)'
}

check_mappings() {
	begin mappings
	still_run census
	ok 'mappings: there are many' test "$bytes" -gt $((20000 * 4096))
	check_exact mappings
	holds 'mappings: all of their pages are there' "$out" \
		'.memory | .anon_bytes >= $bytes and .anon_bytes < $bytes + 1e6' --argjson bytes "$bytes"
	stop
}

check_reservation() {
	begin reservation
	still_run census
	check_exact reservation
	holds 'reservation: so are the few of a vast one' "$out" \
		'.memory | .anon_bytes >= $bytes and .anon_bytes < $bytes + 1e6' --argjson bytes "$bytes"
	stop
}

check_churning() {
	local i

	begin churning
	for i in 1 2 3; do
		census
		is "changing mappings, $i: exit code" "$rc" 0
		holds "changing mappings, $i: a row for what changed" "$out" '.memory
			| .rss_bytes == ([.rows[].resident_bytes] | add) + .unexplained_bytes
				and (.unexplained_bytes | fabs) <= 128 * 4096'
	done
	stop
}

check_swap() {
	if [[ $(awk '/^SwapFree:/ { print $2 }' /proc/meminfo) -lt 100000 ]]; then
		skip 4 'there is no swap'
		return
	fi
	begin swapped
	still_run census
	check_exact swapped
	ok 'swapped: something is' test "$bytes" -gt 1000000
	holds 'swapped: as much as the kernel says, and of the heap' "$out" '.memory
		| .swap_bytes == ([.regions[].swap_bytes] | add)
			and ([.regions[] | select(.region == "heap_spans").swap_bytes] | add) > 0.9 * $bytes' \
		--argjson bytes "$bytes"
	stop
}

check_hugetlb() {
	begin hugetlb
	if [[ $bytes == 0 ]]; then
		skip 3 'no huge pages are set aside'
		stop
		return
	fi
	still_run census
	check_exact hugetlb
	holds 'hugetlb: beside RSS' "$out" '.memory.hugetlb_bytes == $bytes' --argjson bytes "$bytes"
	stop
}

# maptrace in a mount namespace of its own, where pagemap is empty.
without_pagemap() {
	unshare -m sh -c 'mount --bind /dev/null "/proc/$1/pagemap" && exec "$2" report \
		--duration 0 --fail-on never "$3" "$1"' sh "$target" "$maptrace" "$1" >"$out" 2>"$err"
	rc=$?
}

check_no_pagemap() {
	local rss

	if ! may_mount; then
		skip 6 'nothing may be mounted here'
		return
	fi
	begin not_scavenged
	# Without pagemap nothing tells which pages are the file's. So the first run reads all of
	# them from memory, which makes them resident; the second run finds them so.
	still_run without_pagemap --json
	rss=$(awk '/^Rss:/ { print $2 * 1024 }' "/proc/$target/smaps_rollup")
	still_run without_pagemap --json
	is 'no pagemap: exit code' "$rc" 0
	holds 'no pagemap: it says so' "$out" '.memory | .source == "smaps"
		and (.coarse_because | test("pagemap"))'
	holds 'no pagemap: RSS is known' "$out" '.memory.rss_bytes == $rss' --argjson rss "$rss"
	holds 'no pagemap: the rows add up to it, with what is not known' "$out" '.memory
		| .rss_bytes == ([.rows[].resident_bytes] | add) + .unexplained_bytes
			and (.unexplained_bytes | fabs) < 0.05 * .rss_bytes'
	holds 'no pagemap: free pages are those that Go keeps' "$out" \
		'.memory.free_bytes == .heap.free_bytes'
	still_run without_pagemap --verbose
	ok 'no pagemap: the text says so, too' grep -q 'it is not known which pages are resident' "$out"
	stop
}

build 1.24 reclaim stripped
check_mappings
check_reservation
check_churning
check_swap
check_hugetlb
check_no_pagemap
finish
