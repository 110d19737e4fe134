#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# For MINUTES (60) a program of 1,000 threads, at the limit of its memory cgroup, is watched over
# and over, by two maptraces with either mechanism, of which one is killed now and then, and by
# whatever other tracers there are: perf, which takes its stacks, and bpftrace on the same
# functions. It goes on, and nothing is left in it or in the kernel. `make soak`; not part of
# `make test`.
# shellcheck disable=SC2016,SC2317 # jq has variables, too; `ok` calls functions
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/e2e/lib.sh"

minutes=${MINUTES:-60}
end=$((SECONDS + minutes * 60))
runs=0 kills=0 odd=0 loops=()

# ---- the memory cgroup, of either version ----

limit=memory.limit_in_bytes usage=memory.usage_in_bytes group=/sys/fs/cgroup/memory
[[ -d $group ]] || limit=memory.max usage=memory.current group=/sys/fs/cgroup
group=$group/maptrace-soak.$$
mkdir "$group" 2>/dev/null && [[ -e $group/$limit ]] || group=''

# A process counts in its cgroup from when it is in there.
start_in_group() { # COMMAND...
	if [[ -n $group ]]; then
		start sh -c 'echo $$ >"$1/cgroup.procs" && shift && exec "$@"' sh "$group" "$@"
	else
		start "$@"
	fi
}

# A little more than it takes now: the collector has little room.
limit_memory() {
	echo $(($(cat "$group/$usage") + (4 << 20))) >"$group/$limit" &&
		diag "at most $(cat "$group/$limit") bytes"
}

oom_kills() {
	[[ -z $group ]] || cat "$group/memory.oom_control" "$group/memory.events" 2>/dev/null |
		awk '$1 == "oom_kill" { sum += $2 } END { print sum + 0 }'
}

# ---- who looks ----

# What a watch may end with. A kill is ours.
note_exit() { # CODE
	runs=$((runs + 1))
	case $1 in
	0 | 1) ;;
	137) kills=$((kills + 1)) ;;
	*) odd=$((odd + 1)) && diag "exit code $1: $(tail -n 1 "$tmp/soak-err")" ;;
	esac
}

watch_once() { # SECONDS
	local how=(multi perf)

	timeout --foreground 120 "$maptrace" report --json --fail-on never --duration "$1s" \
		--attach "${how[RANDOM % 2]}" "$target" >"$tmp/soak-out" 2>"$tmp/soak-err" &
	watcher=$!
	if ((RANDOM % 4 == 0)); then
		sleep "$((RANDOM % $1)).$((RANDOM % 10))"
		pkill -KILL -P "$watcher"
		kill -KILL "$watcher" 2>/dev/null
	fi
	wait "$watcher" 2>/dev/null
	note_exit $?
}

# loop COMMAND...: over and over, in the background, until the end.
loop() {
	while ((SECONDS < end)); do
		timeout -k 5 60 "$@" >/dev/null 2>&1
		sleep 0.2
	done &
	loops+=($!)
}

other_tracers() {
	local function

	loop "$maptrace" report --fail-on never --duration 7s --max-overhead 5% "$target"
	if perf record -q -g -o /dev/null -p "$target" -- sleep 0.1 >/dev/null 2>&1; then
		diag 'perf takes stacks'
		loop perf record -q -g -F 499 -o /dev/null -p "$target" -- sleep 5
	fi
	if command -v bpftrace >/dev/null; then
		diag 'bpftrace counts'
		for function in runtime.mapassign_fast64 runtime.mapassign_faststr; do
			loop timeout 5 bpftrace -p "$target" -e "uprobe:$bin:$function { @ = count(); }"
		done
	fi
}

# ---- what must hold ----

ops() {
	ask truth | jq .ops
}

works() {
	local before

	before=$(ops)
	sleep 1
	[[ $(ops) -gt $before ]]
}

objects() {
	bpftool -j prog show | jq '[.[] | select(.name | IN("map_function", "priced_function",
		"selftest"))] | length'
}

is_back() { # COMMAND WANTED
	[[ $("$1") == "$2" ]]
}

mappings() {
	awk '$6 && $6 != "[stack]" { print $1, $2, $6 }' "/proc/$target/maps"
}

complaints_of_kernel() {
	dmesg 2>/dev/null | grep -cE 'BUG:|WARNING:|Oops|general protection|leaking uprobe'
}

tainted=$(cat /proc/sys/kernel/tainted) complaints=$(complaints_of_kernel) left=$(objects)

build 1.24 churn plain
start_in_group "$bin" -every 0 -kind 'fast64,faststr' -maps 1000 -goroutines 1000 -threads -live 200 \
	-inserts-per-s 20000 -deletes-per-s 20000 -clear 3s
sleep 5
ok 'the target has 1,000 threads' test "$(grep -c . <(cd "/proc/$target/task" && printf "%s\n" *))" -ge 1000
mapped=$(mappings)
if [[ -z $group ]] || ! limit_memory; then
	diag 'no limit of memory can be set here'
fi
other_tracers
while ((SECONDS < end)); do
	watch_once $((RANDOM % 8 + 2))
	works || break
done
wait "${loops[@]}"
ok "$runs watches, $kills of them killed; all others ended well" test "$odd" -eq 0
ok 'the target works' works
is 'nobody ran out of memory' "$(oom_kills)" 0
ok 'its code is as it was' wait_for 60 text_is_clean "$target"
[[ $(mappings | grep -v '\[uprobes') == "$(grep -v '\[uprobes' <<<"$mapped")" ]]
result $? 'its mappings are what they were'
ok 'no program is left in the kernel' wait_for 60 is_back objects "$left"
is 'the kernel is not tainted anew' "$(cat /proc/sys/kernel/tainted)" "$tainted"
is 'nor did it complain' "$(complaints_of_kernel)" "$complaints"
[[ -z $group ]] || diag "largest use: $(cat "$group"/memory.{max_usage_in_bytes,peak} 2>/dev/null)"
stop
[[ -n $group ]] && rmdir "$group" 2>/dev/null
finish
