#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Maps whose types are hard to find: names beyond any bound, types of plugins, types that
# reflect makes. And other Go runtimes in a process.
# shellcheck disable=SC2016 # jq has variables, too
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

truth=$tmp/truth.json compared=$tmp/compared.json

# The report of the target and its truth, whose names are cut as maptrace cuts them.
compare() {
	ask truth | jq -c '.maps[].type |= if length > 4096 then .[:4093] + "..." else . end' \
		>"$truth"
	run 60 report --duration 0 --json "$target"
	jq -n -L "$e2e" --slurpfile truth "$truth" --slurpfile report "$out" \
		'include "truth"; compare($truth[0]; $report[0])' >"$compared"
}

# In older versions nothing distinguishes small tables of two types of one size.
check() { # LABEL FOUND
	is "$1: exit code" "$rc" 0
	is "$1: silent on stderr" "$(complaints)" ''
	none "$1: every map is found" "$compared" '.missing[]'
	holds "$1: so many" "$compared" '.found == $n' --argjson n "$2"
	none "$1: their figures" "$compared" '.wrong[][]'
	none "$1: what is said to be certain is right" "$compared" '.type_wrong[]'
	none "$1: an uncertain type is not named" "$compared" '.type_guessed[]'
	none "$1: bytes of a bucket" "$compared" '.bucket_wrong[]'
}

for version in 1.19 1.23 1.24 1.27; do
	build "$version" oddtypes stripped
	start "$bin"
	compare
	check "go$version" 21
	holds "go$version: types that reflect made" "$out" \
		'.census.made_types == {count: 7, complete: true}'
	[[ $version == 1.19 ]] || holds "go$version: names of those" "$out" '[.maps[].type]
		| contains(["map[int64][40]int64", "map[int64]struct { A int64; B *struct { a int; b int; c int } }",
			"map[struct { A int64; B *struct { a int; b int; c int } }]*map[[3]float32]struct"
			+ " { A int64; B *struct { a int; b int; c int } }"])'
	[[ $version == 1.19 ]] ||
		holds "go$version: a type with a long name" "$out" \
			'any(.maps[]; .type and (.type | startswith("map[int16]main.node")))'
	stop
done

# Types that only a plugin has, and a type that both have, each with its own descriptor.
for version in 1.19 1.23 1.24 1.27; do
	label="go$version, plugin"
	build "$version" plugged plugin
	start "$bin"
	compare
	check "$label" 7
	none "$label: the type of all with pointers is known" "$out" '.maps[]
		| select(.address == $maps[].addr and .type == null)' \
		--argjson maps "$(jq '.maps | map(select(.name == "refs"))' "$truth")"
	none "$label: a type is no other than the same one" "$out" '.maps[]
		| select(.type == "map[uint64]string" and (.declared_types // [] | length > 0))'
	stop
done

# The plugin's code is known, too. But it has map functions of its own, without probes.
build 1.24 plugged plugin
start "$bin" -churn
run 60 report --json --duration 2s "$target"
holds 'plugin: its path' "$out" '.target.plugins == [$path]' --arg path "$bin.so"
holds 'plugin: a caller in it' "$out" '[.memory_calls.calls[] | select(.reason == "program"
	and .call == "munmap" and (.caller | endswith(".remap"))
	and (.file | endswith("plugin/main.go")) and .line > 0)] | length > 10'
holds 'plugin: what the trace does not cover' "$out" \
	'.trace.coverage | .grow == "all_but_plugins" and .insert == "windows"'
run 60 report --duration 1s "$target"
ok 'plugin: the text says so' grep -q '^  without plugins: ' "$out"
run 60 events --duration 1s "$target"
ok 'plugin: a stream says so' grep -q '"maps_missing": *"what plugins do is not traced"' "$out"
stop

# Two libraries that are written in Go: one of them is reported, and the report says so.
build 1.23 mapzoo c-shared
also=$bin.so
build 1.24 mapzoo c-shared
start env HOST_ALSO="$also" "$bin" -exit-on-eof -scenario small
run 60 report --duration 0 --json "$target"
is 'two runtimes: exit code' "$rc" 0
holds 'two runtimes: both are named' "$out" \
	'[.target.go_version[:6]] + .target.other_go_images == if .target.go_version[:6] == "go1.24"
		then ["go1.24", $also] else ["go1.23", $so] end' --arg also "$also" --arg so "$bin.so"
holds 'two runtimes: none is a plugin' "$out" '.target.plugins == []'
run 60 report --duration 0 "$target"
ok 'two runtimes: the text says so' grep -q '^This is one of 2 Go runtimes in the process[.] ' "$out"
is 'two runtimes: no line is too long' "$(too_long)" ''
stop
# Names of files that would write a verdict, colour the terminal, and turn the text around.
evil=$tmp/$'evil\n\nVERDICT\n  \e[31mred\x9b\u202e\u200b\xff'
cp "$bin" "$evil" && cp "$bin.so" "$evil.so" && cp "$also" "$evil-also.so"
start env HOST_ALSO="$evil-also.so" "$evil" -exit-on-eof -scenario small
run 60 report --duration 0 -v "$target"
is 'evil names: exit code' "$rc" 0
is 'evil names: one verdict' "$(grep -c '^VERDICT' "$out")" 1
is 'evil names: nothing that is not printable' \
	"$(cat "$out" "$err" | LC_ALL=C tr -d '\n -~' | head -c 100)" ''
run 60 report --duration 0 --json "$target"
ok 'evil names: the document is UTF-8' iconv -f UTF-8 -t UTF-8 -o /dev/null "$out"
holds 'evil names: the document says them' "$out" \
	'.target.other_go_images[0] | contains("evil\n\nVERDICT")'
stop
start "$bin" -exit-on-eof -scenario small
run 60 report --duration 0 --json "$target"
holds 'one runtime: no other' "$out" '.target.other_go_images == [] and .target.plugins == []'
stop
finish
