#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Every way to a map function is seen, and no operation is seen twice: reflect, maps.Clone,
# tables that prune tombstones, all kinds of growth; in a plain build, with a profile, and
# with the race detector. Each probe is hit.
#
#   tests/e2e/paths.t [VERSION VARIANT]...
# shellcheck disable=SC2016,SC2317 # jq has variables, too; `ok` calls functions
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

ready=$tmp/ready.json did=$tmp/did.json
times=40

# Inserts and deletes take turns in each map. So a window has equally many of both, give or
# take one at each end.
check_turns() {
	none "$label: as many inserts as deletes" "$out" '(.maps | INDEX(.address)) as $rows
		| .trace.hot.windows as $windows
		| $ready[0].turns[] | .name as $name | $rows[.addr].activity
		| select(.insert.hits - .delete.hits | fabs > $windows)
		| [$name, .insert.hits, .delete.hits, $windows]' --slurpfile ready "$ready"
	holds "$label: many more than windows" "$out" '(.maps | INDEX(.address)) as $rows
		| .trace.hot.windows as $windows | $windows > 0 and all($ready[0].turns[];
			$rows[.addr].activity | .insert.hits > 4 * $windows and .delete.hits > 4 * $windows)' \
		--slurpfile ready "$ready"
}

# Each insert adds a key, which shows at the delete after it. (What a delete did does not
# show: a map that becomes empty gets a new seed, as if it were another map.)
check_changes() {
	none "$label: each insert is of a new key" "$out" '
		(.maps | INDEX(.address)) as $rows | .trace.hot.windows as $windows
		| $ready[0].turns[] | .name as $name | $rows[.addr].activity.insert
		| select(.hits_told != .hits_that_changed_length or .hits_told < .hits - $windows)
		| [$name, .hits, .hits_told, .hits_that_changed_length]' --slurpfile ready "$ready"
}

# Makes without a size take turns with the first inserts into these maps, too.
check_small_makes() {
	holds "$label: as many small makes as inserts into them" "$out" '.trace.hot.windows as $windows
		| [.trace.call_sites[] | select(.caller == "main.makeInsert")]
		| (map({key: .operation, value: .hits}) | from_entries) as $hits
		| length == 2 and $hits.insert > 4 * $windows and ($hits.make - $hits.insert | fabs <= $windows)'
}

events() { # MAP OPERATION: how many
	jq --slurpfile ready "$ready" --arg map "$1" --arg op "$2" '$ready[0][$map] as $addr
		| [.trace.events[] | select(.map == $addr and .operation == $op)] | length' "$out"
}

makes() { # HINT
	jq --argjson hint "$1" '[.trace.events[] | select(.operation == "make" and .hint == $hint)]
		| length' "$out"
}

check_rare() { # VARIANT
	local clones=$times clears=$times ranges=$times

	[[ $(jq .has_clone_and_clear "$ready") == true ]] || clones=0 clears=0
	# With the race detector the compiler does not make a clear of such a loop.
	[[ $1 != race ]] || ranges=0
	is "$label: clears by reflect" "$(events cleared clear)" "$clears"
	is "$label: clears by range and delete" "$(events emptied clear)" "$ranges"
	is "$label: makes" "$(makes 1001)" "$times"
	is "$label: makes by reflect" "$(makes 1002)" "$times"
	is "$label: clones" "$(events cloned clone)" "$clones"
	holds "$label: nothing was left out" "$out" '.cost.records_lost == 0
		and all(.trace | .rare, .make; .windows_ended_by_hits == 0)'
}

# A full table first tries to prune its tombstones, and grows when that is not enough.
check_prunes() { # VERSION
	local tries=0

	if [[ ${1#1.} -ge 25 ]]; then
		tries=$(jq '.pruned + .grown' "$did")
		ok "$label: $tries tables were full" test "$tries" -ge 10
	fi
	is "$label: prunes" "$(events churned prune)" "$tries"
	[[ ${1#1.} -lt 24 ]] ||
		is "$label: growths of that map" "$(events churned grow)" "$(jq .grown "$did")"
}

# The step from a small map to a table, doublings, and splits.
check_growths() {
	is "$label: growths of maps that are filled" \
		"$(jq '[.trace.events[] | select(.operation == "grow" and .caller == "main.fill")] | length' "$out")" \
		"$(jq .filled "$did")"
}

check() { # VERSION VARIANT
	label="go$1 $2"
	build "$1" paths "$2"
	launch "$bin"
	answer >"$ready"
	ok "$label: maptrace attaches" watch --json --fail-on never --duration 300s \
		--max-overhead 10% "$target"
	ask "rare $times" >"$did"
	sleep 1 # of turns
	kill -INT "$watcher"
	watch_ended
	is "$label: exit code" "$rc" 0
	check_turns
	check_changes
	check_small_makes
	check_rare "$2"
	check_prunes "$1"
	check_growths
	none "$label: each of the probes was hit" "$out" '.trace.sites[]
		| select(.probe != null and .hits == 0) | .function'
	ok "$label: the code is as it was" text_is_clean "$target"
	stop
}

if [[ $# == 0 ]]; then
	for version in 1.19 1.21 1.22 1.23 1.24 1.25 1.26 1.27; do
		set -- "$@" "$version" stripped
	done
	set -- "$@" 1.21 pgo 1.24 pgo 1.24 race 1.27 pgo
fi
while [[ $# -gt 0 ]]; do
	check "$1" "$2"
	shift 2
done
finish
