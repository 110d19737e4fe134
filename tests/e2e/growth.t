#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Growths of maps: the forecast of the next one, and what is reported of past ones.
# shellcheck disable=SC2016 # jq has variables, too
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

truth=$tmp/truth.json first=$tmp/first.json

# The only map of the program, in a report.
row() { # FILE FIELD [JQ-OPTION...]
	local file=$1 field=$2

	shift 2
	jq -c --slurpfile truth "$truth" "$@" \
		".maps[] | select(.address == \$truth[0].maps[0].addr) | $field" "$file"
}

# One map grows past its limit, at ten keys a second.
check_forecast() { # VERSION KEYS_BEFORE
	local at

	label="go$1, forecast"
	build "$1" churn stripped
	start "$bin" -every 0 -kind faststr -live "$2" -inserts-per-s 10 -deletes-per-s 0
	ask truth >"$truth"
	run 60 report --json --duration 2s "$target"
	cp "$out" "$first"
	at=$(row "$first" .next_growth.at_live_keys)
	run 60 report --json --duration 6s "$target"
	ask pause >"$truth"
	is "$label: it grew once" "$(jq -c '[.trace.events[] | select(.operation == "grow")] | length' "$out")" 1
	is "$label: at the key that was foretold" \
		"$(jq '.trace.events[] | select(.operation == "grow") | .live_keys + 1' "$out")" "$at"
	is "$label: it took what was foretold" \
		"$(jq '.trace.events[] | select(.operation == "grow") | .bytes_to' "$out")" \
		"$(row "$first" .next_growth.allocates_bytes)"
	holds "$label: for keys, to twice the size" "$out" '.trace.events[]
		| select(.operation == "grow") | .because == "keys" and .slots_to == 2 * .slots_from
			and .bytes_from < .bytes_to'
	# A directory of one table, or the old array, comes in addition.
	holds "$label: and that is what the map has now" "$out" '.trace.events[]
		| select(.operation == "grow") | ($truth[0].maps[0].table_bytes - .bytes_to) as $more
			| $more == 0 or $more == 8 or $more == .bytes_from or [$more, .]' \
		--slurpfile truth "$truth"
	is "$label: the rate is about ten a second" \
		"$(row "$first" '.next_growth | .keys_per_s > 6 and .keys_per_s < 15')" true
	is "$label: the time follows from it" \
		"$(row "$first" '.live_keys as $live | .next_growth
			| ((.at_live_keys - $live) / .keys_per_s * 1e9 - .in_ns | fabs) < 1e6')" true
	is "$label: histogram: it was in two sizes" \
		"$(row "$out" '.histograms.buckets | .max == 2 * .min or [.min, .max]')" true
	holds "$label: the source of the growth" "$out" '.trace.events[] | select(.operation == "grow")
		| .caller == "main.(*faststr).put" and (.file | endswith("/kinds.go")) and .line > 0'
	stop
}

# Maps whose tables split, one after the other: when that begins, when half of it is done, when all.
check_splits() {
	label='go1.24, splits'
	build 1.24 churn stripped
	start "$bin" -every 0 -kind fast64 -live 50000 -inserts-per-s 5000 -deletes-per-s 0
	ask pause >"$truth"
	run 60 report --json --duration 0 "$target"
	cp "$out" "$first"
	is "$label: all 64 tables, two for each" "$(row "$first" '.next_growth
		| [.event, .allocates_bytes / .step_bytes]')" '["split",64]'
	ask resume >/dev/null
	run 60 report --json --duration 3s "$target"
	jq -c '[.trace.events[] | select(.growth == "table_split") | .live_keys] | sort' "$out" \
		>"$tmp/splits"
	holds "$label: they split" "$tmp/splits" 'length > 10'
	# With 64 tables the first one varies by 1.4 %, the middle by half a percent.
	is "$label: the first one about then" "$(row "$first" '.next_growth.at_live_keys
		/ $splits[0][0] | . > 0.94 and . < 1.06' --slurpfile splits "$tmp/splits")" true
	is "$label: half of them about then" "$(row "$first" '.next_growth.half_at_live_keys as $half
		| $splits[0] | length < 32 or ($half / .[31] | . > 0.975 and . < 1.025)' \
		--slurpfile splits "$tmp/splits")" true
	is "$label: none after the end" "$(row "$first" '.next_growth.ends_at_live_keys as $last
		| $splits[0][63] // 0 | . < 1.06 * $last' --slurpfile splits "$tmp/splits")" true
	stop
}

# A map of constant length grows because of churn only, apart from a few keys more or less.
check_churn() { # VERSION
	label="go$1, churn"
	build "$1" churn stripped
	start "$bin" -every 0 -kind generic -live 1000 -inserts-per-s 4000 -deletes-per-s 4000
	ok "$label: maptrace attaches" watch --json --duration 300s "$target"
	ask pause >"$tmp/before.json"
	ask resume >/dev/null
	sleep 3
	ask pause >"$truth"
	kill -INT "$watcher"
	watch_ended
	holds "$label: it grew all the same" "$out" \
		'[.trace.events[] | select(.operation == "grow")] | length > 0'
	none "$label: for churn" "$out" '.trace.events[]
		| select(.operation == "grow" and .because != "churn")'
	stop
}

# Classic arrays double at 13/2 keys a bucket, in 1.21 at 12/2; swiss tables at 7/8.
check_forecast 1.19 375
check_forecast 1.21 730
check_forecast 1.24 405
check_forecast 1.27 405
check_splits
check_churn 1.24
finish
