#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Targets that are stopped, frozen, or traced by somebody else while they are watched; and
# a ring that is too small. Figures stay true, the target goes on, and its code is as it
# was. (badinput.t has targets that are killed or execute another program; kill.t kills
# maptrace.)
# shellcheck disable=SC2016,SC2317 # jq has variables, too; `ok` calls functions
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

before=$tmp/before.json after=$tmp/after.json

# One map of each kind, and one that grows to 500 keys every half second.
work=(-every 0 -kind 'fast64,faststr,generic' -maps 3 -live 100 -inserts-per-s 1200
	-deletes-per-s 300 -clear 300ms -grow 500 -grow-every 500ms)

# The length of the pause is the point. There is nothing to wait for.
let_work() { # SECONDS
	sleep "$1"
}

ops() {
	ask truth | jq .ops
}

has_worked_since() { # OPS
	[[ $(ops) -gt $1 ]]
}

check_alive() {
	ok "$label: the target goes on" wait_for 30 has_worked_since "$(ops)"
	ok "$label: its code is as it was" text_is_clean "$target"
}

# Clears and growths are watched all the time: their counts are exact between two stops.
check_counts() { # REPORT
	is "$label: every clear, none invented" \
		"$(jq '[.trace.events[] | select(.operation == "clear")] | length' "$1")" \
		"$(between clears)"
	is "$label: every growth, none invented" \
		"$(jq '[.trace.events[] | select(.operation == "grow")] | length' "$1")" \
		"$(($(between growths) + $(between same_size_growths)))"
	ok "$label: there were some" test "$(between clears)" -ge 3
	holds "$label: nothing is lost" "$1" '.cost.records_lost == 0 and .trace.status == "ok"'
}

between() { # COUNTER
	jq -n --arg of "$1" --slurpfile before "$before" --slurpfile after "$after" \
		'[$after, $before | .[0].maps | map(.[$of]) | add] | .[0] - .[1]'
}

# ---- halted ----

# Three ways to halt a process: a signal, and a frozen cgroup (two versions), as `docker
# pause` does it. No thread of a frozen process runs, whatever signal it gets.
halt_by_signal() {
	kill -STOP "$target" && wait_for 10 grep -q '^State:.T' "/proc/$target/status"
}

wake_by_signal() {
	kill -CONT "$target"
}

halt_by_cgroup2() {
	echo "$target" >"$cgroup2/cgroup.procs" && echo 1 >"$cgroup2/cgroup.freeze" &&
		wait_for 10 grep -q '^frozen 1' "$cgroup2/cgroup.events"
}

wake_by_cgroup2() {
	echo 0 >"$cgroup2/cgroup.freeze"
}

halt_by_freezer() {
	echo "$target" >"$freezer/cgroup.procs" && echo FROZEN >"$freezer/freezer.state" &&
		wait_for 10 grep -q '^FROZEN' "$freezer/freezer.state"
}

wake_by_freezer() {
	echo THAWED >"$freezer/freezer.state"
}

# What the report says of it.
halted_by() {
	case $how in
	signal) echo signal ;;
	*) echo cgroup ;;
	esac
}

ns() {
	echo $((${EPOCHREALTIME/./} * 1000))
}

is_told() { # KIND
	jq -e -n --arg kind "$1" 'any(inputs; .kind == $kind)' "$out" >/dev/null 2>&1
}

# Nothing moves: every map is exact, and as the target said before.
check_halted_before() {
	label="go$version, $how, before"
	ask pause >"$before"
	ok "$label: is halted" "halt_by_$how"
	run 30 report --duration 1s --json "$target"
	is "$label: exit code" "$rc" 0
	is "$label: silent on stderr" "$(complaints)" ''
	holds "$label: all maps are exact" "$out" '.census.status == "ok" and (.maps | length >= 4)
		and all(.maps[]; .consistency == "exact")'
	none "$label: the length of each map" "$out" '(.maps | INDEX(.address)) as $rows
		| $truth[0].maps[] | select(.live_keys > 0) | select(.live_keys != $rows[.addr].live_keys)' --slurpfile truth "$before"
	holds "$label: watched, and nothing seen" "$out" '.trace.status == "ok"
		and .trace.hot.status == "ok" and .trace.events == [] and .cost.probe_hits == 0
		and all(.maps[]; .activity == null or (.activity.insert.hits == 0))'
	holds "$label: why there is nothing" "$out" '.target.stopped_by == $by and .trace.target_stopped_by == $by
		and (.trace | .target_stopped_ns / .duration_ns | . > 0.9 and . <= 1)' --arg by "$(halted_by)"
	run 30 report --duration 0 "$target"
	ok "$label: the text says so" grep -qE '^THE TARGET GETS NO CPU: it is (stopped by a signal|frozen by its cgroup)' "$out"
	is "$label: and that it was not us" "$(sed -n 2p "$out")" \
		'snapshot only (--duration 0): no rates, no callers; not paused by maptrace'
	ok "$label: its code is as it was" text_is_clean "$target"
	"wake_by_$how"
	ask resume >/dev/null
	check_alive
}

# The target is halted in the middle of the watch, and goes on a while later.
check_halted_meanwhile() {
	local start_ns halted_ns

	label="go$version, $how, meanwhile"
	ask pause >"$before"
	ok "$label: maptrace attaches" watch --json --duration 300s "$target"
	ask resume >/dev/null
	let_work 1
	start_ns=$(ns)
	ok "$label: is halted" "halt_by_$how"
	let_work 0.7
	"wake_by_$how"
	halted_ns=$(($(ns) - start_ns))
	let_work 1
	ask pause >"$after"
	kill -INT "$watcher"
	watch_ended
	ask resume >/dev/null
	is "$label: exit code" "$rc" 0
	is "$label: silent on stderr" "$(complaints)" ''
	check_counts "$out"
	holds "$label: it says so, and for how long" "$out" '.target.stopped_by == null and .trace.target_stopped_by == $by
		and .trace.target_stopped_ns > 0 and .trace.target_stopped_ns <= $ns' \
		--arg by "$(halted_by)" --argjson ns "$halted_ns"
	check_alive
}

# The watch ends while the process cannot run: its probes are taken out, and the stream is
# complete.
check_halted_at_end() {
	label="go$version, $how, at the end"
	"$maptrace" events --duration 3s "$target" >"$out" 2>"$err" &
	watcher=$!
	started+=("$watcher")
	ok "$label: maptrace attaches" wait_for 30 is_attached "$watcher"
	ok "$label: is halted" "halt_by_$how"
	ok "$label: which is told" wait_for 10 is_told stopped
	"wake_by_$how"
	ok "$label: and that it goes on" wait_for 10 is_told resumed
	ok "$label: is halted again" "halt_by_$how"
	ok "$label: it ends" wait_for 30 is_dead "$watcher"
	watch_ended
	is "$label: exit code" "$rc" 0
	is "$label: silent on stderr" "$(complaints)" ''
	is "$label: what became of the target" "$(jq -n -c '[inputs
		| select(.kind == "stopped" or .kind == "resumed") | .stopped_by // .kind]' "$out")" \
		"[\"$(halted_by)\",\"resumed\",\"$(halted_by)\"]"
	is "$label: the last line" "$(tail -n 1 "$out" | jq -r '"\(.kind) \(.reason)"')" 'end duration'
	ok "$label: its code is as it was" text_is_clean "$target"
	"wake_by_$how"
	check_alive
}

# Makes a cgroup of our own. Fails where none can be made.
make_cgroup() { # FILE-SYSTEM FILE
	local mount

	for mount in $(awk -v type="$1" '$3 == type { print $2 }' /proc/mounts); do
		cgroup=$mount/maptrace-test-$$
		mkdir "$cgroup" 2>/dev/null || continue
		cgroups+=("$cgroup")
		[[ -w $cgroup/$2 ]] && return
	done
	return 1
}

# A frozen process does not die before it is thawed, and a cgroup with processes cannot be
# removed.
remove_cgroups() {
	local dir

	cleanup
	for dir in "${cgroups[@]}"; do
		rmdir "$dir" || echo "cannot remove $dir" >&2
	done
}
cgroups=()
trap 'wake_all; remove_cgroups' EXIT

wake_all() {
	[[ -n ${cgroup2-} ]] && wake_by_cgroup2
	[[ -n ${freezer-} ]] && wake_by_freezer
}

check_halted() { # HOW...
	start "$bin" "${work[@]}"
	for how; do
		if [[ $how != signal && -z ${!how-} ]]; then
			skip 35 "no cgroup of our own can be made ($how)"
			continue
		fi
		check_halted_before
		check_halted_meanwhile
		check_halted_at_end
	done
	stop
}

# ---- another tracer ----

# Two maptraces watch one target. One of them ends while the other goes on.
check_twice() {
	local first second other=$tmp/other.json

	label="go$version, watched twice"
	start "$bin" "${work[@]}"
	ask pause >"$before"
	ok "$label: one attaches" watch --json --duration 300s "$target"
	first=$watcher
	"$maptrace" report --json --fail-on never --duration 300s "$target" >"$other" 2>>"$err" &
	second=$!
	started+=("$second")
	ok "$label: so does the other" wait_for 30 is_attached "$second"
	ask resume >/dev/null
	let_work 2
	ask pause >"$after"
	kill -INT "$first"
	watcher=$first
	watch_ended
	is "$label: exit code" "$rc" 0
	holds "$label: it was not stopped" "$out" '.target.stopped_by == null
		and .trace.target_stopped_by == null and .trace.target_stopped_ns == 0'
	check_counts "$out"
	kill -INT "$second"
	watcher=$second
	watch_ended
	label="go$version, the other"
	is "$label: exit code" "$rc" 0
	is "$label: silent on stderr" "$(complaints)" ''
	check_counts "$other"
	ask resume >/dev/null
	check_alive
	stop
}

# The other tracer counts at the first instruction of a function, next to our probe.
check_bpftrace() {
	local log=$tmp/bpftrace tracer

	label="go$version, with bpftrace"
	if ! command -v bpftrace >/dev/null; then
		skip 11 'no bpftrace'
		return
	fi
	build "$version" churn plain
	start "$bin" "${work[@]}"
	ask pause >"$before"
	bpftrace -p "$target" -e "uprobe:$bin:runtime.mapclear { @clears = count(); }" \
		>"$log" 2>&1 &
	tracer=$!
	started+=("$tracer")
	ok "$label: that attaches" wait_for 30 is_probed "$target"
	ok "$label: so does maptrace" watch --json --duration 300s "$target"
	ask resume >/dev/null
	let_work 2
	ask pause >"$after"
	kill -INT "$watcher"
	watch_ended
	kill -INT "$tracer"
	ok "$label: it ends" wait_for 30 is_dead "$tracer"
	is "$label: exit code" "$rc" 0
	check_counts "$out"
	is "$label: that has seen as much" "$(awk '/^@clears: / { print $2 }' "$log")" \
		"$(between clears)"
	ask resume >/dev/null
	check_alive
	stop
}

is_probed() {
	! text_is_clean "$1"
}

# ---- a ring too small ----

# A page holds 28 records. With 20,000 inserts a second most records are lost.
check_small_ring() {
	label="go$version, small ring"
	build "$version" churn stripped
	start "$bin" -every 0 -kind fast64,faststr -maps 2 -live 100 -inserts-per-s 20000 \
		-deletes-per-s 3000 -clear 300ms -grow 500 -grow-every 200ms
	ask pause >"$before"
	ok "$label: maptrace attaches" watch --json --duration 300s --ring-size 4096 "$target"
	ask resume >/dev/null
	let_work 2
	ask pause >"$after"
	kill -INT "$watcher"
	watch_ended
	is "$label: exit code" "$rc" 0
	is "$label: silent on stderr" "$(complaints)" ''
	holds "$label: losses are counted" "$out" '.cost.records_lost > 100
		and .cost.lost.ring_full == .cost.records_lost and .cost.lost.bad_record == 0'
	holds "$label: no more than there was to lose" "$out" \
		'.cost.records_lost < (.trace | .hot.hits + .rare.hits + .make.hits)'
	ok "$label: no clear is invented" test "$(between clears)" -ge \
		"$(jq '[.trace.events[] | select(.operation == "clear")] | length' "$out")"
	ok "$label: no growth is invented" \
		test "$(($(between growths) + $(between same_size_growths)))" -ge \
		"$(jq '[.trace.events[] | select(.operation == "grow")] | length' "$out")"
	holds "$label: something was seen" "$out" \
		'[(.maps, .trace.not_in_census)[].activity | objects | .insert.hits] | add > 0'
	none "$label: no rate is said to be certain" "$out" '(.maps, .trace.not_in_census)[].activity
		| objects | (.insert, .delete, .clear, .grow) | select(.per_s_is_rough | not)'
	none "$label: what was seen in windows has no upper end, what was not is not known" "$out" '
		(.maps, .trace.not_in_census)[].activity | objects | (.insert, .delete)
		| select(.per_s_high != null or (.hits == 0) != (.per_s == null)
			or (.hits == 0) != (.per_s_reason == "records were lost"))'
	holds "$label: clears and growths are watched all the time" "$out" \
		'.trace.coverage | .clear == "all" and .grow == "all" and .insert == "windows"'
	none "$label: the true rates of clears and growths are not above the upper end" "$out" '
		(.maps | INDEX(.address)) as $rows
		| (.trace.duration_ns / 1e9) as $s | ($old[0].maps | INDEX(.name)) as $old
		| $new[0].maps[] | . as $map | $rows[.addr].activity | objects | . as $did
		| ("clear", "grow") as $op | {clear: "clears", grow: "growths"}[$op] as $of
		| ($map[$of] - $old[$map.name][$of]) as $truth
		| select($did[$op] | .per_s_high == null or .per_s_high < $truth / $s or .hits > $truth)' \
		--slurpfile old "$before" --slurpfile new "$after"
	none "$label: none tells what two hits with a gap between them did" "$out" \
		'(.maps, .trace.not_in_census)[].activity | objects | (.insert, .delete)
		| select(.hits_told != 0)'
	none "$label: a low end is below the truth" "$out" '(.maps | INDEX(.address)) as $rows
		| (.trace.duration_ns / 1e9) as $s | ($old[0].maps | INDEX(.name)) as $old
		| $new[0].maps[] | select($rows[.addr])
		| ((.inserts_new - $old[.name].inserts_new) / $s) as $truth
		| select($rows[.addr].activity.insert.per_s_low > $truth)' \
		--slurpfile old "$before" --slurpfile new "$after"
	ask resume >/dev/null
	run 30 report --duration 1s --max-overhead 10% --ring-size 4096 "$target"
	ok "$label: the text says so" grep -q '[1-9][0-9,]* records lost' "$out"
	run 30 events --duration 1s --max-overhead 10% --samples --ring-size 4096 "$target"
	ok "$label: so does the stream" \
		test "$(tail -n 1 "$out" | jq .lost.map_records)" -gt 0
	check_alive
	stop
}

check_ring_size() {
	local size

	for size in 0 4097 2k 128M x; do
		run 10 report --ring-size "$size" $$
		refused "a ring of $size" 2 ring-size
	done
}

check_version() { # VERSION HOW...
	version=$1
	shift
	build "$version" churn stripped
	check_halted "$@"
	check_twice
	check_small_ring
}

# Which version of cgroups can be used depends on what the machine has mounted.
freezing=cgroup2
if make_cgroup cgroup2 cgroup.freeze; then
	cgroup2=$cgroup
elif make_cgroup cgroup freezer.state; then
	freezer=$cgroup freezing=freezer
fi

check_version 1.19 signal
check_version 1.24 "$freezing"
check_bpftrace
check_ring_size
finish
