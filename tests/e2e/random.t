#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A census of maps to which anything may have happened. Each seed is a sequence of
# operations, and the maps are looked at several times while it goes on.
#
#   tests/e2e/random.t [VERSION VARIANT]...
#
# SEEDS="1 2 3" gives the seeds, else some new ones are taken. A failed assertion
# names its seed.
# shellcheck disable=SC2016,SC2317 # jq has variables, too; `ok` calls functions
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

truth=$tmp/truth.json again=$tmp/again.json compared=$tmp/compared.json
rounds=3

census() {
	run 60 report --duration 0 --json "$target"
}

# The runtime gives free pages back in the background, beside a table in its last
# page, too: a census counts when the truth is the same behind it as before it.
census_between() { # COMMAND
	local i

	ask "$1" >"$truth"
	for ((i = 0; i < 20; i++)); do
		census
		ask truth >"$again"
		cmp -s "$truth" "$again" && return
		mv "$again" "$truth"
		sleep 0.2
	done
	return 1
}

# The maps of the runtime itself: what a program without any has.
strangers() { # FILE
	jq -r '.extra[]' "$1"
}

compare() {
	jq -n -L "$e2e" --slurpfile truth "$truth" --slurpfile report "$out" \
		'include "truth"; compare($truth[0]; $report[0])' >"$compared"
}

wrong='.missing, .wrong[], .tables, .load, .inexact, .garbage, .type_wrong, .type_guessed,
	.bucket_wrong, .too_resident, .totals_wrong'

check_seed() { # LABEL SEED STRANGERS
	local round label

	start "$bin" -seed "$2"
	for ((round = 1; round <= rounds; round++)); do
		label="$1 seed $2 round $round"
		ok "$label: the target comes to rest" census_between round
		is "$label: silent on stderr" "$(cat "$err")" ''
		compare
		holds "$label: there are maps" "$compared" '.found > 50'
		none "$label: all figures are right" "$compared" "$wrong | .[]"
		is "$label: no map is invented" "$(strangers "$compared")" "$3"
	done
	stop
}

check() { # VERSION VARIANT
	local seed strangers

	build "$1" random "$2"
	start "$bin" -copies 0
	ask truth >"$truth"
	census
	stop
	compare
	strangers=$(strangers "$compared")
	for seed in ${SEEDS:-$RANDOM$RANDOM $RANDOM$RANDOM}; do
		check_seed "go$1 $2" "$seed" "$strangers"
	done
}

[[ $# -gt 0 ]] || set -- 1.19 plain 1.24 stripped 1.27 plain
while [[ $# -gt 0 ]]; do
	check "$1" "$2"
	shift 2
done
finish
