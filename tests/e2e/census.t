#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Compares every figure of a census with what a program knows of its own maps and heap.
#
#   tests/e2e/census.t [VERSION VARIANT]...
# shellcheck disable=SC2016,SC2317 # jq has variables, too; `ok` calls functions
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

truth=$tmp/truth.json again=$tmp/again.json report=$tmp/report.json
compared=$tmp/compared.json

census() {
	run 60 report --duration 0 --min-waste 32M --json "$target"
	cp "$out" "$report"
}

# These members are at the end of a truth. The truth is too long for jq to be quick.
heap_of() {
	tail -c 2000 "$1" | grep -oE '"heap_(inuse|idle|released)":[0-9]+'
}

# The runtime gives memory back in the background for some seconds. When the answers of
# the program before and after a report are equal, nothing moved meanwhile.
census_of_quiet_target() {
	local end=$((SECONDS + 60))

	ask truth >"$truth"
	while census && ask truth >"$again" && [[ $(heap_of "$truth") != "$(heap_of "$again")" ]]; do
		((SECONDS < end)) || return 1
		mv "$again" "$truth"
		sleep 0.5
	done
}

compare() {
	jq -n -L "$e2e" --slurpfile truth "$truth" --slurpfile report "$report" \
		'include "truth"; compare($truth[0]; $report[0])' >"$compared"
}

# The maps besides those that mapzoo names.
extra() {
	jq -r '.extra[]' "$compared"
}

extra_of() { # SCENARIO
	start "$bin" -exit-on-eof -scenario "$1"
	ask truth >"$truth"
	census
	stop
	compare
	extra
}

check_maps() { # LABEL EXTRA
	local field

	holds "$1: there are maps" "$compared" '.found > 10000'
	none "$1: every map is found" "$compared" '.missing[]'
	for field in live_keys slots buckets tombstones overflow_buckets old_bytes table_bytes \
		resident_bytes; do
		none "$1: $field" "$compared" '.wrong[$field][]' --arg field "$field"
	done
	none "$1: tables" "$compared" '.tables[]'
	none "$1: load" "$compared" '.load[]'
	none "$1: a quiet map is exact" "$compared" '.inexact[]'
	none "$1: which headers are on a stack" "$compared" '.misplaced[]'
	none "$1: no live map is called garbage" "$compared" '.garbage[]'
	is "$1: no map is invented" "$(extra)" "$2"
}

check_types() { # LABEL
	holds "$1: some types are known" "$compared" '.typed > 0'
	none "$1: a type that is said to be certain is right" "$compared" '.type_wrong[]'
	none "$1: an uncertain type is not named" "$compared" '.type_guessed[]'
	none "$1: bytes of a bucket" "$compared" '.bucket_wrong[]'
}

# In mapzoo only tables of 1.21 lack a note of their type. Even then no types of go.shape
# are among those that fit.
check_contents() { # LABEL VERSION
	[[ $2 == 1.21 ]] || return
	holds "$1: some types are known by what the maps hold" "$compared" '.told > 0'
}

check_residency() { # LABEL
	none "$1: no more is resident than there is" "$compared" '.too_resident[]'
}

check_totals() { # LABEL
	none "$1: totals are the sums of the rows" "$compared" '.totals_wrong[]'
	holds "$1: number of maps" "$compared" '.total_maps == .counted'
	holds "$1: the rows of the memory add up to RSS" "$report" '.memory | .rss_bytes > 0 and
		.rss_bytes == ([.rows[].resident_bytes] | add) + .unexplained_bytes'
}

check_heap() { # LABEL
	is "$1: heap in use" "$(jq .heap.in_use_bytes "$report")" \
		"$(jq .memstats.heap_inuse "$truth")"
	is "$1: free pages kept" "$(jq .heap.free_bytes "$report")" \
		"$(jq '.memstats | .heap_idle - .heap_released' "$truth")"
	is "$1: released pages" "$(jq .heap.released_bytes "$report")" \
		"$(jq .memstats.heap_released "$truth")"
	holds "$1: some is kept, some released" "$report" \
		'.heap.free_bytes > 0 and .heap.released_bytes > 0'
}

page_tables() {
	awk '$1 == "VmPTE:" { print $2 }' "/proc/$target/status"
}

# Whether a page that is only read takes no memory. Some kernels of virtual machines have no
# shared page of zeroes.
has_zero_page() {
	python3 - <<-'PYTHON'
		import mmap, sys
		def resident():
		    return int(open("/proc/self/statm").read().split()[1])
		memory = mmap.mmap(-1, 8 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
		before = resident()
		for page in range(0, len(memory), mmap.PAGESIZE):
		    memory[page]
		sys.exit(resident() - before > len(memory) // mmap.PAGESIZE // 2)
	PYTHON
}

# No page table has most of a large classic map that was made with a size and is still
# empty. The rest of the process may add entries meanwhile, but not one for each page of
# the map.
check_untouched() { # LABEL
	local before

	start "$bin" -exit-on-eof -scenario presized
	before=$(page_tables)
	census
	ok "$1: pages that nobody touched stay so" test $(($(page_tables) - before)) -le 16
	holds "$1: and such a map is exact" "$report" \
		'.maps | max_by(.table_bytes) | .table_bytes > 16e6 and .consistency == "exact"'

	# A swiss map writes a control word to every group when it is made.
	ask truth >"$truth"
	census
	compare
	# The truth comes from reading the map.
	if has_zero_page; then
		holds "$1: a classic one is hardly resident" "$truth" '.kind == "swiss" or (.maps | any(
			.resident_bytes < .table_bytes / 10))'
	else
		skip 1 'this kernel has no page of zeroes'
	fi
	none "$1: resident bytes of maps made in advance" "$compared" '.wrong.resident_bytes[]'
	stop
}

check() { # VERSION VARIANT
	local label="go$1 $2" plain reflected

	build "$1" mapzoo "$2"
	plain=$(extra_of ,)
	reflected=$(extra_of reflected)
	is "$label: lookalikes are no maps" "$(extra_of lookalikes)" "$plain"

	check_untouched "$label"

	start "$bin" -exit-on-eof -scenario all
	ok "$label: the target comes to rest" census_of_quiet_target
	is "$label: exit code for findings" "$rc" 1
	is "$label: silent on stderr" "$(complaints)" ''
	compare
	check_maps "$label" "$reflected"
	check_types "$label"
	check_contents "$label" "$1"
	check_residency "$label"
	check_totals "$label"
	check_heap "$label"
	stop
}

[[ $# -gt 0 ]] || set -- 1.19 plain 1.19 stripped 1.24 plain 1.24 debian 1.27 stripped
while [[ $# -gt 0 ]]; do
	check "$1" "$2"
	shift 2
done
finish
