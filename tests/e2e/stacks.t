#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Maps whose headers are on goroutine stacks, compared with a program that has many and
# knows them: also maps that are dead, that are in a frame as a whole, or that a moved stack
# left behind.
# shellcheck disable=SC2016 # jq has variables, too
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

truth=$tmp/truth.json compared=$tmp/compared.json

census_of() { # OPTION...
	start "$bin" "$@"
	ask truth >"$truth"
	run 60 report --duration 0 --json "$target"
	stop
	jq -n -L "$e2e" --slurpfile truth "$truth" --slurpfile report "$out" \
		'include "stacks"; compare_stacks($truth[0]; $report[0])' >"$compared"
}

check() { # VERSION VARIANT
	local label="go$1 $2" field

	build "$1" stackmaps "$2"
	census_of -many 50 -idle 50
	is "$label: exit code" "$rc" 0
	is "$label: silent on stderr" "$(complaints)" ''
	holds "$label: the stacks were searched" "$out" '.census.stacks | .status == "ok"
		and .goroutines >= $truth[0].goroutines' --slurpfile truth "$truth"
	none "$label: every map is found" "$compared" '.missing[]'
	holds "$label: there are maps" "$compared" '.found >= 60'
	none "$label: what is in a frame altogether holds no heap" "$compared" '.in_frame[]'
	none "$label: no map is invented, and no dead one found" "$compared" '.invented[]'
	for field in live_keys slots buckets tombstones overflow_buckets old_bytes table_bytes; do
		none "$label: $field" "$compared" '.wrong[$field][]' --arg field "$field"
	done
	none "$label: tables" "$compared" '.tables[]'
	none "$label: a map that stands still is exact" "$compared" '.inexact[]'
	none "$label: a goroutine that waits does not run" "$compared" '.place[]'
	none "$label: types" "$compared" '.type_wrong[], .type_guessed[]'
	none "$label: bytes of a bucket" "$compared" '.bucket_wrong[]'
	none "$label: nothing is suspect" "$compared" '.suspect[]'
	none "$label: totals are the sums of the rows" "$compared" '.totals_wrong[]'
	holds "$label: their number" "$compared" '.counted == .total'
	none "$label: an address that moves has no history" "$out" \
		'.maps[] | select(.on_stack and .histograms)'
}

check 1.19 stripped
check 1.23 plain
check 1.24 pie-stripped
check 1.27 stripped

# More goroutines than maptrace reads at once, all with a map.
build 1.24 stackmaps stripped
census_of -many 20000
holds 'many goroutines: all maps' "$compared" '.found > 20000 and .missing == []'
none 'many goroutines: none invented' "$compared" '.invented[]'
none 'many goroutines: their figures' "$compared" '.wrong[][]'

# Maps that exist before and after a census. It may read any state in between.
check_growing() { # VERSION VARIANT
	local label="go$1 $2, growing" i rows=$tmp/growing.json after=$tmp/after.json

	build "$1" stackmaps "$2"
	GODEBUG=gcshrinkstackoff=1 start "$bin" -many 0 -growers 50
	ask truth >"$truth"
	for ((i = 0; i < 5; i++)); do
		run 60 report --duration 0 --json "$target"
		ask truth >"$after"
		jq -c -n -L "$e2e" --slurpfile before "$truth" --slurpfile after "$after" \
			--slurpfile report "$out" \
			'include "stacks"; compare_growing($before[0]; $after[0]; $report[0])'
		mv "$after" "$truth"
	done >"$rows"
	stop
	holds "$label: maps stay" "$rows" 'map(.stay) | add > 100' -s
	none "$label: none is lost" "$rows" '.missing[]'
	none "$label: their keys are within their bounds" "$rows" '.wrong[]'
	none "$label: none is invented" "$rows" '.invented[]'
	holds "$label: what is suspect is the lesser part" "$rows" \
		'(map(.suspect) | add) < (map(.stay) | add) / 2' -s
}

check_growing 1.19 plain
check_growing 1.24 stripped

finish
