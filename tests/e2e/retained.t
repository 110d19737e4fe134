#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What maps keep alive is what HeapAlloc falls by when the program drops them and collects.
# shellcheck disable=SC2016 # jq has variables, too
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

report=$tmp/report.json

# near FELL: a jq filter. Never more than came back, to 2 %. A word that is left over on a stack, in
# an old table even, makes it less; so it is the most of several reports, and 10 % may be missing.
near() {
	printf 'max | . <= 1.02 * %s and . >= 0.9 * %s' "$1" "$1"
}

take_reports() {
	local i

	for i in 1 2 3 4 5; do
		run 60 report --duration 0 --json --min-waste 1M "$target"
		is "$label: exit code $i" "$rc" 1
		cp "$out" "$tmp/report$i.json"
		ask 'collect nothing' >/dev/null
	done
	jq -s . "$tmp"/report[1-5].json >"$report"
}

check_drop() { # LABEL NAME FILTER
	local fell

	fell=$(ask "drop $2" | jq .fell)
	ok "$1: $2 had something" test "$fell" -gt 1000000
	holds "$1: what $2 keeps came back" "$report" "[.[] | $3] | $(near "$fell")"
}

check_copy() { # LABEL NAME
	local fell
	# The map that holds them is known by its variable.
	local pinned='(.maps[] | select(.holder.text == "main.'$2'").address) as $map
		| .graph.retained.pinned[] | select(.map == $map)'

	fell=$(ask "copy $2" | jq .fell)
	ok "$1: copies of $2 gave something back" test "$fell" -gt 10000000
	holds "$1: what copies of $2 give back" "$report" \
		"[.[] | $pinned | .gives_back_bytes] | $(near "$fell")"
	holds "$1: a finding says so" "$report" \
		"[.[] | ($pinned | .map) as \$m |
			.findings[] | select(.kind == \"pinned_by_keys\" and .map == \$m)] | length > 0"
}

for version in 1.19 1.24; do
	label=go$version
	build "$version" keepers plain
	start "$bin"
	take_reports
	holds "$label: the graph fits" "$report" \
		'all(.[].graph.retained; .status == "ok" and .maps > 500)'
	none "$label: strings that pin nothing, or are not the only ones, are no finding" "$report" \
		'.[] | (.maps[] | select(.holder.text | IN("main.owns", "main.lent", "main.used"))
			| .address) as $a | .graph.retained.pinned[] | select(.map == $a)'
	for name in uniform skewed left outer words; do
		check_drop "$label" "$name" \
			".maps[] | select(.holder.text == \"main.$name\") | .retained_bytes"
	done
	check_copy "$label" values
	if [[ $version != 1.19 ]]; then
		# Up to 1.21 the types of these are not known.
		check_drop "$label" shards \
			'.groups[] | select(.type == "map[main.shardKey]*main.item") | .retained_bytes'
		check_copy "$label" pins
		run 60 report --duration 0 --json --min-waste 1M "$target"
		holds "$label: copies pin nothing" "$out" '.graph.retained.pinned == []'
	fi
	stop
done

finish
