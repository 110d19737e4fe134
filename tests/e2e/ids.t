#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Two processes of one build have their maps at other addresses. Their ids are the same: the
# program tells which map is which.
# shellcheck disable=SC2016 # jq has variables, too
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

compared=$tmp/compared.json

take() { # NAME
	start "$bin"
	ask truth >"$tmp/$1.truth"
	run 60 report --duration 0 --json "$target"
	is "$label, $1: exit code" "$rc" 0
	cp "$out" "$tmp/$1.json"
	stop
}

# The maps that the program names, by name, with what two reports say of each.
compare() {
	jq -n --slurpfile t "$tmp/first.truth" --slurpfile u "$tmp/second.truth" \
		--slurpfile a "$tmp/first.json" --slurpfile b "$tmp/second.json" '
		def named($truth; $report): ($report.maps | map({key: .address, value: .}) | from_entries) as $by
			| $truth.maps | map({key: .name, value: $by[.addr]}) | from_entries;
		named($t[0]; $a[0]) as $first | named($u[0]; $b[0]) as $second
		| [$first | keys[] | {name: ., a: $first[.], b: $second[.]}]' >"$compared"
}

for version in 1.19 1.24; do
	label="go$version"
	build "$version" holders stripped
	take first
	take second
	compare
	holds "$label: the maps are there twice" "$compared" 'length > 60 and all(.[]; .a and .b)'
	holds "$label: each map has an id" "$compared" 'all(.[]; .a.id | test("^[0-9a-f]{16}([.][0-9]+)?(-[0-9]+)?$"))'
	holds "$label: 95 % of the bytes keep theirs" "$compared" '(map(.a.table_bytes) | add) as $all
		| (map(select(.a.id == .b.id) | .a.table_bytes) | add) > 0.95 * $all'
	none "$label: a certain id is the same" "$compared" '.[] | select(.a.id_certain and .a.id != .b.id) | [.name, .a.id, .b.id]'
	holds "$label: many are certain" "$compared" 'map(select(.a.id_certain)) | length > 40'
	holds "$label: no two maps have the same" "$tmp/first.json" '[.maps[].id] | length == (unique | length)'
	holds "$label: a row of one map has its id" "$tmp/first.json" '(.maps | map({key: .address, value: .id})
		| from_entries) as $id | all(.groups[] | select(.maps == 1); .id == $id[.largest_map])'
	holds "$label: a row of several maps has one, too" "$tmp/first.json" 'all(.groups[]; .id)
		and ([.groups[].id] | length == (unique | length))'
done

# A saved report has them.
run 60 report --json --from "$tmp/first.json"
ok 'saved: the same again' cmp -s "$out" "$tmp/first.json"

# Without holders nothing says which map it is.
start "$bin"
run 60 report --duration 0 --json --graph off "$target"
holds 'off: no id' "$out" '([.maps[], .groups[]] | all(.id == null)) and ([.maps[].id_certain] | any | not)'
stop
finish
