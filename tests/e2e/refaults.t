#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Page faults on memory that was given back: as many as the program counted for itself, with
# who had given it back, and none for pages that were never given back.
# shellcheck disable=SC2016 # jq has variables, too
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

dontneed=4 free=8

# Faults may take a quarter of the budget. No step here uses that up.
attach() { # OPTION...
	ok "$label: maptrace attaches" watch --fail-on never --duration 300s --max-overhead 10% \
		"$@" "$target"
}

begin() { # VERSION OPTION...
	build "$1" refaults stripped
	shift
	start "$bin"
	attach "$@"
}

end() {
	kill -INT "$watcher"
	watch_ended
	is "$label: exit code" "$rc" 0
	stop
}

faults_of() { # COMMAND: the faults that it took
	ask "$1" | jq .faults
}

# Does so with the program's own pages, and sets $took to the faults that it took.
give_and_touch() {
	local step

	took=0
	for step in "$@"; do
		took=$((took + $(faults_of "$step")))
	done
}

# The kernel counts by thread: one or two may be for a signal's stack.
took() { # NAME GOT WANTED
	ok "$1: $2 faults" test "$2" -ge "$3" -a "$2" -le $(($3 + 5))
}

reason() { # NAME
	jq -c --arg name "$1" '[.memory_calls.refaults.by_reason[] | select(.reason == $name)
		| .watched_bytes / 4096, .faults]' "$out"
}

# Without huge pages each touched page is a fault. The range lies in several chunks,
# whatever its address is.
check_pages() { # VERSION
	local wanted=$((1000 + 500 + 1 + 2900))

	label="go$1, pages"
	build "$1" refaults stripped
	start "$bin"
	ask 'map 8192' >/dev/null
	ask 'touch 0 6000' >/dev/null
	attach --json
	give_and_touch "advise 0 4096 $dontneed" 'touch 0 1000' 'touch 0 1000' \
		"advise 0 500 $dontneed" 'touch 0 500' 'touch 3000 1' \
		"advise 300 3000 $dontneed" 'touch 200 3000'
	took "$label: just what it had given back" "$took" "$wanted"
	took "$label: never given back, never touched before" "$(faults_of 'touch 7000 1000')" 1000
	ask "advise 5000 200 $free" >/dev/null
	took "$label: given back with MADV_FREE, still there" "$(faults_of 'touch 5000 200')" 0
	# Another mapping takes the address of what was given back.
	ask "advise 0 8192 $dontneed" >/dev/null
	ask again >/dev/null
	took "$label: unmapped, mapped anew" "$(faults_of 'touch 0 100')" 100
	ask "advise 0 8192 $dontneed" >/dev/null
	ask over >/dev/null
	took "$label: mapped over" "$(faults_of 'touch 0 8192')" 8192
	end
	holds "$label: watched from the start to the end" "$out" '.memory_calls.refaults
		| .status == "ok" and .pauses == 0 and .watched_ns > 0 and .page_bytes == 4096
			and .times_all_forgotten == 0 and all(.not_watched_bytes[]; . == 0)'
	is "$label: pages given back, and faults" "$(reason program)" \
		"[$((4096 + 500 + 3000 + 200 + 8192 + 8192)),$wanted]"
	holds "$label: each fault has an age and a reason" "$out" '.memory_calls.refaults
		| .faults == ([.ages_ns[].faults] | add) and .faults == ([.by_reason[].faults] | add)
			and .watched_bytes == ([.by_reason[].watched_bytes] | add)
			and all(.ages_ns[]; .ge < .lt) and .faults_per_s > 0'
	holds "$label: ages are those of the last seconds" "$out" '.trace.duration_ns as $ns
		| all(.memory_calls.refaults.ages_ns[]; .ge < $ns)'
	holds "$label: faults are in the receipt" "$out" '.cost
		| .page_faults >= $least and .page_faults_ns > 0 and .share_of_core > 0
			and (.page_faults * .page_fault_price_ns / .page_faults_ns - 1 | fabs < 0.001)' \
		--argjson least "$((wanted + 9292))"
}

# Go 1.19 asks for huge pages. A fault brings in 512 pages then, and the count is of faults.
# A few are on other pages, or in other threads.
check_heap() { # VERSION
	local faults=0

	label="go$1, heap"
	build "$1" refaults stripped
	start "$bin"
	ask 'grow 64' >/dev/null
	attach --json
	ask drop >/dev/null
	faults=$(faults_of 'grow 64')
	ask drop >/dev/null
	faults=$((faults + $(faults_of 'grow 64')))
	end
	holds "$label: faults after FreeOSMemory, of $faults" "$out" '
		.memory_calls.refaults.by_reason[] | select(.reason == "free_os_memory")
		| (.faults - $faults | fabs) < 100 and .faults > 500
			and .watched_bytes >= 128 * 1048576' --argjson faults "$faults"
}

# Grow, let the scavenger take half of it, grow again: a heap that swings.
swing() {
	local before after

	ask 'grow 128' >/dev/null
	before=$(ask truth | jq .heap_released)
	after=$(ask 'scavenge 64' | jq .heap_released)
	scavenged=$((after - before))
	ask 'grow 128' >/dev/null
}

check_scavenger() { # VERSION
	label="go$1, scavenger"
	begin "$1" --json
	swing
	end
	ok "$label: it gave back $scavenged bytes" test "$scavenged" -ge $((64 << 20))
	holds "$label: of which the trace saw as much" "$out" '
		.memory_calls.refaults.by_reason[] | select(.reason == "background_scavenger")
		| .watched_bytes >= 0.98 * $bytes' --argjson bytes "$scavenged"
	holds "$label: all of it was touched again" "$out" '
		.memory_calls.refaults.by_reason[] | select(.reason == "background_scavenger")
		| .faults * 4096 >= 0.9 * $bytes and .faults * 4096 <= .watched_bytes' \
		--argjson bytes "$scavenged"

	label="go$1, scavenger, text"
	begin "$1"
	swing
	end
	ok "$label: how many, how soon" grep -qE \
		'^  touched again, of [0-9.]+ MiB given back: [0-9,]+ page faults, half within [0-9.ms ]+$' "$out"
	ok "$label: what that means" grep -q 'the heap swings around its goal' "$out"
	is "$label: 80 columns" "$(too_long)" ''
}

# Memory beyond what can be watched is counted, to the page.
check_bounds() {
	local i

	label='too much'
	begin 1.24 --json
	ask 'map 2400000' >/dev/null
	for ((i = 0; i < 12; i++)); do
		ask "advise $((i * 200000)) 200000 $dontneed" >/dev/null
	done
	ask "advise 0 300000 $dontneed" >/dev/null
	end
	holds "$label: nothing is left out of the account" "$out" '.memory_calls
		| ([.totals[] | select(.advice == "MADV_DONTNEED" and .error == null).bytes] | add) as $all
		| .refaults | .status == "ok" and .watched_bytes > 7 * 1073741824
			and .not_watched_bytes.table_full > 1073741824
			and .not_watched_bytes.call_too_long > 33554432
			and .watched_bytes + ([.not_watched_bytes[]] | add) == $all'
}

# Faults may cost a part of the budget.
check_budget() {
	local i

	label='no budget'
	begin 1.24 --json --max-overhead 0
	end
	holds "$label: says why" "$out" '.memory_calls | .status == "ok"
		and (.refaults | .status == "unavailable" and .reason == "--max-overhead 0")'

	label='a small budget'
	begin 1.24 --json --max-overhead 0.001%
	ask 'map 4096' >/dev/null
	for ((i = 0; i < 20; i++)); do
		ask "advise 0 4096 $dontneed" >/dev/null
		ask 'touch 0 4096' >/dev/null
	done
	end
	holds "$label: they are not watched any more" "$out" '.trace.duration_ns as $ns
		| .memory_calls.refaults | .status == "ok" and .pauses > 0 and .watched_ns < $ns
			and .faults > 0 and .faults < 20 * 4096'
}

check_pages 1.19
check_heap 1.19
for version in 1.24 1.27; do
	check_pages $version
	check_heap $version
done
check_scavenger 1.24
check_bounds
check_budget
finish
