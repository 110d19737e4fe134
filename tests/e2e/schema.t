#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The documents that maptrace writes are what their schema says, judged by a validator that
# knows nothing of us; and what the schema does not allow, it refuses. Each report can be
# read back, and is then written as it was.
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

schema=$top/user/report/report.schema.json
made=$top/build/tests/e2e/made_reports

if ! python3 -c 'import jsonschema' 2>/dev/null; then
	echo '1..0 # SKIP python3-jsonschema is missing'
	exit 0
fi

valid() { # FILE
	python3 "$e2e/fits_schema.py" --form "$schema" "$1" >"$tmp/wrong"
}

is_valid() { # NAME FILE
	ok "$1: fits the schema" valid "$2" || diag "$(cat "$tmp/wrong")"
}

# damaged NAME FILTER: the full document after a change is refused.
damaged() {
	jq "$2" "$tmp/full" >"$tmp/damaged"
	! valid "$tmp/damaged"
	result $? "refused: $1"
}

# What is read is written again as the very same bytes.
check_read_back() { # NAME FILE
	run 60 report --from "$2" --json
	ok "$1: read back, it is the same" cmp "$out" "$2"
}

check_made() {
	local what

	for what in full bare failure; do
		"$made" "$what" >"$tmp/$what" || bail "no made-up report: $what"
		is_valid "made up, $what" "$tmp/$what"
	done
	check_read_back 'made up, full' "$tmp/full"
	check_read_back 'made up, bare' "$tmp/bare"
	ok 'made up, full: any member may be null' python3 "$e2e/thinned.py" "$maptrace" "$tmp/full"
	damaged 'an unknown member' '.target.new = 1'
	damaged 'a member that is missing' 'del(.target.pid)'
	damaged 'a number for a text' '.target.command = 1'
	damaged 'a negative count' '.census.totals.maps = -1'
	damaged 'null for a count' '.census.totals.maps = null'
	damaged 'an unknown word' '.findings[0].kind = "new"'
	damaged 'an address that is not one' '.maps[0].address = "4096"'
	damaged 'a part of a struct' 'del(.trace.hot)'
	damaged 'another schema' '.schema = "maptrace.report/1"'
}

check_report() { # NAME OPTION...
	local name=$1
	shift

	run 60 report --json --fail-on never "$@" "$target"
	is "$name: exit code" "$rc" 0
	cp "$out" "$tmp/report"
	is_valid "$name" "$tmp/report"
	check_read_back "$name" "$tmp/report"
}

check() { # VERSION
	build "$1" mapzoo stripped
	start "$bin" -exit-on-eof -scenario filled_emptied,ints,small,named,reflected
	check_report "go$1" --duration 0
	check_report "go$1, values" --duration 0 --min-waste 0 --scan-values
	check_report "go$1, the largest" --duration 0 --top 3
	stop

	build "$1" churn stripped
	start "$bin" -every 0 -kind 'fast64,faststr,generic' -maps 3 -inserts-per-s 3000 \
		-clear 300ms -grow 2000 -grow-every 1s -madvise 500ms
	check_report "go$1, traced" --duration 3s --min-waste 0 --scan-values
	stop
}

# Maps of two kinds: groups have what is common to all maps, so the document is small.
check_crowd() {
	build 1.24 crowd stripped
	start "$bin" -maps 100000
	run 60 report --json --duration 0 --top 20 --fail-on never "$target"
	ok "100,000 equal maps, --top 20: less than 64 KB" test "$(stat -c %s "$out")" -lt 64000
	holds '100,000 equal maps: the maps are few' "$out" '(.maps | length) <= 20 + (.findings | length)
		and .maps_total >= 100000'
	holds '100,000 equal maps: a few groups have them' "$out" \
		'(.groups | length) < 10 and ([.groups[].maps] | add) == .census.totals.maps'
	stop
}

check_failure() {
	run 10 report --json 999999999
	cp "$out" "$tmp/report"
	is_valid 'a process that is not there' "$tmp/report"
	holds 'it says why' "$tmp/report" '.error.message | length > 0'
	run 10 report --from "$tmp/report"
	is 'a failure is no report: exit code' "$rc" 4
	run 10 report --from "$schema"
	is 'a schema is no report: exit code' "$rc" 4
}

# A verdict that was made up does not follow from the body.
DOCUMENTS_MAX=0 check_made
check_failure
check_crowd
check 1.19
check 1.24
finish
