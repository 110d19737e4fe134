#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Maps whose types take some finding: names beyond any bound.
# shellcheck disable=SC2016 # jq has variables, too
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

truth=$tmp/truth.json compared=$tmp/compared.json

# The report of the target and its truth, with names as long as maptrace has them.
compare() {
	ask truth | jq -c '.maps[].type |= if length > 4096 then .[:4093] + "..." else . end' \
		>"$truth"
	run 60 report --duration 0 --json "$target"
	jq -n -L "$e2e" --slurpfile truth "$truth" --slurpfile report "$out" \
		'include "truth"; compare($truth[0]; $report[0])' >"$compared"
}

# In older versions nothing tells small tables of two types of a size apart.
check() { # LABEL FOUND
	is "$1: exit code" "$rc" 0
	is "$1: silent on stderr" "$(cat "$err")" ''
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
	check "go$version" 3
	[[ $version == 1.19 ]] ||
		holds "go$version: a type with a long name" "$out" \
			'any(.maps[]; .type and (.type | startswith("map[int16]main.node")))'
	stop
done
finish
