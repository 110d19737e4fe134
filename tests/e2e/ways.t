#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# How a program gets to its maps: the program tells from which variable or goroutine. There are
# ways to some of them that are shorter, through a timer or a callback.
# shellcheck disable=SC2016 # jq has variables, too
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

compared=$tmp/compared.json

# A stripped program has no names of variables. Goroutines are called by their numbers, and a word
# of a function may be in the frame of the one that go made for it.
compare() {
	jq -n --slurpfile truth "$tmp/truth" --slurpfile report "$out" --arg variant "$1" '
		def plain: gsub("^goroutine [0-9]+ "; "goroutine N ") | sub("main[.]startServe[.](gowrap|func)1:"; "main.serve:");
		def expected: if $variant == "stripped" then sub("^main[.][a-z]+"; "main.<var>") else . end;
		($report[0].maps | map({key: .address, value: .}) | from_entries) as $by
		| [$truth[0].maps[] | $by[.addr] as $map
			| {name, want: (.path | expected), got: ($map.path_text // "" | plain), $map}]' >"$compared"
}

for version in 1.19 1.24; do
	for variant in plain stripped; do
		label="go$version $variant"
		build "$version" routes "$variant"
		start "$bin"
		ask truth >"$tmp/truth"
		run 60 report --duration 0 --json --holders 20 "$target"
		ok "$label: exit code" test "$rc" -le 1
		compare "$variant"
		holds "$label: all maps are there" "$compared" 'length == 10 and all(.[]; .map)'
		none "$label: each is got to as the program says" "$compared" '.[] | select(.got != .want) | {name, got, want}'
		none "$label: the first step is the root" "$compared" '.[] | select(.map.path[0].kind
			!= if .name == "goroutine" then "frame" else "variable" end) | .map.path'
		none "$label: the last step is what holds it" "$compared" '.[] | select(.map.path[-1].kind
			!= .map.holder.kind and .name != "goroutine") | [.map.path, .map.holder]'
		none "$label: what begins in a frame is a guess" "$compared" \
			'.[] | select(.name == "goroutine" and .map.path_certain) | .map.path'
		holds "$label: a way is certain if its steps are" "$compared" \
			'all(.[]; .map | .path_certain == (.path | all(.certain)))'
		holds "$label: most are certain" "$compared" 'map(select(.map.path_certain)) | length >= 7'
		run 60 report --duration 0 --top 20 "$target"
		[[ $variant == plain ]] || {
			ok "$label, text: who uses a variable without a name" grep -q \
				'^     from main\.<var>\.(\*main\.server)\.base\.attrs (<var> used by makeServer' "$out"
			stop
			continue
		}
		is "$label, text: no line is too long" "$(too_long)" ''
		ok "$label, text: the way" grep -qE '^     from main\.srv\.\(\*main\.server\)\.stores\[\*\]\.sessions$' "$out"
		is "$label, text: what a variable has needs none" "$(grep -c 'from main.flags' "$out")" 0
		stop
	done
done

start "$bin"
run 60 report --duration 0 --json --holders 0 --min-waste 100G "$target"
holds 'none wanted: none is there' "$out" '[.maps[] | select(has("path"))] | length == 0'
run 60 report --duration 0 --json --graph holders "$target"
holds 'without the graph: none is there' "$out" '[.maps[] | select(has("path"))] | length == 0'
run 60 report --duration 0 --json --holders 3 "$target"
cp "$out" "$tmp/saved.json"
run 60 report --json --from "$tmp/saved.json"
ok 'saved: the same again' cmp -s "$out" "$tmp/saved.json"
run 60 report --holders many "$target"
refused 'not a number' 2 "--holders: 'many' is not a number"
run 60 report --from "$tmp/saved.json" --holders 3
is 'what is saved is not looked at again' "$rc" 2
stop
finish
