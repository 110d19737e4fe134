#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Two reports compared: what the program did in between is what the comparison says.
# shellcheck disable=SC2016,SC2317 # jq has variables, too; `ok` calls functions
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

start_zoo() {
	start "$bin" -exit-on-eof -scenario ints,churned,nested,filled_emptied
}

save() { # FILE
	run 60 report --duration 0 --json --fail-on never "$target"
	is "$label: a report to compare with" "$rc" 0
	cp "$out" "$1"
}

# The row of the maps of a package variable of mapzoo, by a function that uses it.
row() { # FILTER
	printf '[.maps[] | select(.holder.used_by // [] | any(. == "main.build%s"))] | length == 1 and (.[0] | %s)' "$@"
}

truth_of() { # FILE NAME
	jq -c "[.maps[] | select(.name == \"$2\")][0] | {live_keys, slots, table_bytes}" "$1"
}

# Both sides of a row are what the program says of that map.
row_is_true() { # NAME USER MAP
	holds "$label: $1" "$out" "$(row "$2" '(.before | {live_keys, slots, table_bytes}) == $old
		and (.after | {live_keys, slots, table_bytes}) == $new
		and .grew_bytes == $new.table_bytes - $old.table_bytes
		and .grew_keys == $new.live_keys - $old.live_keys')" \
		--argjson old "$(truth_of "$tmp/old.json" "$3")" \
		--argjson new "$(truth_of "$tmp/new.json" "$3")"
}

for version in 1.19 1.24; do
	label=go$version
	build "$version" mapzoo stripped
	start_zoo
	save "$tmp/before.json"
	ask truth >"$tmp/old.json"
	ask 'burst ints 300000' >/dev/null
	ask 'rebuild filled_emptied' >"$tmp/new.json"
	ask freeos >/dev/null

	run 60 report --since "$tmp/before.json" --duration 0 --json --fail-on never "$target"
	for name in Ints FilledEmptied; do
		map=ints
		[[ $name == Ints ]] || map=filled_emptied
		holds "$label: --since: $map" "$out" '. as $r | .maps[]
			| select(.holder.used_by // [] | any(. == "main.build\($name)")) | (.id | sub("[.-].*"; "")) as $id
			| [$r.since.changed[] | select(.id == $id)] | length == 1 and (.[0]
				| .before_keys == $old.live_keys and .live_keys == $new.live_keys
				and .before_table_bytes == $old.table_bytes
				and .table_bytes == $new.table_bytes
				and ((.keys_per_s * $r.since.between_ns / 1e9
					- ($new.live_keys - $old.live_keys)) | fabs < 0.01)
				and ((.table_bytes_per_s * $r.since.between_ns / 1e9
					- ($new.table_bytes - $old.table_bytes)) | fabs < 1000))' \
			--arg name "$name" --argjson old "$(truth_of "$tmp/old.json" "$map")" \
			--argjson new "$(truth_of "$tmp/new.json" "$map")"
	done
	holds "$label: --since: the time between, and what is gone" "$out" \
		'.since | .status == "ok" and .reason == null and any(.gone[]; .kind == "map_holes")
			and (.between_ns - ($r[0].unix_time_ns - .unix_time_ns) | fabs) < 1000' --slurpfile r "$out"
	run 60 report --since "$tmp/before.json" --duration 0 --fail-on never "$target"
	ok "$label: --since in the text" grep -q '^SINCE ' "$out"
	is "$label: --since: no line is too long" "$(too_long)" ''

	run 60 diff --json "$tmp/before.json"
	is "$label: RSS fell: exit code" "$rc" 0
	holds "$label: one process, at two times" "$out" \
		'.same_process and .same_program and .between_ns > 0 and (.by_type | not)'
	row_is_true 'a map that grew' Ints ints
	row_is_true 'a map that was rebuilt' FilledEmptied filled_emptied
	holds "$label: the finding about it is gone" "$out" \
		'any(.findings[]; .fate == "gone" and .kind == "map_holes")'
	holds "$label: others are the same" "$out" \
		'[.maps[] | select(.fate != "same")] | length <= 3'
	holds "$label: the change of RSS is that of the two reports" "$out" \
		'.grew_bytes == .after.rss_bytes - .before.rss_bytes and
			.before.rss_bytes == $old[0].memory.rss_bytes' --slurpfile old "$tmp/before.json"
	holds "$label: each row of the ledger is that of the report" "$out" \
		'[.memory[] | {key: .row, value: .before_bytes}] | length > 8 and from_entries ==
			([$old[0].memory.rows[] | {key: .row, value: .resident_bytes}] | from_entries)' \
		--slurpfile old "$tmp/before.json"

	save "$tmp/after.json"
	run 60 diff "$tmp/after.json" "$tmp/before.json"
	is "$label: backwards it grows: exit code" "$rc" 1
	ok "$label: backwards: one line says why" grep -qE '^maptrace: failed: RSS grew by [0-9.]+ MiB$' "$err"
	ok "$label: backwards: the finding is new" grep -q '^  new: ' "$out"
	run 60 diff --fail-on never "$tmp/after.json" "$tmp/before.json"
	is "$label: --fail-on never" "$rc" 0
	is "$label: no line is too long" "$(too_long)" ''

	# Another process of the same build: addresses and pid are others, maps are the same.
	stop
	start_zoo
	run 60 diff --json "$tmp/before.json" "$target"
	holds "$label: after a restart each map finds its old self" "$out" '(.same_process | not)
		and .same_program and ([.maps[] | select(.fate == "new" or .fate == "gone")]
			| map(.before.table_bytes + .after.table_bytes) | add // 0)
			<= 0.05 * ([.maps[].before.table_bytes] | add)'
	holds "$label: a restart has no rates" "$out" \
		'.between_ns == null and all(.maps[]; .keys_per_s == null)'
	run 60 report --since "$tmp/before.json" --duration 0 --json --fail-on never "$target"
	holds "$label: --since has no rates after a restart, with the reason" "$out" '.since
		| .status == "ok" and .between_ns == null and (.reason | contains("another process"))
			and all(.changed[]; .keys_per_s == null and .table_bytes_per_s == null)'
	stop
done

jq '.target.command = "other"' "$tmp/before.json" >"$tmp/other.json"
run 10 report --since "$tmp/other.json" --from "$tmp/before.json" --json --fail-on never
holds '--since a report of another program is refused' "$out" \
	'.since | .status == "refused" and (.reason | contains("another program")) and .changed == []'
run 10 report --since "$tmp/no-such-file" --from "$tmp/before.json"
is '--since a file that does not exist: exit code' "$rc" 4

run 10 diff
is 'no report: exit code' "$rc" 2
run 10 diff "$tmp/old.json" "$tmp/before.json"
is 'not a report: exit code' "$rc" 4
run 10 diff "$tmp/before.json" "$tmp/no-such-file"
is 'a file that does not exist: exit code' "$rc" 2

finish
