#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What holds each map, of a program that holds maps in every way that there is.
# shellcheck disable=SC2016 # jq has variables, too
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

truth=$tmp/truth.json compared=$tmp/compared.json

compare() {
	ask truth >"$truth"
	run 60 report --duration 0 --json "$target"
	jq -n -L "$e2e" --slurpfile truth "$truth" --slurpfile report "$out" \
		'include "holders"; compare($truth[0]; $report[0])' >"$compared"
}

check() { # LABEL
	is "$1: exit code" "$rc" 0
	is "$1: silent on stderr" "$(complaints)" ''
	none "$1: every map is found" "$compared" '.missing[]'
	none "$1: every map has a holder" "$compared" '.unheld[]'
	none "$1: no certain holder is wrong" "$compared" '.certainly_wrong[]'
	none "$1: nor is a guess" "$compared" '.wrong[]'
	holds "$1: few are guesses" "$compared" '.uncertain | length < 20'
	holds "$1: fewer say nothing" "$compared" '.unknown | length < 5'
	none "$1: no type is wrong" "$compared" '.mistyped[]'
	none "$1: a certain holder tells the type" "$compared" '.untyped[]'
	holds "$1: the receipt" "$out" '.graph | .status == "ok" and .reason == null and .bytes_read > 0
		and .maps_held >= .maps_certain and .maps_held > 11000 and .holders < 1000'
	holds "$1: how many maps have a holder" "$out" \
		'.graph.maps_held == ([.maps[] | select(.holder)] | length)'
	holds "$1: a variable that is a struct has type and field" "$out" \
		'any(.maps[].holder; . and .kind == "variable" and .type == "main.desk" and .field == "drawer.cards")'
	none "$1: a holder that is certain is the only one" "$out" \
		'.maps[].holder | select(. and .certain and .candidates != 1)'
}

for version in 1.19 1.21 1.22 1.23 1.24 1.25 1.26 1.27; do
	for variant in plain stripped; do
		# The ways of the others are those of one of these.
		[[ $variant == plain && ! $version =~ ^1[.](19|24|27)$ ]] && continue
		build "$version" holders "$variant"
		start "$bin"
		compare
		check "go$version $variant"
		[[ $variant == stripped ]] ||
			none "go$version $variant: names of variables" "$compared" '.nameless[]'
		stop
	done
done

# While objects come and go, those that stay have the same holders. A place in the heap has one
# type after the other; that must mislead nobody.
for version in 1.19 1.24 1.27; do
	build "$version" holders stripped
	start "$bin" -churn
	for i in 1 2 3 4 5; do
		compare
		label="go$version, objects come and go, $i"
		is "$label: exit code" "$rc" 0
		none "$label: no certain holder is wrong" "$compared" '.certainly_wrong[]'
		none "$label: nor is a guess" "$compared" '.wrong[]'
		holds "$label: few are missed" "$compared" '.unheld | length < 4'
		none "$label: no type is wrong" "$compared" '.mistyped[]'
	done
	stop
done

# What is saved is what is shown again.
build 1.27 holders stripped
start "$bin"
run 60 report --duration 0 --json "$target"
cp "$out" "$tmp/saved.json"
run 60 report --json --from "$tmp/saved.json"
ok 'saved: the same again' cmp -s "$out" "$tmp/saved.json"
holds 'a row has the holder of its maps' "$out" '. as $report | ($report.maps | map({key: .address, value: .holder})
	| from_entries) as $holder | all(.groups[] | select(.maps == 1); .holder == $holder[.largest_map])'
holds 'a row of several maps has as many holders as they' "$out" \
	'any(.groups[]; .maps == 1000 and .holders == 1 and .maps_held == 1000
		and (.holder.text | contains("uint32")))'

run 60 report --duration 0 --top 30 "$target"
is 'text: exit code' "$rc" 0
is 'text: no line is too long' "$(too_long)" ''
ok 'text: a field' grep -qE '^     held by \*main\.session\.seen$' "$out"
run 60 report --duration 0 --min-waste 0 "$target"
ok 'text: in a finding' awk '/^VERDICT/ { verdict = 1 } verdict && /^     held by [*]main[.]leftover[.]rest$/ { found = 1 }
	END { exit !found }' "$out"

run 60 report --duration 0 --json --top 3 "$target"
holds 'few maps: with their holders' "$out" '.maps | length > 0 and all(.[]; .holder)'

run 60 report --duration 1s --json "$target"
holds 'traced: with holders' "$out" '[.maps[] | select(.holder)] | length > 1000'

run 60 report --duration 0 --json --graph off "$target"
holds 'off: no holder' "$out" '[.maps[], .groups[], .findings[]] | all(.holder == null)'
holds 'off: the receipt' "$out" '.graph | .status == "off" and .reason == null and .paths == 0 and .paths_reason == null'
run 60 report --duration 0 --graph off "$target"
is 'off: no line' "$(grep -c 'held by' "$out")" 0
run 60 report --graph all "$target"
refused 'another choice' 2 "--graph: 'all' is none of full, holders and off"
stop
finish
