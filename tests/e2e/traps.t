#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Programs that want to keep maptrace busy, or waiting, for ever; see traps.c. Each is refused
# or reported in time, however slow the machine is.
# shellcheck disable=SC2016 # jq has variables, too
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

traps=$top/build/tests/e2e/traps

# Without bounds these take from half a minute to hours.
check_busy() { # NAME ARGUMENT...
	local name=$1
	shift

	start "$traps" "$@"
	run 60 report --duration 0 "$target"
	refused "$name" 4 "'traps' is not a Go program"
	stop
}

# False where the machine does not permit the trap.
may_start() { # COMMAND...
	launch "$@"
	[[ $(answer) == *'"ready":true'* ]] && return
	stop
	return 1
}

# Sends a signal when maptrace waits in its read. It ends by that.
check_signal() { # NAME SIGNAL STATUS
	"$maptrace" report --duration 0 --deadline 0 "$target" >"$out" 2>"$err" &
	watcher=$!
	started+=("$watcher")
	sleep 0.5 # what comes earlier ends maptrace, too
	kill "-$2" "$watcher"
	ok "$1, SIG$2: it ends" wait_for 15 is_dead "$watcher"
	wait "$watcher" 2>/dev/null
	is "$1, SIG$2: exit code" "$?" "$3"
	is "$1, SIG$2: nothing on stdout" "$(head -c 200 "$out")" ''
}

# A page that does not come. Who reads it is not ended by kill -9, nor is its process.
check_waiting() { # KIND
	local signal

	may_start "$traps" "$1" || {
		skip 13 "no $1 here: $(cat "$tmp/target-err")"
		return
	}
	run 60 report --duration 0 --deadline 1s "$target"
	refused "$1" 7 'the time was over before there was a result \(--deadline\)'
	run 60 report --duration 0 --deadline 1s --json "$target"
	refused "$1, --json" 7 'the time was over before there was a result'
	is "$1, --json: the kind" "$(jq -r .error.kind "$out")" deadline
	check_signal "$1" TERM 143
	check_signal "$1" INT 130
	check_signal "$1" HUP 129
	"$maptrace" report --duration 0 --deadline 0 "$target" >"$out" 2>"$err" &
	watcher=$!
	started+=("$watcher")
	sleep 0.5
	kill -KILL "$watcher"
	ok "$1: kill -9 ends it" wait_for 15 is_dead "$watcher"
	stop
}

# The map becomes unreadable during the watch. What was known before is reported.
check_armed() { # VERSION
	local name="go$1, a trap after the first census"

	build "$1" armed stripped
	start "$bin"
	watch --duration 6s --deadline 9s --json "$target"
	[[ $(ask arm) == *armed* ]] || {
		skip 5 'no userfaultfd here'
		kill -KILL "$watcher"
		stop
		return
	}
	watch_ended
	is "$name: exit code" "$rc" 7
	holds "$name: it is told" "$out" 'any(.doubts[]; .code == "cut_short")'
	holds "$name: the census before" "$out" \
		'any(.maps[]; .live_keys == 2000000) and .census.status == "ok"'
	holds "$name: no trace, with the reason" "$out" \
		'.trace.status == "refused" and (.trace.reason | test("did not return"))'
	ok "$name: its code is as it was" wait_for 60 text_is_clean "$target"
	stop
}

check_busy '100,000 forged headers' headers 100000
check_busy '20,000 files with code' memfds 20000
check_waiting uffd
check_waiting fuse
check_armed 1.24
finish
