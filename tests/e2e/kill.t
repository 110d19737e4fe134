#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# kill -9 of maptrace at any moment: the target goes on working, and nothing is left in it
# or in the kernel.
# shellcheck disable=SC2016,SC2317 # jq has variables, too; `ok` calls functions
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

kills=${KILLS:-10} # the longer the better: KILLS=200
probed=0

# The ids of the objects of a kind that a process holds in the kernel. Each kind counts its own.
held_by() { # PID KIND
	cat "/proc/$1/fdinfo"/* 2>/dev/null | awk -v key="$2:" '$1 == key { print $2 }' | sort -u
}

links() {
	bpftool -j link show | jq '.[].id' | sort
}

programs() {
	bpftool -j prog show | jq '.[].id' | sort
}

# The kernel closes the files of a killed process soon, but not at once.
are_gone() { # LIST-COMMAND NUMBER...
	local list=$1
	shift

	[[ -z $(comm -12 <("$list") <(printf '%s\n' "$@" | sort)) ]]
}

ops() {
	ask truth | jq .ops
}

has_worked_since() { # OPS
	[[ $(ops) -gt $1 ]]
}

kill_at_random_moment() {
	"$maptrace" report --duration 300s "$@" "$target" >"$out" 2>"$err" &
	watcher=$!
	started+=("$watcher")
	sleep "$((RANDOM % 2)).$((RANDOM % 10))$((RANDOM % 10))"
	# While it is stopped it cannot open another window between the look and the kill.
	worker=$(worker_of "$watcher")
	kill -STOP "$worker"
	wait_for 10 grep -q '^State:.T' "/proc/$worker/status"
	mapfile -t held_links < <(held_by "$worker" link_id)
	mapfile -t held_programs < <(held_by "$worker" prog_id)
	text_is_clean "$target" || probed=$((probed + 1))
	kill -KILL "$watcher"
	wait "$watcher" 2>/dev/null
}

check_kill() { # NUMBER OPTION...
	local name="kill $1, ${*:2}" before
	shift

	before=$(ops)
	kill_at_random_moment "$@"
	ok "$name: the target goes on" wait_for 30 has_worked_since "$before"
	# The kernel takes the probes out one by one. On a busy machine that may take long.
	ok "$name: its code is as it was" wait_for 60 text_is_clean "$target"
	ok "$name: ${#held_links[@]} links are gone" wait_for 60 are_gone links "${held_links[@]}"
	ok "$name: ${#held_programs[@]} programs are gone" \
		wait_for 60 are_gone programs "${held_programs[@]}"
	ok "$name: nothing is printed" test ! -s "$out"
}

check_version() { # VERSION
	local i how

	build "$1" churn stripped
	start "$bin" -every 0 -kind 'fast64,faststr' -maps 2 -inserts-per-s 20000 \
		-deletes-per-s 20000 -clear 300ms
	for ((i = 1; i <= kills / 2; i++)); do
		how=multi
		((i % 2)) || how=perf
		check_kill "$i of go$1" --attach "$how"
	done
	run 60 report --duration 2s --json "$target"
	holds "go$1: it can be watched afterwards" "$out" \
		'.trace.status == "ok" and any(.maps[]; .activity.insert.hits > 0)'
	ok "go$1: its code is as it was" text_is_clean "$target"
	stop
}

check_version 1.19
check_version 1.24
ok "$probed of $kills kills found probes in the code" test "$probed" -ge 2
finish
