#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# sync.Maps in all their states, of a program that knows what it did to them.
# shellcheck disable=SC2016 # jq has variables, too
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

truth=$tmp/truth.json pairs=$tmp/pairs.json renewed=$tmp/renewed.json

# Pairs of the target's sync.Maps and what the report says of them.
compare() {
	ask truth >"$truth"
	run 60 report --duration 0 --json "$target"
	jq -c --slurpfile truth "$truth" '
		def hex: if . < 16 then "0123456789abcdef"[.:. + 1] else (. / 16 | floor | hex) + (. % 16 | hex) end;
		(reduce .sync_maps[] as $m ({}; .[$m.address] = $m)) as $by
		| $truth[0].maps[] | {truth: ., got: $by["0x" + (.addr | hex)]}' "$out" >"$pairs"
}

check() { # LABEL FORM
	is "$1: exit code" "$rc" 0
	is "$1: silent on stderr" "$(cat "$err")" ''
	none "$1: all are found" "$pairs" 'select(.got == null and (.truth.live > 0 or $form == "maps"))' --arg form "$2"
	none "$1: the keys" "$pairs" 'select(.got and .got.live_keys != .truth.live)'
	none "$1: none changed" "$pairs" 'select(.got and (.got.moving or .got.form != $form
		or .got.kind != "sync_map"))' --arg form "$2"
	none "$1: fields of the heap" "$pairs" 'select(.got and .truth.field != "" and (.got.holder.kind != "variable")
		and (.truth.field as $field | .got.holder.text | contains($field) | not))'
	holds "$1: names of variables" "$out" '[.sync_maps[] | select(.holder.package == "main")] | length >= 6'
	holds "$1: no other one has as many keys as the one that was dropped" "$out" \
		'all(.sync_maps[]; .live_keys != 700)'
}

for version in 1.19 1.21; do
	build "$version" syncmaps stripped
	start "$bin"
	compare
	label=go$version
	check "$label" maps
	none "$label: deleted keys" "$pairs" 'select(.got.deleted_keys != .truth.stays)'
	none "$label: their bytes" "$pairs" \
		'select(.got.deleted_key_bytes != 32 * .truth.stays)'
	holds "$label: their maps are no maps of their own" "$out" '. as $r
		| [$r.sync_maps[] | .read_map, .dirty_map | values] as $inner
		| ($inner | length > 12) and ($inner - [$r.maps[] | select(.part_of == "sync.Map").address] == [])
		and all($r.groups[]; .largest_map as $a | $inner | index($a) == null)'
	for remedy in 'renew thinned' 'renew emptied' 'renew stored'; do
		ask "$remedy" >"$renewed"
		holds "$label: $remedy: what a new one gives back" "$pairs" '
			(map(select(.truth.name == $renewed[0].name))[0].got) as $m
			| ($m.gives_back_bytes + $m.deleted_key_bytes - $renewed[0].freed | fabs)
			< 0.03 * ($m.bytes + $m.deleted_key_bytes)' -s --slurpfile renewed "$renewed"
	done
	stop
done

for version in 1.24 1.27; do
	build "$version" syncmaps stripped
	start "$bin"
	compare
	label=go$version
	check "$label" trie
	none "$label: nothing stays" "$pairs" 'select(.got and (.got.deleted_keys != 0 or .got.gives_back_bytes != 0))'
	holds "$label: of the package unique" "$out" \
		'[.sync_maps[] | select(.kind == "unique" and .live_keys == $truth[0].uniques)] | length == 1' \
		--slurpfile truth "$truth"
	ask "renew stored" >"$renewed"
	holds "$label: a new one has the same bytes, but for chance" "$renewed" '.freed | fabs < 100000'
	stop
done

build 1.21 syncmaps stripped
start "$bin"
run 60 report --duration 0 --min-waste 1M --json "$target"
is 'the finding: exit code' "$rc" 1
holds 'the finding: bytes of what was deleted' "$out" '. as $r | .findings | length == 1 and
	(.[0] | .kind == "sync_map_deleted" and .certainty == "likely" and .holder.package == "main"
	and .bytes == ([$r.sync_maps[] | select(.deleted_keys > 0) | .gives_back_bytes + .deleted_key_bytes] | add))'
run 60 report --duration 0 "$target"
ok 'text: a row' grep -q '^     sync.Map with 0 live keys, 20,000 deleted, in 1.02 MiB: a new one gives$' "$out"
is 'text: no line is too long' "$(too_long)" ''
run 60 report --duration 0 --json "$target"
cp "$out" "$tmp/saved.json"
run 60 report --json --from "$tmp/saved.json"
ok 'saved: the same again' cmp -s "$out" "$tmp/saved.json"
run 60 report --duration 0 --json --graph off "$target"
holds 'off: none' "$out" '.sync_maps == [] and .sync_maps_total == 0'
stop
finish
