#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The census of a program that changes maps on all processors while it collects garbage.
# The program still knows how much memory most of its maps take, and the least and the
# most keys that they have.
#
#   tests/e2e/busy.t [VERSION VARIANT]...
#
# CENSUSES=20 takes more than five.
# shellcheck disable=SC2016 # jq has variables, too
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

truth=$tmp/truth.json after=$tmp/after.json compared=$tmp/compared.json

compare() { # REPORT
	jq -n -L "$e2e" --slurpfile truth "$truth" --slurpfile report "$1" '
		include "truth";
		$report[0] as $report
		| ($report.maps | by(.address)) as $by_address
		| [$truth[0].maps[] | {truth: ., got: ($by_address[.addr] | del(.histograms))}] as $rows
		| ($truth[0].maps | map(.table_bytes) | add) as $known
		| {
			missing: ($rows | map(select(.got == null and .truth.role != "cleared"))),
			still: ($rows | map(select(.truth.role == "still")) | failing(
				.got.consistency == "exact"
				and all(("live_keys", "slots", "buckets", "table_bytes",
						"tombstones", "overflow_buckets") as $f
					| .got[$f] == .truth[$f]; .))),
			suspect: ($rows | map(select(.got.consistency == "suspect")
				| .truth | select(.role != "cleared"))),
			bounds: ($rows | map(select(.got | . and .consistency != "suspect")) | failing(
				.got.live_keys >= .truth.live_keys_least
				and .got.live_keys <= .truth.live_keys_most
				# A clear makes a classic map drop its list of overflow buckets.
				and (.truth.role as $role | .got.table_bytes - .truth.table_bytes
					| fabs <= if $role == "cleared" then 64 else 0 end))),
			others: [$report.maps[] | select(.consistency != "suspect"
				and .live_keys > .slots)],
			moving: ($rows | map(select(.got.consistency == "moving")) | length),
			garbage: ($rows | failing(.got.garbage | not)),
			totals_wrong: ($report | totals_wrong),
			known: $known,
			share: ($report.census.totals.table_bytes / $known)
		}' >"$compared"
}

check_census() { # LABEL REPORT
	is "$1: the census is not refused" "$(jq -c '.census | [.status, .reason]' "$2")" '["ok",null]'
	compare "$2"
	none "$1: every map is found" "$compared" '.missing[]'
	none "$1: what nobody changes is exact and right" "$compared" '.still[]'
	none "$1: what is changed in place is not suspect" "$compared" '.suspect[]'
	none "$1: what is changed is within its bounds" "$compared" '.bounds[]'
	none "$1: no map has more keys than slots" "$compared" '.others[]'
	none "$1: what is held is no garbage" "$compared" '.garbage[]'
	none "$1: totals are the sums of the rows that are not suspect" "$compared" '.totals_wrong[]'
	holds "$1: the total is right within 1 %" "$compared" '.share > 0.99 and .share < 1.01'
}

check() { # VERSION VARIANT
	local label="go$1 $2" i

	build "$1" busy "$2"
	start "$bin"
	ask start >"$truth"
	holds "$label: maps of unknown size are less than 1 %" "$truth" \
		'.growing_bytes_most < (.maps | map(.table_bytes) | add) / 100'
	for ((i = 1; i <= ${CENSUSES:-5}; i++)); do
		run 60 report --duration 0 --json "$target"
		is "$label, census $i: silent on stderr" "$(complaints)" ''
		check_census "$label, census $i" "$out"
	done
	run 60 report --duration 2s --json "$target"
	is "$label, watched: silent on stderr" "$(complaints)" ''
	check_census "$label, watched" "$out"
	ask truth >"$after"
	is "$label: the tables stayed as they were" \
		"$(jq -c '.maps | map(select(.role != "cleared") | [.addr, .table_bytes])' "$after" | md5sum)" \
		"$(jq -c '.maps | map(select(.role != "cleared") | [.addr, .table_bytes])' "$truth" | md5sum)"
	stop
}

[[ $# -gt 0 ]] || set -- 1.19 plain 1.24 stripped
while [[ $# -gt 0 ]]; do
	check "$1" "$2"
	shift 2
done
finish
