#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Results that are made while a watch goes on, of two processes in one loop, against what
# the programs count. Each result is a whole report: it fits the schema, can be read back,
# and renders as text when its process is gone.
# shellcheck disable=SC2016,SC2317 # jq has variables, too; `ok` calls functions
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

many_watches=${MANY_WATCHES:-$top/build/tests/e2e/many_watches}

pids=() tos=() froms=()

add_target() { # VERSION
	build "$1" churn stripped
	start "$bin" -every 0 -kind fast64,faststr -maps 2 -live 2000 -inserts-per-s 3000 \
		-deletes-per-s 1000 -clear 700ms
	pids+=("$target") tos+=("$to") froms+=("$from")
}

ask_of() { # NUMBER COMMAND
	to=${tos[$1]} from=${froms[$1]}
	ask "$2"
}

reports_of() { # NUMBER: those made meanwhile, oldest first
	ls -v "$tmp/saved/${pids[$1]}".[0-9]*.json 2>/dev/null
}

has_reports() { # COUNT
	[[ $(reports_of 0 | wc -l) -ge $1 && $(reports_of 1 | wc -l) -ge $1 ]]
}

watch_both() {
	mkdir "$tmp/saved"
	"$many_watches" "$tmp/saved" 9000 "${pids[@]}" >"$out" 2>"$err" &
	watcher=$!
	started+=("$watcher")
}

# Both stand still until there is a report of each, work, and stand still again.
let_both_work() {
	local i

	for i in 0 1; do ask_of $i pause >"$tmp/before$i"; done
	watch_both
	ok 'both are reported on' wait_for 30 has_reports 1
	for i in 0 1; do ask_of $i resume >/dev/null; done
	sleep 3
	for i in 0 1; do ask_of $i pause >"$tmp/after$i"; done
	saved=$(($(reports_of 0 | wc -l) + 2)) other=$(($(reports_of 1 | wc -l) + 2))
	ok 'reports go on' wait_for 10 has_reports $((saved > other ? saved : other))
	meanwhile=("$(reports_of 0 | tail -n 1)" "$(reports_of 1 | tail -n 1)")
	wait "$watcher"
	is 'exit code' $? 0
	is 'nothing on stderr' "$(complaints)" ''
}

# The maps of the program: what they hold, and what was done to them.
check_report() { # NAME NUMBER FILE
	none "$1: keys and clears are those that the program counts" "$3" '
		($before[0].maps | INDEX(.name)) as $old | (.maps | INDEX(.address)) as $told
		| $after[0].maps[] | . as $true | $told[.addr] as $got
		| select($got.live_keys != $true.live_keys
			or $got.activity.clear.hits != $true.clears - $old[$true.name].clears
			or $got.histograms.live_keys.max < $true.live_keys)
		| [$true, $got]' --slurpfile before "$tmp/before$2" --slurpfile after "$tmp/after$2"
	holds "$1: so do the groups" "$3" '
		.maps_total == (.maps | length)
		and ([.groups[].live_keys] | add) == .census.totals.live_keys
		and ([.groups[].maps] | add) == .census.totals.maps'
}

check_course() { # NUMBER
	local name="go${versions[$1]}" file

	holds "$name: time passes from report to report" <(reports_of "$1" | xargs cat) '
		[., inputs] | map(.trace.duration_ns) | . == (sort | unique) and length >= 5'
	while read -r file; do
		"$maptrace" report --from "$file" --json | cmp -s - "$file"
		result $? "$name: $(basename "$file") can be read back"
	done < <(reports_of "$1" | tail -n 3)
	python3 -c 'import jsonschema' 2>/dev/null || return 0
	python3 "$e2e/fits_schema.py" "$top/user/report/report.schema.json" \
		"$tmp/saved/${pids[$1]}".*.json >"$tmp/misfits" 2>&1
	result $? "$name: all reports fit the schema" || diag "$(head -n 20 "$tmp/misfits")"
}

versions=(1.19 1.24)
for version in "${versions[@]}"; do add_target "$version"; done
let_both_work
for i in 0 1; do
	check_report "go${versions[i]}, while it goes on" $i "${meanwhile[i]}"
	check_report "go${versions[i]}, at the end" $i "$tmp/saved/${pids[i]}.last.json"
	check_course $i
	ok "go${versions[i]}: the code is as it was" text_is_clean "${pids[i]}"
done
for i in 0 1; do
	target=${pids[i]} to=${tos[i]} from=${froms[i]}
	stop
	run 10 report --fail-on never --from "$tmp/saved/${pids[i]}.last.json"
	is "go${versions[i]}: text when the process is gone: exit code" "$rc" 0
	ok "go${versions[i]}: it has the verdict" grep -q '^VERDICT' "$out"
	ok "go${versions[i]}: and the callers" grep -q 'insert from main' "$out"
done
finish
