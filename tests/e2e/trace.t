#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Compares what a trace says with programs that count what they do. And what the trace does
# to them.
# shellcheck disable=SC2016,SC2317 # jq has variables, too; `ok` calls functions
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

before=$tmp/before.json after=$tmp/after.json

# ---- counts ----

# The three paths that most map operations take, with one map each, and a map that grows to
# 500 keys every second. These are too few operations to fill a window.
steady=(-every 0 -kind 'fast64,faststr,generic' -maps 3 -goroutines 3 -live 100
	-inserts-per-s 1200 -deletes-per-s 300 -clear 900ms -grow 500 -grow-every 1s)

# A stack for each CPU (Linux 6.13) would be shared with a thread that preempts the program: the
# machine code gets it by add %gs:..., %r9.
stack_is_kept() { # PID
	local id checked=''

	for id in $(cat "/proc/$(worker_of "$1")/fdinfo"/* | awk '$1 == "prog_id:" { print $2 }' |
		sort -u); do
		[[ $(bpftool -j prog show id "$id" | jq -r .name) == map_function ]] || continue
		python3 "$e2e/jitcode.py" "$id" >"$tmp/code" && [[ -s $tmp/code ]] || return 1
		! LC_ALL=C grep -qaP '\x65\x4c\x03\x0c\x25' "$tmp/code" || return 1
		checked=1
	done
	[[ -n $checked ]]
}

# Watches the target while it works. It only works while the probes are in.
watch_steady() { # SECONDS OPTION...
	local seconds=$1
	shift

	ask pause >"$before"
	ok "$label: maptrace attaches" watch --json --duration 300s "$@" "$target"
	ok "$label: meanwhile there are breakpoints in the code" is_probed "$target"
	ok "$label: the program on them runs on the stack of its thread" stack_is_kept "$watcher"
	ask resume >/dev/null
	let_work "$seconds"
	ask pause >"$after"
	end_watch
	ask resume >/dev/null
}

# The length of the pause is the point. There is nothing to wait for.
let_work() { # SECONDS
	sleep "$1"
}

# Ctrl-C ends a watch early, with a report.
end_watch() {
	kill -INT "$watcher"
	watch_ended
}

is_probed() {
	! text_is_clean "$1"
}

# What happened to each map between two answers, by name, with the map's row of the report.
matched() {
	jq -n -c --slurpfile before "$before" --slurpfile after "$after" --slurpfile report "$out" '
		($report[0].maps | INDEX(.address)) as $rows
		| ($before[0].maps | INDEX(.name)) as $old
		| [$after[0].maps[] | . as $map | select(.name != "grow[0]")
			| {name, type, addr, goroutine, row: $rows[.addr]}
				+ (["inserts_new", "deletes", "clears", "growths", "same_size_growths"]
					| map({key: ., value: ($map[.] - $old[$map.name][.])}) | from_entries)]
		| {
			maps: .,
			seconds: ($report[0].trace.duration_ns / 1e9),
			grow: ($after[0].maps + $before[0].maps
				| map(select(.name == "grow[0]")
					| .growths + .same_size_growths) | .[0] - .[1])
		}' >"$tmp/matched.json"
}

# The windows cover less than half of the time, and programs on a busy machine work
# unevenly.
check_rates() { # FACTOR
	local op count

	for op in insert:inserts_new delete:deletes; do
		count=${op#*:} op=${op%:*}
		none "$label: rate of ${op}s, within a factor of $1" "$tmp/matched.json" '.seconds as $s
			| .maps[] | (.[$count] / $s) as $truth | .row.activity[$op].per_s as $got
			| select($got == null or $got < $truth / $factor or $got > $truth * $factor)
			| [.name, $truth, $got]' --arg op "$op" --arg count "$count" --argjson factor "$1"
		holds "$label: there were ${op}s to see" "$tmp/matched.json" \
			'all(.maps[]; .[$count] > 200)' --arg count "$count"
	done
}

check_counts() {
	none "$label: every clear is counted" "$tmp/matched.json" '.maps[]
		| select(.clears < 3 or .row.activity.clear.hits != .clears)
		| [.name, .clears, .row.activity.clear]'
	none "$label: every growth of a map is counted" "$tmp/matched.json" '.maps[]
		| select((.row.activity.grow.hits) != .growths + .same_size_growths)
		| [.name, .growths, .same_size_growths, .row.activity.grow]'
	is "$label: every growth there was is an event" \
		"$(jq '[.trace.events[] | select(.operation == "grow")] | length' "$out")" \
		"$(jq '.grow + ([.maps[] | .growths + .same_size_growths] | add)' "$tmp/matched.json")"
	is "$label: so is every clear" \
		"$(jq '[.trace.events[] | select(.operation == "clear")] | length' "$out")" \
		"$(jq '[.maps[].clears] | add' "$tmp/matched.json")"
	holds "$label: there were growths" "$tmp/matched.json" \
		'.grow > 10 and any(.maps[]; .growths > 0)'
	none "$label: a growth makes a map or a table larger, but for its own kind" "$out" \
		'.trace.events[] | select(.operation == "grow")
		| select(.slots_to < .slots_from or (.slots_to == .slots_from and .growth != "same_size"))'
}

check_names() {
	none "$label: the type is the one that the call tells" "$tmp/matched.json" '.maps[]
		| select(.row.type_source != "probe" or .row.type != .type) | [.name, .row.type]'
	none "$label: the caller" "$tmp/matched.json" '.maps[]
		| (.name | sub("\\[.*"; "")) as $kind | .row.activity
		| select(.insert.caller != "main.(*\($kind)).put"
			or .delete.caller != "main.(*\($kind)).remove"
			or .clear.caller != "main.(*\($kind)).clear")
		| [.insert.caller, .delete.caller, .clear.caller]'
}

check_goroutines() {
	none "$label: the goroutine" "$tmp/matched.json" '.maps[]
		| select(.goroutine == 0 or .row.activity.insert.goroutine != .goroutine
			or .row.activity.delete.goroutine != .goroutine)
		| [.goroutine, .row.activity.insert.goroutine, .row.activity.delete.goroutine]'
	holds "$label: growths are of that of the map, clears of another one" "$out" '
		($matched[0].maps | INDEX(.addr)) as $maps
		| [.trace.events[] | select($maps[.map])
			| (.goroutine == $maps[.map].goroutine) == (.operation != "clear")]
		| length > 0 and all' --slurpfile matched "$tmp/matched.json"
}

check_histograms() {
	none "$label: the times of a histogram add up, and lie where it says" "$out" '.maps[]
		| select(.histograms.censuses > 1) | .address as $address | .histograms.observed_ns as $ns
		| .histograms | (.live_keys, .buckets, .resident_bytes)
		| select((.bins | map(.ns) | add) != $ns
			or .min > .max or .min < .bins[0].ge or .min >= .bins[0].lt
			or .max < .bins[-1].ge or .max >= .bins[-1].lt)
		| [$address, $ns, .]'
	holds "$label: a map that stays is in every census" "$out" '.census.censuses as $censuses
		| $censuses >= 3 and ($matched[0].maps | all(.[]; .row.histograms.censuses == $censuses))' \
		--slurpfile matched "$tmp/matched.json"
	holds "$label: its histogram covers the watch" "$out" '.trace.duration_ns as $ns
		| $matched[0].maps | all(.[]; .row.histograms.observed_ns | . > 0.8 * $ns and . < 1.1 * $ns)' \
		--slurpfile matched "$tmp/matched.json"
	holds "$label: a clear left them empty for a while" "$tmp/matched.json" \
		'all(.maps[]; .row.histograms.live_keys.min == 0)'
	holds "$label: the length of the maps changed" "$tmp/matched.json" \
		'all(.maps[]; .row.histograms.live_keys | .min < .max)'
}

check_groups() { # MECHANISM
	holds "$label: mechanism" "$out" '.trace.mechanism == $how' --arg how "$1"
	holds "$label: all is traced" "$out" '.trace | .status == "ok" and .hot.status == "ok"
		and .rare.status == "ok" and .hot.windows > 0'
	holds "$label: nothing is lost" "$out" '.cost.records_lost == 0
		and .trace.rare.windows_ended_by_hits == 0 and all(.trace.left_out[]; . == 0)'
	holds "$label: it costs what was hit" "$out" '.cost.probe_hits >= .trace.hot.hits + .trace.rare.hits
		and .cost.attached_ns > 1e9'
}

check_steady() { # VERSION
	build "$1" churn stripped

	label="go$1, multi"
	start "$bin" "${steady[@]}"
	watch_steady 4 --attach multi
	matched
	is "$label: exit code" "$rc" 0
	is "$label: silent on stderr" "$(complaints)" ''
	check_groups uprobe_multi
	holds "$label: few windows are full" "$out" \
		'.trace.hot | .windows_ended_by_hits <= .windows / 2'
	check_rates 2
	check_counts
	check_names
	check_goroutines
	check_histograms
	ok "$label: the code is as it was" text_is_clean "$target"
	stop

	label="go$1, perf"
	start "$bin" "${steady[@]}"
	watch_steady 5 --attach perf
	matched
	is "$label: exit code" "$rc" 0
	is "$label: silent on stderr" "$(complaints)" ''
	check_groups perf_event
	check_counts
	holds "$label: inserts are seen" "$tmp/matched.json" 'any(.maps[]; .row.activity.insert.hits > 0)'
	ok "$label: the code is as it was" text_is_clean "$target"
	stop
}

# ---- a busy target ----

ops_per_s() { # SECONDS
	local start ops

	read -r start ops < <(ask truth | jq -r '"\(.mono_ns) \(.ops)"')
	let_work "$1"
	ask truth | jq "(.ops - $ops) / (.mono_ns - $start) * 1e9 | floor"
}

# Their tables are replaced while they are read. But the maps exist at all times, with the
# same number of keys.
check_busy_maps() {
	none "$label: no busy map is left out" "$out" '(.maps | INDEX(.address)) as $rows
		| $truth[0].maps[] | select($rows[.addr] == null) | [.name, .addr]' \
		--slurpfile truth "$after"
	none "$label: what is said of one is true, or doubted" "$out" '(.maps | INDEX(.address)) as $rows
		| $truth[0].maps[] | $rows[.addr] | select(. and .consistency != "suspect")
		| select((.live_keys - 10000 | fabs) > 10 or .slots < .live_keys) | del(.histograms)' \
		--slurpfile truth "$after"
}

check_busy() { # VERSION MECHANISM
	local alone watched

	label="go$1, busy, $2"
	build "$1" churn stripped
	start "$bin" -every 0 -busy -kind fast64,faststr -maps 2 -goroutines 2
	alone=$(ops_per_s 1)
	# Windows on a busy target wait until there is a reserve: seconds, with the default budget.
	ok "$label: maptrace attaches" watch --json --duration 300s --max-overhead 5% --attach "$2" \
		"$target"
	watched=$(ops_per_s 3)
	ask truth >"$after"
	end_watch
	is "$label: exit code" "$rc" 0
	# How many of them end by their hits depends on how fast the machine is: test_window.c has
	# such windows.
	holds "$label: windows are full of hits" "$out" \
		'.trace.hot | .windows > 0 and .hits >= .windows * .quota_hits / 20'
	holds "$label: no window takes more hits than its quota" "$out" \
		'.trace.hot | .quota_hits > 0 and .hits <= .windows * .quota_hits'
	holds "$label: a rate that was cut off is said to be rough" "$out" \
		'[(.maps, .trace.not_in_census)[].activity | select(. and .insert.hits > 0)
			| .insert.per_s_is_rough] | length > 0 and all'
	check_busy_maps
	# Probes that stay in would make it 200 times slower.
	ok "$label: $watched operations a second, $alone alone" test "$watched" -gt $((alone / 4))
	ok "$label: the code is as it was" text_is_clean "$target"
	ok "$label: the target goes on" test "$(ops_per_s 1)" -gt $((alone / 4))
	stop
}

# ---- memory calls ----

# Real calls: churn takes 64 MiB and gives them back, over and over.
check_madvise() { # VERSION
	local cycles

	label="go$1"
	build "$1" churn stripped
	# Without a goal of the collector the scavenger has no goal, and does not act first.
	start env GOGC=off "$bin" -every 0 -madvise 500ms
	ok "$label: maptrace attaches" watch --json --duration 300s "$target"
	ask truth >"$before"
	let_work 2
	ask truth >"$after"
	end_watch
	cycles=$(($(jq .madvise_cycles "$after") - $(jq .madvise_cycles "$before")))
	ok "$label: memory was given back $cycles times" test "$cycles" -ge 2
	holds "$label: the bytes given back" "$out" '.memory_calls
		| .status == "ok" and ([.totals[]
			| select(.call == "madvise" and .advice == "MADV_DONTNEED" and .error == null)
			| .bytes] | add >= ($cycles - 1) * 64 * 1024 * 1024)' --argjson cycles "$cycles"
	holds "$label: debug.FreeOSMemory gave them back, for whom" "$out" '.memory_calls
		| .not_listed == 0 and ([.calls[]
			| select(.advice == "MADV_DONTNEED" and .reason == "free_os_memory"
				and .caller == "main.madvise" and (.file | endswith("/main.go")))
			| .bytes] | add >= ($cycles - 1) * 64 * 1024 * 1024)' --argjson cycles "$cycles"
	none "$label: all others are the runtime's" "$out" '.memory_calls.calls[]
		| select(.advice == "MADV_DONTNEED")
		| select(.reason | IN("free_os_memory", "background_scavenger", "allocation") | not)'
	stop
}

calls_of() { # CALL FILTER
	jq -c --arg call "$1" "[.memory_calls.totals[] | select(.call == \$call) | select($2)]
		| [(map(.calls) | add), (map(.bytes) | add)]" "$out"
}

# Known calls, to the byte. Other calls of that program have other sizes.
check_memory_calls() {
	local mib=$((1 << 20))

	label='memory calls'
	build 1.24 churn stripped
	start "$e2e/mapped.pl" "$bin"
	ask "map 1 $((8 * mib))" >/dev/null
	ok "$label: maptrace attaches" watch --json --duration 300s "$target"
	ask "advise 3 $mib 4" >/dev/null
	ask "advise 5 $((2 * mib)) 8" >/dev/null
	ask "misadvise 7 $mib 4" >/dev/null
	ask "map 11 $((3 * mib))" >/dev/null
	ask "unmap 1 $((3 * mib))" >/dev/null
	end_watch
	holds "$label: all are traced" "$out" '.memory_calls.status == "ok"'
	is "$label: MADV_DONTNEED" "$(calls_of madvise '.advice == "MADV_DONTNEED" and .error == null')" \
		"[3,$((3 * mib))]"
	is "$label: MADV_FREE" "$(calls_of madvise '.advice == "MADV_FREE"')" "[5,$((10 * mib))]"
	is "$label: failures" "$(calls_of madvise '.error == "EINVAL"')" "[7,$((7 * mib))]"
	is "$label: mmap" "$(jq '[.memory_calls.calls[] | select(.call == "mmap" and .bytes == 3 * 1048576)]
		| length' "$out")" 11
	is "$label: munmap" "$(jq '[.memory_calls.calls[] | select(.call == "munmap" and .bytes == 3 * 1048576)]
		| length' "$out")" 1
	none "$label: and C code did it" "$out" '.memory_calls.calls[]
		| select(.bytes == 3 * 1048576 and (.reason != "c" or .caller != null))'
	holds "$label: sums of mmap are no less" "$out" '[.memory_calls.totals[] | select(.call == "mmap")]
		| (map(.calls) | add) >= 11 and (map(.bytes) | add) >= 33 * 1048576'
	holds "$label: sums of munmap are no less" "$out" '[.memory_calls.totals[] | select(.call == "munmap")]
		| (map(.calls) | add) >= 1 and (map(.bytes) | add) >= 3 * 1048576'
	stop
}

# ---- the end ----

check_interrupt() {
	label=interrupted
	build 1.24 churn stripped
	start "$bin" "${steady[@]}"
	ok "$label: maptrace attaches" watch --json --duration 300s "$target"
	end_watch
	is "$label: exit code" "$rc" 0
	holds "$label: the report is whole, and of the time watched" "$out" \
		'.census.status == "ok" and .trace.status == "ok" and .trace.duration_ns < 100e9'
	ok "$label: the code is as it was" text_is_clean "$target"
	stop
}

check_dry_run() {
	label='dry run'
	build 1.24 churn stripped
	start "$bin" -every 0
	run 20 report --dry-run "$target"
	is "$label: exit code" "$rc" 0
	for function in mapassign mapassign_fast64 mapassign_faststr mapdelete mapclear; do
		ok "$label: runtime.$function has a place" \
			grep -qE "runtime\.$function +\+0x[0-9a-f]+ " "$out"
	done
	stop
}

for version in 1.19 1.24; do
	check_steady $version
	check_busy $version multi
	check_madvise $version
done
check_busy 1.24 perf
check_memory_calls
check_interrupt
check_dry_run
finish
