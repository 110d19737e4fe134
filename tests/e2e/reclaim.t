#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Resident memory without use, cause by cause: the right row has what the program knows to
# be there, the others have next to nothing. And what a row says comes back does come back,
# when the program acts on it.
# shellcheck disable=SC2016,SC2317 # jq has variables, too; `launch` and `ok` call functions
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

truth=$tmp/truth.json report=$tmp/report.json
mib=128

# Runs a program without huge pages: the kernel makes them whenever it likes, and then what
# lies between the pages in use is resident, too. prctl(2), x86_64.
# shellcheck disable=SC2329
with_small_pages() { # COMMAND...
	exec perl -e 'syscall(157, 41, 1, 0, 0, 0) == 0 or die "prctl: $!\n"; exec @ARGV' "$@"
}

# The ready line has the truth.
begin() { # CAUSE [VARIABLE=VALUE...]
	local cause=$1 how=with_small_pages
	shift

	[[ $cause != huge_pages ]] || how='exec'
	launch "$how" env "$@" "$bin" -cause "$cause" -mib "$mib"
	answer >"$truth"
	[[ $(cat "$truth") == *'"ready":true'* ]] ||
		bail "reclaim $cause did not start: $(cat "$tmp/target-err")"
}

census() {
	kill -STOP "$target"
	run 60 report --duration 0 --json "$target"
	kill -CONT "$target"
	cp "$out" "$report"
}

check_sum() { # NAME
	holds "$1: all of RSS is explained" "$report" '.memory.unexplained_bytes == 0'
}

others_are_small() { # NAME CAUSE
	none "$1: other causes have next to nothing" "$report" '.reclaim.causes[]
		| select(.cause != $cause and .bytes > 0.02 * $t[0].bytes)' \
		--arg cause "$2" --slurpfile t "$truth"
}

# There are ranges, they do not overlap, and they sum to at most the row.
check_ranges() { # NAME CAUSE
	holds "$1: address ranges" "$report" '.reclaim.causes[] | select(.cause == $cause)
		| (.ranges | length > 0 and all(.[]; .address | startswith("0x")))
			and (.ranges | map(.bytes) | . == (sort | reverse))
			and .ranges_total >= (.ranges | length)' --arg cause "$2"
}

# What the row promises comes back, within 2 % and 1 MiB.
check_deed() { # NAME ROW
	local before promised after

	before=$(jq .memory.rss_bytes "$report")
	promised=$(jq --arg row "$2" '.memory.rows[] | select(.row == $row).gives_back_bytes' \
		"$report")
	ask remedy >/dev/null
	census
	after=$(jq .memory.rss_bytes "$report")
	ok "$1: $((before - after)) bytes came back of $promised" \
		test $((before - after - promised)) -le $((promised / 50 > 1048576 ? 1048576 : promised / 50)) \
		-a $((promised - before + after)) -le $((promised / 50 > 1048576 ? 1048576 : promised / 50))
}

right_bytes() { # NAME CAUSE
	holds "$1: as much as the program says" "$report" '$t[0].bytes as $want
		| .reclaim.causes[] | select(.cause == $cause).bytes
		| $want > 50e6 and . >= 0.98 * $want and . <= 1.02 * $want' \
		--arg cause "$2" --slurpfile t "$truth"
}

# The verdict has the finding for what the body has, and exit code 1.
check_verdict() { # NAME KIND
	is "$1: exit code" "$rc" 1
	holds "$1: the verdict has $2" "$report" '.verdict.state == "wasteful"
		and any(.findings[]; .kind == $kind and .severity == "warn" and .bytes >= 0.9 * $t[0].bytes)
		and all(.findings[]; .kind == $kind or .severity == "info" or .bytes < 0.2 * $t[0].bytes)' \
		--arg kind "$2" --slurpfile t "$truth"
}

declare -A kinds=([not_scavenged]=free_heap [span_pinned]=span_pinned [lazy_free]=lazy_free
	[refilled]=refilled [call_failed]=locked)

cause() { # LABEL CAUSE ROW-TO-ACT-ON [VARIABLE=VALUE...]
	local name="$1 $2" cause=$2 row=$3
	shift 3

	begin "$cause" "$@"
	census
	check_sum "$name"
	right_bytes "$name" "$cause"
	check_verdict "$name" "${kinds[$cause]}"
	others_are_small "$name" "$cause"
	check_ranges "$name" "$cause"
	if [[ -n $row ]]; then
		check_deed "$name" "$row"
	fi
	stop
}

# The program knows how much its tables take, but not how much of that it touched. That
# shows when it comes back.
check_map() { # LABEL
	local name="$1 pinned_by_map"

	begin pinned_by_map
	census
	check_sum "$name"
	holds "$name: as much as the program says" "$report" '$t[0].bytes as $want
		| [.maps[].gives_back_bytes] | max
		| $want > 50e6 and . >= 0.98 * $want and . <= 1.02 * $want' --slurpfile t "$truth"
	holds "$name: the resident part of it" "$report" '[.maps[].gives_back_resident_bytes] as $maps
		| .memory as $m | .reclaim.causes[] | select(.cause == "pinned_by_map")
		| .bytes == ($maps | add) and .bytes > 0.8 * $t[0].bytes
			and .bytes == $m.rows[1].gives_back_bytes' --slurpfile t "$truth"
	others_are_small "$name" pinned_by_map
	check_ranges "$name" pinned_by_map
	check_deed "$name" map_hole
	stop
}

row() { # LABEL ROW PROGRAM-CAUSE
	local name="$1 $2"

	begin "$3"
	census
	check_sum "$name"
	holds "$name: as much as the program says" "$report" '$t[0].bytes as $want
		| .memory.rows[] | select(.row == $row).resident_bytes
		| $want > 50e6 and . >= 0.98 * $want and . <= 1.02 * $want + 1e6' \
		--arg row "$2" --slurpfile t "$truth"
	none "$name: no cause has anything of it" "$report" '.reclaim.causes[]
		| select(.bytes > 0.02 * $t[0].bytes)' --slurpfile t "$truth"
	stop
}

# When the answers before and after a census are equal, nothing moved meanwhile.
census_of_quiet_target() {
	local i again

	for ((i = 0; i < 20; i++)); do
		ask truth >"$truth"
		census
		again=$(ask truth)
		[[ $(jq -c '[.heap_idle, .heap_released]' "$truth") == \
			"$(jq -c '[.heap_idle, .heap_released]' <<<"$again")" ]] && return
		sleep 0.3
	done
	return 1
}

check_never() { # LABEL
	begin not_scavenged
	ok "$1: the target comes to rest" census_of_quiet_target
	holds "$1: without a collector, never" "$report" '.reclaim.causes[]
		| select(.cause == "not_scavenged") | .not_yet_bytes == 0 and .never_bytes == .bytes
			and (.never_because | test("collector is off"))'
	holds "$1: as the runtime counts" "$report" \
		'.heap.free_bytes == $t[0].heap_idle - $t[0].heap_released
			and .heap.released_bytes == $t[0].heap_released' --slurpfile t "$truth"
	stop
}

# Above its goal the scavenger works, and the heap shrinks by what it gives back during the
# watch.
check_not_yet() { # LABEL
	local i

	mib=1536 begin scavenging
	# It works in the background when there is time. Now and then there is.
	for ((i = 0; i < 5; i++)); do
		run 60 report --duration 4s --json "$target"
		cp "$out" "$report"
		jq -e '.reclaim.returned_bytes > 0' "$report" >/dev/null && break
	done
	holds "$1: above the goal, not yet" "$report" '.reclaim
		| .scavenger.pending_bytes > 0 and .scavenger.retained_bytes > .scavenger.retained_goal_bytes
			and any(.causes[]; .cause == "not_scavenged" and .not_yet_bytes > 0
				and .never_bytes < 0.02 * .bytes
				and (.not_yet_because | test("at work")) and .age_ns > 0)'
	holds "$1: the scavenger is at work, so that is no finding" "$report" \
		'all(.findings[]; .kind != "free_heap")'
	holds "$1: at which pace" "$report" '.reclaim | .returned_bytes > 0 and .returned_bytes_per_s > 0'
	stop
}

# Memory that is given back during the watch and stays resident: the call and the pages are
# of one range.
check_calls() { # LABEL
	begin not_scavenged GODEBUG=madvdontneed=0
	watch --duration 4s --json "$target"
	ask remedy >/dev/null
	watch_ended
	cp "$out" "$report"
	holds "$1: given back, yet resident, and since when" "$report" '.reclaim
		| .returned_bytes >= 0.98 * $t[0].bytes and (.causes[] | select(.cause == "lazy_free")
			| .bytes >= 0.98 * $t[0].bytes and (.ranges[0] | .call_error == null
				and .given_back_ago_ns > 0 and .given_back_ago_ns < 5e9))' \
		--slurpfile t "$truth"
	stop

	[[ $1 == go1.19 ]] || return # later versions map the memory anew
	begin will_fail
	watch --duration 4s --json "$target"
	ask remedy >/dev/null
	watch_ended
	cp "$out" "$report"
	holds "$1: calls that fail are told, with their ranges" "$report" '.reclaim
		| .failed_calls > 0 and .failed_error == "EINVAL"
			and any(.causes[] | select(.cause == "call_failed").ranges[];
				.call_error == "EINVAL")'
	stop
}

check_huge() { # LABEL
	begin huge_pages
	if [[ $(jq .bytes "$truth") -lt 50000000 ]]; then
		skip 3 'this kernel gives no huge pages'
		stop
		return
	fi
	census
	check_sum "$1 huge_excess"
	holds "$1 huge_excess: as much as the kernel says" "$report" '.memory
		| .huge_excess_bytes >= 0.98 * $t[0].bytes and .huge_excess_bytes <= 1.02 * $t[0].bytes
			and .huge_page_bytes == $t[0].bytes' --slurpfile t "$truth"
	holds "$1 huge_excess: it is refilled" "$report" '.memory.huge_excess_bytes as $huge
		| any(.reclaim.causes[]; .cause == "refilled" and .bytes >= $huge)'
	stop
}

check() { # VERSION
	local label=go$1

	build "$1" reclaim stripped
	cause "$label" not_scavenged free
	check_map "$label"
	cause "$label" span_pinned free_slot
	cause "$label" lazy_free '' GODEBUG=madvdontneed=0
	cause "$label" refilled ''
	cause "$label" call_failed ''
	check_huge "$label"
	check_never "$label"
	check_not_yet "$label"
	check_calls "$label"
	row "$label" stack stacks
	row "$label" file files
	build "$1" reclaim debian
	row "$label" anon foreign
}

check 1.19
check 1.24
check 1.27
finish
