#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The ledger: every resident byte is in one row, compared with what the kernel and the
# program itself count.
# shellcheck disable=SC2016 # jq has variables, too
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

truth=$tmp/truth.json report=$tmp/report.json

kernel_rss() {
	awk '/^Rss:/ { print $2 * 1024 }' "/proc/$1/smaps_rollup"
}

# Nothing moves in a stopped process. Where the kernel has no page of zeroes, pages that are
# read come in, so RSS afterwards may be more; elsewhere the two are one.
still_census() {
	pause "$target"
	rss_before=$(kernel_rss "$target")
	run 60 report --duration 0 --json "$target"
	rss_after=$(kernel_rss "$target")
	kill -CONT "$target"
	cp "$out" "$report"
}

spans_of() {
	jq -c '.memstats | [.heap_inuse, .heap_idle, .heap_released]' "$1"
}

# The runtime works in the background for some seconds more. When two answers have the same
# spans, nothing moved between them, and the report was made in between. Each question
# allocates a little, so the answer before the report is the truth about its objects.
settled_census() {
	local end=$((SECONDS + 40))

	ask truth >"$truth"
	while still_census && ask truth >"$tmp/after" &&
		[[ $(spans_of "$truth") != "$(spans_of "$tmp/after")" ]]; do
		((SECONDS < end)) || return 1
		mv "$tmp/after" "$truth"
		sleep 0.5
	done
}

check_sum() { # LABEL
	holds "$1: RSS is the kernel's" "$report" '.memory.rss_bytes | . >= $before and . <= $after' \
		--argjson before "$rss_before" --argjson after "$rss_after"
	holds "$1: the rows add up to it, to the byte" "$report" '.memory
		| .unexplained_bytes == 0 and ([.rows[].resident_bytes] | add) == .rss_bytes'
	holds "$1: a row has one figure" "$report" '.memory as $m | all($m.rows[];
		.resident_bytes == $m[.row + "_bytes"] and .gives_back_bytes <= .resident_bytes)'
	holds "$1: regions add up to it" "$report" \
		'.memory | ([.regions[].resident_bytes] | add) == .rss_bytes'
	holds "$1: no look at its page tables is unsaid" "$report" '.memory.rss_bytes as $rss | .cost
		| .mmap_lock_calls > $rss / 1048576 / 2 and .mmap_lock_ns_max > 0
			and .mmap_lock_ns_max < .mmap_lock_ns_total'
	holds "$1: page by page" "$report" '.memory | .coarse_because == null and .missing == null
		and (.source | startswith("pagemap"))'
}

check_truth() { # LABEL
	holds "$1: unused bytes of spans" "$report" \
		'.heap.unused_bytes == $t[0].memstats.heap_inuse - $t[0].memstats.heap_alloc' \
		--slurpfile t "$truth"
	holds "$1: free and released bytes" "$report" '$t[0].memstats as $m | .heap
		| .free_bytes == $m.heap_idle - $m.heap_released and .released_bytes == $m.heap_released' \
		--slurpfile t "$truth"
	holds "$1: no row has more than there is" "$report" '$t[0].memstats as $m | .memory
		| .map_live_bytes + .map_hole_bytes + .other_heap_bytes + .garbage_resident_bytes <= $m.heap_alloc
		and .free_slot_bytes <= $m.heap_inuse - $m.heap_alloc
		and .free_bytes <= $m.heap_idle - $m.heap_released
		and .runtime_bytes <= $m.mspan_sys + $m.mcache_sys + $m.buck_hash_sys + $m.gc_sys
			+ $m.other_sys' --slurpfile t "$truth"
	holds "$1: what was touched is resident" "$report" '$t[0].memstats as $m | .memory
		| .map_live_bytes + .map_hole_bytes + .other_heap_bytes + .garbage_resident_bytes > 0.9 * $m.heap_alloc
		and .runtime_bytes > 0.5 * ($m.mspan_inuse + $m.buck_hash_sys / 100)' \
		--slurpfile t "$truth"
}

check() { # VERSION VARIANT
	local label="go$1 $2"

	build "$1" mapzoo "$2"
	start "$bin" -exit-on-eof -scenario filled_emptied,ints,small,structs
	ok "$label: the target comes to rest" settled_census
	check_sum "$label"
	check_truth "$label"
	stop
}

check 1.19 plain
check 1.21 stripped
check 1.23 debian
check 1.25 pie
check 1.27 debian
finish
