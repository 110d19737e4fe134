#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The stream of events: what is in it, and how it ends.
# shellcheck disable=SC2016,SC2317 # jq has variables, too; `ok` calls functions
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

before=$tmp/before.json after=$tmp/after.json

work=(-every 0 -kind fast64 -live 100 -inserts-per-s 200 -deletes-per-s 200
	-grow 500 -grow-every 1s -clear 700ms -madvise 500ms)

# Starts a stream. Its probes are in the target when this returns.
stream() { # OPTION... PID
	"$maptrace" events "$@" >"$out" 2>"$err" &
	watcher=$!
	started+=("$watcher")
	wait_for 30 is_attached "$watcher"
}

# Every line is a JSON object, and the last line is complete.
check_lines() {
	is "$label: every line is an object" "$(jq -R 'fromjson | select(type == "object") | 1' "$out" |
		wc -l)" "$(wc -l <"$out")"
	is "$label: the last line is whole" "$(tail -c 1 "$out" | od -An -tx1)" ' 0a'
	holds "$label: a start, an end, and as many lines as it says" "$out" -s '
		.[0].kind == "start" and .[-1].kind == "end" and .[-1].lines == length
			and ([.[] | select(.kind == "start" or .kind == "end")] | length) == 2'
	holds "$label: nothing is lost" "$out" -s 'all(.[-1].lost | (.map_records, .lines, .memory_calls); . == 0)
		and all(.[]; .kind != "lost" or .map_records == 0)'
}

# holds() passes on the options that follow the filter.
holds() {
	local name=$1 file=$2 slurp=''
	shift 2

	[[ $1 == -s ]] && slurp=-s && shift
	local filter=$1 got
	shift
	got=$(jq -c $slurp "$@" "$filter" "$file" 2>&1)
	[[ $got == true ]]
	result $? "$name" || diag "$filter" "yields $(head -c 300 <<<"$got")"
}

check_content() { # VERSION
	label="go$1"
	build "$1" churn stripped
	start "$bin" "${work[@]}"
	ask pause >"$before"
	ok "$label: maptrace attaches" stream "$target"
	ask resume >/dev/null
	sleep 3
	ask pause >"$after"
	kill -INT "$watcher"
	watch_ended
	is "$label: exit code" "$rc" 0
	is "$label: silent on stderr" "$(complaints)" ''
	check_lines
	is "$label: every growth" "$(jq -s '[.[] | select(.operation == "grow")] | length' "$out")" \
		"$(jq -n --slurpfile a "$after" --slurpfile b "$before" \
			'[$a, $b | .[0].maps | map(.growths + .same_size_growths) | add] | .[0] - .[1]')"
	is "$label: every clear" "$(jq -s '[.[] | select(.operation == "clear")] | length' "$out")" \
		"$(jq -n --slurpfile a "$after" --slurpfile b "$before" \
			'[$a, $b | .[0].maps | map(.clears) | add] | .[0] - .[1]')"
	holds "$label: there were some" "$out" -s '[.[] | select(.kind == "map")] | length > 10'
	holds "$label: with their callers" "$out" -s '[.[] | select(.operation == "grow")]
		| all(.[]; .caller == "main.(*fast64).put" and .line > 0 and .bytes_to > .bytes_from
			and (.sampled | not))'
	holds "$label: memory calls, and who made them" "$out" -s '[.[] | select(.kind == "memory_call")]
		| any(.[]; .call == "madvise" and .reason == "free_os_memory" and .bytes > 1e6)'
	holds "$label: cycles of the collector, one after the other" "$out" -s '
		[.[] | select(.kind == "gc")] | length >= 4 and all(.[]; .pause_ns > 0)
			and ([.[].cycle] | . == [range(.[0]; .[0] + length)])'
	none "$label: no samples" "$out" 'select(.sampled == true)'
	stop
}

check_samples() {
	label=samples
	build 1.24 churn stripped
	start "$bin" "${work[@]}"
	run 30 events --samples --duration 2s "$target"
	is "$label: exit code" "$rc" 0
	check_lines
	holds "$label: inserts and deletes" "$out" -s '[.[] | select(.sampled) | .operation]
		| contains(["insert", "delete"])'
	is "$label: the end" "$(tail -n 1 "$out" | jq -r .reason)" duration
	stop
}

# The rate of an operation, from the stream alone: each window is a sample of the time that it
# stands for.
rate_of() { # OPERATION
	jq -s --arg op "$1" '[.[] | select(.kind == "map" and .operation == $op) | .time_ns] as $at
		| [.[] | select(.kind == "watched" and (.operations | index($op)))
			| .from_ns as $from | (.from_ns + .watched_ns) as $to
			| ([$at[] | select(. >= $from and . <= $to)] | length) as $seen
			| {stands_for_ns, did: ($seen * .stands_for_ns / .watched_ns)}]
		| (map(.did) | add) / (map(.stands_for_ns) | add) * 1e9' "$out"
}

# A program that clears so often that only a part of each second is watched.
check_rates() {
	local seen rate truth

	label='not all is watched'
	build 1.24 churn stripped
	start "$bin" -every 0 -kind fast64 -live 8 -inserts-per-s 100 -deletes-per-s 100 -clear 100us
	ok "$label: maptrace attaches" stream "$target"
	ask truth >"$before"
	ok "$label: windows come to an end" wait_for 30 eval \
		'[[ $(grep -c "\"watched\".*\"clear\"" "$out") -ge 5 ]]'
	ask truth >"$after"
	kill -INT "$watcher"
	watch_ended
	truth=$(jq -n --slurpfile a "$after" --slurpfile b "$before" '[$a, $b | .[0]
		| [(.maps | map(.clears) | add), .mono_ns]] | (.[0][0] - .[1][0])
			/ (.[0][1] - .[1][1]) * 1e9')
	rate=$(rate_of clear)
	seen=$(jq -s '([.[] | select(.operation == "clear")] | length) / .[-1].time_ns * 1e9' "$out")
	is "$label: many clears are not seen" "$(jq -n "$seen < 0.8 * $truth")" true
	is "$label: the stream tells the rate all the same" \
		"$(jq -n "$rate > 0.6 * $truth and $rate < 1.6 * $truth")" true ||
		diag "$rate, and not $truth"
	holds "$label: the end says how long" "$out" -s '.[-1] as $last
		| [$last.watched[] | select(.operation == "clear")]
		| length == 1 and .[0].not_watched_ns > $last.time_ns / 5
			and .[0].watched_ns + .[0].not_watched_ns <= $last.time_ns * 1.01'
	holds "$label: windows and pauses add up to the end's" "$out" -s '.[-1] as $last
		| [.[] | select(.kind == "watched" and (.operations | index("clear")))]
		| (map(.watched_ns) | add) as $watched | (map(.not_watched_ns) | add) as $not
		| ($last.watched[] | select(.operation == "clear"))
		| .watched_ns == $watched and .not_watched_ns >= $not'
	stop
}

check_lines_come_at_once() {
	label='at once'
	build 1.24 churn stripped
	start "$bin" "${work[@]}"
	ok "$label: maptrace attaches" stream "$target"
	ok "$label: lines are there while it runs" wait_for 20 test "$(wc -l <"$out")" -ge 1
	ok "$label: growths are there while it runs" wait_for 20 grep -q '"grow"' "$out"
	is "$label: whole ones" "$(tail -c 1 "$out" | od -An -tx1)" ' 0a'
	stop
	watch_ended
	label='target exits'
	is "$label: exit code" "$rc" 5
	is "$label: silent on stderr" "$(complaints)" ''
	check_lines
	is "$label: the end" "$(tail -n 1 "$out" | jq -r .reason)" target_gone
}

check_closed_pipe() {
	local codes

	label='closed pipe'
	build 1.24 churn stripped
	start "$bin" "${work[@]}"
	codes=$(
		timeout 30 "$maptrace" events "$target" 2>"$err" | head -n 3 >"$out"
		printf '%s' "${PIPESTATUS[*]}"
	)
	is "$label: exit codes" "$codes" '0 0'
	is "$label: silent on stderr" "$(complaints)" ''
	is "$label: the lines are whole" "$(jq -c 1 "$out" | wc -l)" 3
	# Nothing happens in the target: the stream has to notice by itself that nobody reads.
	stop
	start "$bin" -every 0 -inserts-per-s 0 -deletes-per-s 0
	codes=$(
		timeout 30 "$maptrace" events "$target" 2>"$err" | true
		printf '%s' "${PIPESTATUS[*]}"
	)
	is "$label: of a quiet target" "$codes" '0 0'
	is "$label: of a quiet target: silent" "$(complaints)" ''
	ok "$label: the code is as it was" text_is_clean "$target"
	stop
}

# A reader that pauses loses lines and is told so. The lines that come are complete.
check_slow_reader() {
	label='slow reader'
	build 1.24 churn stripped
	start "$bin" "${work[@]}"
	"$maptrace" events --samples --duration 4s "$target" 2>"$err" | {
		sleep 3
		cat
	} >"$out"
	is "$label: every line is an object" "$(jq -R 'fromjson | select(type == "object") | 1' "$out" |
		wc -l)" "$(wc -l <"$out")"
	holds "$label: the end says how many are missing" "$out" -s '.[-1]
		| .kind == "end" and .lost.lines > 0'
	holds "$label: lines and losses add up" "$out" -s '.[-1].lines == length
		and ([.[] | select(.kind == "lost") | .lines] | add) <= .[-1].lost.lines'
	stop
}

check_usage() {
	label=usage
	run 10 events
	refused "$label: no pid" 2 'which process'
	run 10 events --duration soon 1
	refused "$label: no time" 2 'is not a time'
	run 10 events 1 2
	refused "$label: two" 2 'one PID'
	run 10 events --help
	is "$label: --help" "$rc" 0
	ok "$label: --help has an example" grep -q 'maptrace events .* jq' "$out"
	run 10 events $$
	refused "$label: a shell" 4 'Go'
}

check_content 1.19
check_content 1.24
check_samples
check_rates
check_lines_come_at_once
check_closed_pipe
check_slow_reader
check_usage
finish
