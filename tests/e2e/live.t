#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What a trace tells while it goes on, and two of them in one loop, against programs that
# count what they do.
# shellcheck disable=SC2016,SC2317 # jq has variables, too; `ok` calls functions
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

many_traces=${MANY_TRACES:-$top/build/tests/e2e/many_traces}

# enum abi_op
insert=1 delete=2 clear=3 grow=4
gone=2 stopped=1 # enum trace_end

work=(-every 0 -kind 'fast64,faststr,generic' -maps 3 -goroutines 3 -live 100
	-inserts-per-s 1200 -deletes-per-s 300 -clear 900ms -grow 500 -grow-every 1s)

pids=() tos=() froms=()

# Starts a program; in the end there are two, and `ask` talks to one of them.
add_target() { # VERSION
	build "$1" churn stripped
	start "$bin" "${work[@]}"
	pids+=("$target") tos+=("$to") froms+=("$from")
}

ask_of() { # NUMBER COMMAND
	to=${tos[$1]} from=${froms[$1]}
	ask "$2"
}

lines_of() { # KIND PID
	jq -c "select(.kind == \"$1\" and .pid == $2)" "$out" 2>/dev/null
}

has_lines() { # KIND PID COUNT
	[[ $(lines_of "$1" "$2" | wc -l) -ge $3 ]]
}

is_ready() {
	grep -q '"ready"' "$out"
}

trace_both() { # OPTION...
	"$many_traces" "$@" "${pids[@]}" >"$out" 2>"$err" &
	watcher=$!
	started+=("$watcher")
	wait_for 60 is_ready
}

# Both work for some seconds, in which they are published; then both stand still until
# that is published, too.
let_both_work() {
	local i published=()

	for i in 0 1; do ask_of $i pause >"$tmp/before$i"; done
	ok "$label: both are traced" trace_both "$@"
	for i in 0 1; do ask_of $i resume >/dev/null; done
	sleep 4
	for i in 0 1; do ask_of $i pause >"$tmp/after$i"; done
	for i in 0 1; do published[i]=$(lines_of published "${pids[i]}" | wc -l); done
	for i in 0 1; do
		ok "$label: it goes on" wait_for 20 has_lines published "${pids[i]}" $((published[i] + 3))
	done
}

# The maps of the program that stay, with what it says that it did to each.
truth() { # NUMBER
	jq -n -c --slurpfile before "$tmp/before$1" --slurpfile after "$tmp/after$1" '
		($before[0].maps | INDEX(.name)) as $old
		| [$after[0].maps[] | select(.name != "grow[0]") | . as $map
			| {addr} + (["inserts_new", "deletes", "clears", "growths", "same_size_growths"]
				| map({key: ., value: ($map[.] - $old[$map.name][.])}) | from_entries)
			| {addr, inserts: .inserts_new, deletes, clears,
				grows: (.growths + .same_size_growths)}]'
}

# What lines of the trace say of the same maps. VALUE is a filter on a row.
told() { # NUMBER VALUE
	jq -s -c --argjson truth "$(truth "$1")" --argjson ops "[$insert,$delete,$clear,$grow]" '
		def of($rows; $map; $op): [$rows[] | select(.map == $map and .op == $op) | '"$2"'] | add // 0;
		[.[].rows[]] as $rows | [$truth[] | {addr,
			inserts: of($rows; .addr; $ops[0]), deletes: of($rows; .addr; $ops[1]),
			clears: of($rows; .addr; $ops[2]), grows: of($rows; .addr; $ops[3])}]'
}

exact() { # FILTER-INPUT
	jq -c 'map({addr, clears, grows})'
}

check_published() { # NUMBER LINE NAME
	local ns

	is "$3: every clear and growth is counted" "$(told "$1" .hits <<<"$2" | exact)" \
		"$(truth "$1" | exact)"
	ns=$(jq .ns <<<"$2")
	told "$1" .per_s <<<"$2" >"$tmp/told"
	none "$3: rates of inserts and deletes, within a factor of 2" "$tmp/told" '
		[., $truth] | transpose[] | . as [$got, $true] | ("inserts", "deletes")
		| ($true[.] / $ns * 1e9) as $per_s
		| select($got[.] < $per_s / 2 or $got[.] > $per_s * 2) | [., $got, $per_s]' \
		--argjson truth "$(truth "$1")" --argjson ns "$ns"
}

check_lines() { # NUMBER
	local pid=${pids[$1]}

	lines_of published "$pid" >"$tmp/lines"
	lines_of final "$pid" >>"$tmp/lines"
	none "$label: what was published does not change" "$tmp/lines" 'select(.intact | not) | .ns'
	none "$label: it is consistent" "$tmp/lines" 'select(.consistent | not) | .ns'
	none "$label: nothing is lost" "$tmp/lines" 'select(.lost > 0) | [.ns, .lost]'
	none "$label: it stays within its budget" "$tmp/lines" 'select(.within_budget | not) | .ns'
	holds "$label: published once a second" "$tmp/lines" -s \
		'[.[].ns] | [.[1:-1], .[:-2]] | transpose | all(.[]; .[0] - .[1] | . > 0.5e9 and . < 2e9)'
	holds "$label: nothing is taken back" "$tmp/lines" -s '
		[.[] | [.rows[].hits] | add // 0] | . == sort'
	holds "$label: ticks" "$tmp/lines" -s '.[0].ticks > 0 and .[-1].ticks > .[0].ticks'
}

# holds() passes options after the filter.
holds() {
	local name=$1 file=$2 slurp='' got
	shift 2

	[[ $1 == -s ]] && slurp=-s && shift
	local filter=$1
	shift
	got=$(jq -c $slurp "$@" "$filter" "$file" 2>&1)
	[[ $got == true ]]
	result $? "$name" || diag "$filter" "yields $(head -c 300 <<<"$got")"
}

end_both() {
	local rc=0

	kill -INT "$watcher"
	wait "$watcher" || rc=$?
	is "$label: exit code" "$rc" 0
	is "$label: silent on stderr" "$(complaints)" ''
}

check_counts() {
	local i line

	let_both_work
	for i in 0 1; do
		label="go${versions[i]} of two"
		ok "$label: there was something to count" test \
			"$(truth $i | jq 'all(.[]; .clears >= 3 and .inserts > 200) and any(.[]; .grows > 0)')" = true
		line=$(lines_of published "${pids[i]}" | tail -n 1)
		is "$label: the trace goes on" "$(jq '[.end, .attached_ns > 4e9] | @text' <<<"$line")" \
			'"[4,true]"'
		check_published $i "$line" "$label, while it goes on"
	done
	label='two traces'
	end_both
	for i in 0 1; do
		label="go${versions[i]} of two"
		line=$(lines_of final "${pids[i]}")
		is "$label: the end" "$(jq .end <<<"$line")" "$stopped"
		check_published $i "$line" "$label, at the end"
		check_lines $i
		ok "$label: the code is as it was" text_is_clean "${pids[i]}"
	done
}

# Each line has what came since the line before. A window is in the line after its end.
check_forgetting() {
	local i

	label='two traces that forget'
	let_both_work -f
	end_both
	for i in 0 1; do
		label="go${versions[i]}, forgotten once a second"
		is "$label: all lines together have every clear and growth" \
			"$({
				lines_of published "${pids[i]}"
				lines_of final "${pids[i]}"
			} | told $i '.estimate | round' | exact)" "$(truth $i | exact)"
		lines_of published "${pids[i]}" >"$tmp/lines"
		none "$label: what was published does not change" "$tmp/lines" \
			'select(.intact | not) | .ns'
		none "$label: it is consistent" "$tmp/lines" 'select(.consistent | not) | .ns'
		holds "$label: the last line has nothing of the first" "$tmp/lines" -s \
			'.[-1].windows < 20 and .[-1].events == 0 and .[1].events > 0'
	done
}

check_one_ends() {
	label='one of two exits'
	for i in 0 1; do ask_of $i resume >/dev/null; done
	ok "$label: both are traced" trace_both
	target=${pids[0]} to=${tos[0]} from=${froms[0]}
	stop
	before=$(lines_of published "${pids[1]}" | wc -l)
	ok "$label: the other one goes on" wait_for 20 has_lines published "${pids[1]}" $((before + 2))
	ok "$label: and is seen" \
		test "$(lines_of published "${pids[1]}" | tail -n 1 | jq '[.rows[].hits] | add')" -gt 100
	end_both
	is "$label: its end" "$(lines_of final "${pids[0]}" | jq .end)" "$gone"
	is "$label: the end of the other one" "$(lines_of final "${pids[1]}" | jq .end)" "$stopped"
	ok "$label: the code is as it was" text_is_clean "${pids[1]}"
}

check_ticks() {
	label='published for ticks'
	pids=("${pids[1]}")
	ok "$label: it is traced" trace_both -t
	ok "$label: every tick has a result" wait_for 20 has_lines published "${pids[0]}" 3
	end_both
	{
		lines_of published "${pids[0]}"
		lines_of final "${pids[0]}"
	} >"$tmp/lines"
	none "$label: it does not change in the tick" "$tmp/lines" 'select(.intact | not) | .ns'
	none "$label: it is consistent" "$tmp/lines" 'select(.consistent | not) | .ns'
	holds "$label: each one has more" "$tmp/lines" -s \
		'[.[] | [.rows[].hits] | add] | . == (unique) and .[0] > 0'
}

versions=(1.19 1.24)
for version in "${versions[@]}"; do
	add_target "$version"
done
label='two traces'
check_counts
check_forgetting
check_one_ends
check_ticks
finish
