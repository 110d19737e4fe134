#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A kill has left a breakpoint in the code of a process: the process goes on, and the next
# trace with a probe in the same place takes the breakpoint out.
# shellcheck disable=SC2317 # `ok` calls functions
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

has_worked_since() { # OPS
	[[ $(ask truth | jq .ops) -gt $1 ]]
}

# The offsets of the bytes of code that differ from those of the file.
breakpoints() {
	local range perms offset path start size

	while read -r range perms offset _ _ path; do
		[[ $perms == r-xp && $path == /* && $path != *.so* ]] || continue
		start=$((16#${range%-*}))
		size=$((16#${range#*-} - start))
		cmp -l <(bytes_of "/proc/$target/mem" "$start" "$size") \
			<(bytes_of "/proc/$target/exe" $((16#$offset)) "$size") |
			awk -v offset=$((16#$offset)) '{ print $1 - 1 + offset }'
	done <"/proc/$target/maps"
}

# The probes that are in for a short time: all except those that stay.
are_seen_in_window() {
	hot=$(breakpoints | grep -vxF "$standing" | head -n 1)
	[[ -n $hot ]]
}

# Sets $standing to the places where a trace has probes all the time, and $hot to one of
# those where it has them only in windows.
find_places() {
	ok 'a trace attaches' watch --duration 300s --max-overhead 0 "$target"
	standing=$(breakpoints)
	kill -INT "$watcher"
	watch_ended
	ok 'a trace attaches' watch --duration 300s "$target"
	ok 'its windows are seen' wait_for 60 are_seen_in_window
	kill -INT "$watcher"
	watch_ended
	is 'the code is as it was' "$(breakpoints)" ''
}

leak_at() { # OFFSET
	"$e2e/leak.pl" "$target" "$1" 2>"$err" && [[ $(breakpoints) == "$1" ]]
}

# Fails where the kernel leaves no breakpoint.
leak() { # OFFSET
	local i

	for ((i = 0; i < 20; i++)); do
		leak_at "$1" && return
	done
	return 1
}

# In either case the next trace with a probe there takes it out.
check_standing() { # OFFSET OPTION...
	local name="$2 $3"

	if ! leak "$1"; then
		skip 3 "no breakpoint is left: $(head -n 1 "$err")"
		return
	fi
	ok "$name: the target goes on" wait_for 30 has_worked_since "$(ask truth | jq .ops)"
	run 60 report --duration 1s --fail-on never "${@:2}" "$target"
	is "$name: exit code" "$rc" 0
	is "$name: a trace takes it out" "$(breakpoints)" ''
}

check_hot() {
	if ! leak "$hot"; then
		skip 4 "no breakpoint is left: $(head -n 1 "$err")"
		return
	fi
	ok 'of a window: the target goes on' wait_for 30 has_worked_since "$(ask truth | jq .ops)"
	run 60 report --duration 1s --fail-on never --max-overhead 0 "$target"
	is 'of a window: a trace without windows has no probe there' "$(breakpoints)" "$hot"
	run 60 report --duration 2s --json "$target"
	is 'of a window: a trace with windows takes it out' "$(breakpoints)" ''
	holds 'of a window: and sees as much as ever' "$out" \
		'.trace.status == "ok" and any(.maps[]; .activity.insert.hits > 0)'
}

build 1.24 churn stripped
start "$bin" -every 0 -kind fast64 -maps 2 -inserts-per-s 20000 -deletes-per-s 20000 -clear 300ms
find_places
ok "$(wc -l <<<"$standing") places with probes that stay" test -n "$standing"
check_standing "$(head -n 1 <<<"$standing")" --attach multi
check_standing "$(tail -n 1 <<<"$standing")" --attach perf
check_hot
stop
finish
