#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Censuses of maps with a random past. Each seed gives a sequence of operations, and several
# censuses are taken while it goes on.
#
#   tests/e2e/random.t [VERSION VARIANT]...
#
# SEEDS="1 2 3" sets the seeds; by default they are new each time. A failed assertion names
# its seed.
# shellcheck disable=SC2016,SC2317 # jq has variables, too; `ok` calls functions
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

truth=$tmp/truth.json again=$tmp/again.json compared=$tmp/compared.json
rounds=3 moving=10

census() {
	run 60 report --duration 0 --json "$target"
}

# The runtime gives free pages back in the background, also the rest of a table's last
# page. A census counts only when the truth is the same before and after it.
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

# The maps of the runtime itself: those of a program that has no other.
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
		is "$label: silent on stderr" "$(complaints)" ''
		compare
		holds "$label: there are maps" "$compared" '.found > 50'
		none "$label: all figures are right" "$compared" "$wrong | .[]"
		is "$label: no map is invented" "$(strangers "$compared")" "$3"
	done
	stop
}

# Maps that one variable holds before and after a census, while the program goes on: the
# census must list them, whatever it says about them.
lost() { # BEFORE AFTER
	jq -c --slurpfile before "$1" --slurpfile after "$2" '
		def made: reduce .variables[] as $v ({}; .[$v.name] = $v.made);
		($before[0] | made) as $made | ($after[0] | made) as $made_after
		| (reduce $after[0].maps[] as $m ({}; .[$m.name] = $m.addr)) as $addr
		| (reduce .maps[] as $m ({}; .[$m.address] = true)) as $told
		| $before[0].maps[]
		| select(.buckets > 0 and $made[.name] == $made_after[.name] and $addr[.name] == .addr)
		| {name, addr, type, told: ($told[.addr] // false)}' "$out"
}

check_moving() { # LABEL SEED
	local i rows=$tmp/lost.json

	start "$bin" -seed "$2" -steps 2000
	ask truth >"$truth"
	for ((i = 0; i < moving; i++)); do
		printf 'round\n' >&"$to"
		census
		answer >"$again"
		lost "$truth" "$again"
		mv "$again" "$truth"
	done >"$rows"
	stop
	holds "$1: maps stay while the program goes on" "$rows" 'length > 0' -s
	none "$1: none of them is lost" "$rows" 'select(.told | not)'
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
		check_moving "go$1 $2 seed $seed, moving" "$seed"
	done
}

[[ $# -gt 0 ]] || set -- 1.19 plain 1.24 stripped 1.27 plain
while [[ $# -gt 0 ]]; do
	check "$1" "$2"
	shift 2
done
finish
