#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Maps that grow all the time: leaks are found, and maps that have a size are not.
# shellcheck disable=SC2016,SC2317 # jq has variables, too; `ok` calls functions
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

before=$tmp/before.json after=$tmp/after.json

# The leaks that are in the report as warnings.
warned() {
	jq -r '.findings[] | select(.kind == "growing_map" and .severity != "info")
		| .type // "unknown" | select(startswith("map[context.") | not)
		| capture("main\\.(?<key>\\w+)").key // .' "$out" | sort | tr '\n' ' '
}

# Keys that come once a second may be seen or not, and their type may not be known.
finds_the_leaks() {
	ask truth >"$before"
	run 60 report --json --duration 5s --min-waste 1g "$target"
	ask truth >"$after"
	[[ $(warned) =~ ^behindKey\ (burstKey\ )?leakKey\ shardKey\ (unknown\ )?$ ]]
}

# The type of the keys in each line of the program that inserts.
keys_by_line() {
	awk 'match($0, /\[[a-z]+Key\(/) {
		printf "%s\"%d\":\"%s\"", sep, NR, substr($0, RSTART + 1, RLENGTH - 2); sep = "," }
		BEGIN { print "{" } END { print "}" }' "$top/tests/targets/growers/main.go"
}

# A machine that does not run the program for seconds makes each map stand still.
leaks_are_found() {
	finds_the_leaks || finds_the_leaks || finds_the_leaks
}

check_leaks() { # VERSION
	label="go$1"
	build "$1" growers stripped
	start "$bin"
	ok "$label: leaks are warned of, nothing else is" leaks_are_found || diag "$(warned)"
	is "$label: exit code" "$rc" 1
	is "$label: the verdict" "$(jq -r .verdict.state "$out")" growing
	is "$label: stderr has one line" "$(wc -l <"$err")" 1
	# Some of the many maps may have no type, and then have a row of their own.
	none "$label: as many keys as the program counts" "$out" '[.growing[]
		| .key = (if .type then .type | capture("main\\.(?<key>\\w+)").key else "shardKey" end)]
		| group_by(.key)[] | .[0].key as $key | (map(.live_keys) | add) as $live
		| select($before[0][$key]) | select($live < $before[0][$key]
			or $live > $after[0][$key]
			or (map(.gained_keys) | add) > $after[0][$key] - $before[0][$key])' \
		--slurpfile before "$before" --slurpfile after "$after"
	none "$label: the rate is what was gained in the time" "$out" '.growing[]
		| (.gained_keys / (.observed_ns / 1e9) / .keys_per_s) as $part
		| select(.maps == 1 and ($part < 0.99 or $part > 1.01))'
	holds "$label: deletes that do not keep up" "$out" '.growing[]
		| select(.type == "map[main.behindKey][4]int") | .deletes_seen and .deletes_per_s > 0'
	holds "$label: none at all" "$out" '.growing[]
		| select(.type == "map[main.leakKey]struct {}") | .deletes_seen | not'
	# 22 to 24 bytes, in a size class of 24, and slots of 16.
	holds "$label: what the keys of a set take" "$out" '.growing[]
		| select(.type == "map[main.leakKey]struct {}")
		| .contents_bytes_per_s / .keys_per_s | . >= 23.9 and . <= 32'
	holds "$label: the caller" "$out" '.growing[]
		| select(.type == "map[main.leakKey]struct {}")
		| .caller == "main.step" and (.file | endswith("growers/main.go"))'
	# Each type has its own line of inserts, and is the only one there.
	none "$label: no row has the operations of another type" "$out" '.trace.busiest[]
		| (.title | capture("^map.main\\.(?<key>\\w+)").key) as $key
		| .activity.insert | select(.hits > 0 and $keys[.line | tostring] != $key)
		| [$key, .line]' --argjson keys "$(keys_by_line)"
	none "$label: the stack leads to the program" "$out" '.trace.call_sites[]
		| select((.caller // "" | startswith("context.")) and .stack)
		| select(.user_frame.function != "main.runQuery"
			or ([.stack[].function] | contains(["main.runQuery", "main.step"]) | not))'
	holds "$label: there is one" "$out" '[.trace.call_sites[]
		| select(.caller // "" | startswith("context.")) | .stack] | any'
	holds "$label: code that deletes is a doubt" "$out" '[.growing[]
		| select(.type == "map[main.warmKey]int")] | length == 1 and (.[0].deletes_seen | not)
			and (.[0].doubt | contains("code that deletes"))'
	holds "$label: room that was made before is a doubt" "$out" '.growing[]
		| select(.type == "map[main.sizedKey]int") | .doubt != null'
	stop
}

# The time to the limit comes from what is left and what is taken.
check_limit() {
	label='go1.24, limit'
	build 1.24 growers stripped
	GOMEMLIMIT=1GiB start "$bin"
	run 60 report --json --duration 4s --min-waste 1g "$target"
	holds "$label: each has a time" "$out" '[.growing[] | select(.bytes_per_s) | .limit]
		| length > 0 and all(.[]; .kind != null and .bytes > .left_bytes and .in_ns > 0)'
	none "$label: by its rate" "$out" '.growing[] | select(.bytes_per_s and .limit.kind == "GOMEMLIMIT")
		| (.limit.left_bytes / .bytes_per_s * 1e9 / .limit.in_ns) | select(. < 0.99 or . > 1.01)'
	stop
}

check_leaks 1.19
check_leaks 1.24
check_limit
finish
