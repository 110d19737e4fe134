#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Compares what a rebuild is said to give back with a real rebuild. Findings, and what they
# do to the exit code.
# shellcheck disable=SC2016 # jq has variables, too
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

truth=$tmp/truth.json report=$tmp/report.json

# Maps whose tables have 1 MiB or more in both implementations. The others are smaller.
large=(filled_emptied ints structs cleared)
small=(bigval bigkey sets growing growing_half growing_same churned churned_ints ptrkeys)
scenarios=filled_emptied,ints,structs,cleared,bigval,sets,growing,churned,ptrkeys

# The place of a key is random, and so is how many buckets overflow or tables split. The
# prediction is the mean.
rebuilds=3

census() { # OPTION...
	run 60 report --duration 0 --json "$@" "$target"
	cp "$out" "$report"
}

table_bytes() { # NAME
	jq --arg name "$1" '.maps[] | select(.name == $name).table_bytes' "$truth"
}

address() { # NAME
	jq -r --arg name "$1" '.maps[] | select(.name == $name).addr' "$truth"
}

mean_of_rebuilds() { # NAME
	local sum=0 i

	for ((i = 0; i < rebuilds; i++)); do
		sum=$((sum + $(ask "rebuild $1" |
			jq --arg name "$1" '.maps[] | select(.name == $name).table_bytes')))
	done
	printf '%d\n' $((sum / rebuilds))
}

# A prediction of 0 means that the rebuilt map must not be smaller.
check_prediction() { # LABEL PERCENT NAME
	local before after

	before=$(table_bytes "$3")
	after=$(mean_of_rebuilds "$3")
	holds "$1: $3 gives back what was said, +-$2 %" "$report" \
		'.maps[] | select(.address == $addr)
		| .gives_back_bytes - ([$before - $after, 0] | max) | fabs | . <= $before * $percent / 100' \
		--arg addr "$(address "$3")" --argjson before "$before" --argjson after "$after" \
		--argjson percent "$2"
}

check_predictions() { # LABEL
	local name

	for name in "${large[@]}"; do
		ok "$1: $name is a large table" test "$(table_bytes "$name")" -ge $((1 << 20))
		check_prediction "$1" 1 "$name"
	done
	# One table more in eight is 12 %.
	for name in "${small[@]}"; do
		check_prediction "$1" 10 "$name"
	done
}

# Compares with what the program's own runtime counts: that has everything that a map takes,
# also what neither maptrace nor the truth knows of. freeos collects once more: after only
# the two collections of a rebuild the count was up to 22 KB off.
check_heap_alloc() { # LABEL NAME PERCENT OF
	local before=$heap_alloc addr table

	addr=$(address "$2")
	table=$(table_bytes "$2")
	ask "rebuild $2" >/dev/null
	heap_alloc=$(ask freeos | jq .memstats.heap_alloc)
	holds "$1: of $2 the heap gets back what was said, +-$3 % of $4" "$report" '
		.maps[] | select(.address == $addr)
		| .gives_back_bytes - $given | fabs
		| . <= $percent / 100 * if $of == "the table" then $table else $given end' \
		--arg addr "$addr" --arg of "$4" --argjson table "$table" \
		--argjson percent "$3" --argjson given $((before - heap_alloc))
}

# Classic maps keep lists of buckets without pointers. With small buckets the lists matter.
check_noscan() { # VERSION VARIANT
	local label="go$1 $2" kind heap_alloc

	build "$1" mapzoo "$2"
	start "$bin" -exit-on-eof -scenario noscan
	ask freeos >"$truth"
	census
	heap_alloc=$(jq .memstats.heap_alloc "$truth")
	holds "$label: tables are large" "$truth" '.maps | length == 12 and all(.table_bytes > 1e6)'
	for kind in 4_0 4_1 8_0 8_8; do
		check_heap_alloc "$label" "${kind}_few" 1 given
		check_heap_alloc "$label" "${kind}_third" 1 given
		# A rebuild gives back next to nothing, and the number of overflow buckets is random.
		check_heap_alloc "$label" "${kind}_most" 1 'the table'
	done
	stop
}

exit_code() { # NAME WANTED OPTION...
	local name=$1 wanted=$2
	shift 2

	census "$@"
	is "$name: ${*:-no option}" "$rc" "$wanted"
}

check_exit_codes() { # LABEL
	local bytes

	exit_code "$1" 1
	holds "$1: the emptied map is the first finding about a map" "$report" \
		'[.findings[] | select(.kind == "map_holes")][0].map == $addr' \
		--arg addr "$(address filled_emptied)"
	holds "$1: that finding is of more than 50 MB" "$report" \
		'[.findings[] | select(.kind == "map_holes")][0].bytes > 50e6'
	exit_code "$1" 1 --min-waste 1
	none "$1: a finding is the sum of its maps" "$report" 'include "truth"; wrong_findings'
	exit_code "$1" 1
	bytes=$(jq '.findings[0].bytes' "$report")

	exit_code "$1" 0 --min-waste 1G
	holds "$1: none is as large as --min-waste" "$report" '.findings == []'
	exit_code "$1" 1 --min-waste 0
	holds "$1: --min-waste 0 has all, the largest first" "$report" \
		'.findings | map({key: .severity, value: .bytes}) | group_by(.key) | length > 0
			and all(.[]; map(.value) | . == (sort | reverse) and all(.[]; . > 0))'
	exit_code "$1" 0 --fail-on never
	holds "$1: --fail-on never leaves the findings" "$report" '.findings | length > 0'
	exit_code "$1" 0 --fail-on $((bytes + (1 << 20)))
	holds "$1: so does --fail-on of more" "$report" '.findings | length > 0'
	exit_code "$1" 1 --fail-on $((bytes / 2))
	exit_code "$1" 1 --min-waste 1M --fail-on 40M
}

# More than the tables may come back: a span that held some of them also has free slots,
# which go with the last table.
check_remedy() { # LABEL
	local before after promised

	before=$(jq .memory.rss_bytes "$report")
	promised=$(jq --arg addr "$(address filled_emptied)" \
		'.maps[] | select(.address == $addr).gives_back_resident_bytes' "$report")
	ok "$1: the map promises" test "$promised" -gt 50000000
	ask 'rebuild filled_emptied' >/dev/null
	ask freeos >/dev/null
	census --min-waste 32M
	holds "$1, rebuilt: nothing is left to find in maps" "$report" \
		'[.findings[] | select(.map)] == []'
	after=$(jq .memory.rss_bytes "$report")
	ok "$1, rebuilt: of $promised bytes promised $((before - after)) came back" \
		test $((before - after)) -ge $((promised - (4 << 20))) \
		-a $((before - after)) -le $((promised + promised / 4))
}

check() { # VERSION
	local label=go$1

	build "$1" mapzoo stripped
	# The program gives its free pages back. So the runtime has nothing left to do in the
	# background, and free pages are not a finding.
	start "$bin" -exit-on-eof -scenario "$scenarios"
	ask freeos >"$truth"
	check_exit_codes "$label"
	census
	check_remedy "$label"
	stop

	start "$bin" -exit-on-eof -scenario "$scenarios"
	ask truth >"$truth"
	census
	check_predictions "$label"
	stop
}

check 1.19
check 1.24
check_noscan 1.19 stripped
check_noscan 1.23 stripped
finish
