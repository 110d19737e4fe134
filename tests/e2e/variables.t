#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The types of maps in package variables of a stripped program: code says them, where tables of
# many types look alike.
# shellcheck disable=SC2016 # jq has variables, too
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

truth=$tmp/truth.json compared=$tmp/compared.json

for version in 1.19 1.24 1.27; do
	build "$version" mapvars stripped
	start "$bin"
	ask truth >"$truth"
	run 60 report --duration 0 --json "$target"
	is "go$version: exit code" "$rc" 0
	jq -n --slurpfile truth "$truth" --slurpfile report "$out" '
		($report[0].maps | map({key: .address, value: .}) | from_entries) as $maps
		| $truth[0].maps | map(. + {seen: $maps[.addr].type, by: $maps[.addr].type_source})' >"$compared"
	none "go$version: every variable is told" "$compared" '.[] | select(.by == null)'
	none "go$version: no type is wrong" "$compared" '.[] | select(.seen and .seen != .type)'
	holds "go$version: most types are known" "$compared" 'map(select(.seen)) | length >= 13'
	holds "go$version: most of them by their holders" "$compared" \
		'map(select(.seen and .by == "holder")) | length >= 10'
	diag "go$version: unknown: $(jq -r '[.[] | select(.seen | not) | .name] | join(" ")' "$compared")" \
		"by holder: $(jq -r '[.[] | select(.by == "holder") | .name] | join(" ")' "$compared")"
	stop
done
finish
