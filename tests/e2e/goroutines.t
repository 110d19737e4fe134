#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What goroutines wait for, where, and who started them: as the runtime's own tracebacks have it.
# shellcheck disable=SC2016 # jq has variables, too
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

truth=$tmp/truth.json compared=$tmp/compared.json

# A traceback names neither the runtime's own goroutines nor its own functions. What runs is
# elsewhere by the time of the report, and so is the main goroutine, which answers.
compare='
def at: if .function then "\(.function):\(.line)" else "" end;
def counted: map({key: (.k | tostring), value: .n}) | group_by(.key)
	| map({key: .[0].key, value: (map(.value) | add)}) | from_entries;
($truth[0].groups | map(select(.Reason != "running" and .Reason != "runnable")
	| {k: [.Reason, .Function, .User, .Starter], n: .Count}) | counted) as $told
| ($report[0].goroutines.groups | map(select(.status == "waiting" or .status == "syscall")
	| select(.function == null or (.function | startswith("runtime.") | not))
	| select(.user.function != "main.main")
	| {k: [.wait_reason // .status, at, (.user | values | at) // "", (.created_by | values | at) // ""],
		n: .count}) | counted) as $seen
| {
	missed: [$told | to_entries[] | select($seen[.key] != .value) | {told: ., seen: $seen[.key]}],
	invented: [$seen | to_entries[] | select($told[.key] == null)],
	groups: ($told | length),
}'

report_and_compare() {
	ask groups >"$truth"
	run 60 report --duration 0 --json --top 1 --fail-on never "$@" "$target"
	jq -n --slurpfile truth "$truth" --slurpfile report "$out" "$compare" >"$compared"
}

monotonic() {
	python3 -c 'import time; print(time.clock_gettime_ns(time.CLOCK_MONOTONIC))'
}

check() { # LABEL
	is "$1: exit code" "$rc" 0
	none "$1: every group is as the runtime tells it" "$compared" '.missed[]'
	none "$1: there is no other" "$compared" '.invented[]'
	holds "$1: all kinds of waiting" "$compared" '.groups >= 18'
	holds "$1: the sums" "$out" '.goroutines | .status == "ok"
		and .total == .running + .runnable + .syscall + .waiting + .other
		and .total == ([.groups[].count] | add)
		and .stack_bytes == ([.groups[].stack_bytes] | add)
		and .groups_total == (.groups | length)'
	holds "$1: stacks are not larger than the runtime says" "$out" \
		'.goroutines | .stack_bytes <= $truth[0].stack_bytes and .stack_bytes >= 2048 * .total
			and .stack_resident_bytes <= .stack_bytes' --slurpfile truth "$truth"
}

with_map='.goroutines.groups[] | select(.function == "main.withMap")'

for version in 1.19 1.24 1.27; do
	build "$version" parked stripped
	start "$bin"
	report_and_compare
	check "go$version"
	holds "go$version: maps that only frames hold" "$out" \
		"$with_map | .count == 3000 and .maps <= 3000 and .maps >= 2990 and .map_bytes > 0"
	report_and_compare --graph off
	check "go$version, without holders"
	holds "go$version: without holders their maps are not known" "$out" \
		"$with_map | .maps == null and .map_bytes == null"

	# A cycle notes the start of the first one that finds a goroutine waiting.
	ask collect >"$truth"
	before=$(monotonic)
	run 60 report --duration 0 --json --top 1 "$target"
	after=$(monotonic)
	holds "go$version: how long they wait" "$out" '[.goroutines.groups[]
			| select(.user and .user.function != "main.main" and .status == "waiting")
			| .wait_max_ns >= $before - $truth[0].collected and .wait_max_ns <= $after - $truth[0].started
				and .wait_median_ns <= .wait_max_ns] | length > 15 and all' \
		--slurpfile truth "$truth" --argjson before "$before" --argjson after "$after"

	run 60 report --duration 0 "$target"
	is "go$version, text: no line is too long" "$(too_long)" ''
	ok "go$version, text: the section" grep -qE '^GOROUTINES  3,[0-9]+, stacks of .* MiB, [0-9]+ % of RSS$' "$out"
	ok "go$version, text: the largest group" \
		grep -qE '^    3,000  .* MiB  chan receive in main\.withMap main\.go:[0-9]+$' "$out"
	ok "go$version, text: who started it" grep -qE '^ +started by main\.start main\.go:[0-9]+; ' "$out"

	# A finding is about stacks that are resident, and come back when the goroutines end.
	run 60 report --duration 0 --json --top 1 --min-waste 1M "$target"
	is "go$version, finding: exit code" "$rc" 1
	holds "go$version: the one finding is about the only large group" "$out" \
		'[.findings[] | select(.kind == "goroutines")] as $found | [.goroutines.groups[]
			| select(.function == "main.withMap")] as $groups | ($found | length) == 1
			and $found[0].severity == "warn" and $found[0].bytes == $groups[0].stack_resident_bytes
			and $found[0].gives_back_bytes == $found[0].bytes
			and ($found[0].headline | startswith("3,000 goroutines wait in main.withMap main.go:"))'
	ask release >"$truth"
	holds "go$version: when they end, their stacks come back" "$out" \
		'.findings[] | select(.kind == "goroutines") | .gives_back_bytes as $said
			| $truth[0] | .before - .after > 0.8 * $said' --slurpfile truth "$truth"
	run 60 report --duration 0 --json --top 1 --min-waste 1M "$target"
	none "go$version: then there is no finding" "$out" '.findings[] | select(.kind == "goroutines")'
	stop
done

# Goroutines that run have no place; those that wait have theirs all the same.
build 1.24 parked stripped
start "$bin" busy
report_and_compare
check 'while others run'
stop
finish
