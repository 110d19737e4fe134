#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The other objects of the heap by type, of a program that knows how many it has.
# shellcheck disable=SC2016 # jq has variables, too
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

truth=$tmp/truth.json pairs=$tmp/pairs.json

compare() {
	ask truth >"$truth"
	run 60 report --duration 0 --json "$target"
	jq -c --slurpfile report "$out" '.objects[] | .type as $type
		| {truth: ., got: [$report[0].objects[] | select(.type == $type or (.type and ($type | endswith("(closure)")) and (.type | endswith($type))))]}' "$truth" >"$pairs"
}

for version in 1.21 1.27; do
	build "$version" objects stripped
	start "$bin"
	compare
	label=go$version
	is "$label: silent on stderr" "$(cat "$err")" ''
	none "$label: each type is there once" "$pairs" 'select(.got | length != 1)'
	# What is estimated may be off by chance; most types are alone in their size class.
	none "$label: how many" "$pairs" 'select((.got[0].count - .truth.count | fabs) > 0.1 * .truth.count)'
	none "$label: exactly as many, where it is no estimate" "$pairs" \
		'select((.got[0].estimated | not) and .got[0].count != .truth.count)'
	none "$label: bytes" "$pairs" 'select(.got[0].bytes < 0.9 * .truth.least_bytes
		or .got[0].bytes > 1.2 * .truth.least_bytes)'
	none "$label: an interval has its middle" "$out" \
		'.objects[] | select(.bytes_low > .bytes or .bytes_high < .bytes or (.estimated | not) and .bytes_low != .bytes)'
	holds "$label: what is noted is certain" "$out" 'all(.objects[]; .source != "noted" or .certain)'
	# The runtime and the standard library have some more.
	holds "$label: objects without pointers" "$out" '.objects
		| map(select(.slot_bytes == 4096 and (.pointers | not)))[0].count - $truth.blobs | . >= 0 and . < 50' \
		--argjson truth "$(cat "$truth")"
	# All that the runtime counts: these, and what is of maps.
	holds "$label: the sum is that of the runtime" "$out" '
		(.objects_total.bytes + .census.totals.table_bytes
		+ 48 * (.census.totals.maps + .census.headers_without_table) - $truth.heap_bytes | fabs)
		< 0.02 * $truth.heap_bytes' --argjson truth "$(cat "$truth")"
	holds "$label: the list has the largest" "$out" '(.objects | map(.bytes)) as $bytes
		| ($bytes | sort | reverse) == $bytes and (.objects_total.groups >= ($bytes | length))'
	none "$label: what is garbage" "$pairs" '.truth as $t | .got[0]
		| select((.garbage_bytes - .bytes * $t.dead / $t.count | fabs) > 0.1 * .bytes)'
	holds "$label: no garbage without pointers" "$out" \
		'.objects | map(select(.slot_bytes == 4096 and (.pointers | not)))[0] | .garbage_bytes < .bytes / 10'
	[[ $version == 1.21 ]] ||
		none "$label: the allocator notes large ones" "$pairs" 'select(.truth.noted and .got[0].source != "noted")'
	run 60 report --duration 0 "$target"
	ok "$label: text" grep -qE '^ +(about )?[0-9.]+ MiB +28,000  main.session( \(guessed\))? \([0-9.]+ [KM]iB garbage\)$' "$out"
	is "$label: no line is too long" "$(too_long)" ''
	[[ $version == 1.21 ]] || {
		run 60 report --duration 0 --json --graph off "$target"
		holds 'off: none' "$out" '.objects == [] and .objects_total == null'
	}
	stop
done
finish
