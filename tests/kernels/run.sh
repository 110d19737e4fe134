#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# maptrace on other kernels, in emulated machines: some minutes each. TAP. For each kernel a
# second machine has swap and huge pages; it tests where every byte is.
#
#   tests/kernels/run.sh [KERNEL...]    as for scripts/vm.sh; default: Debian's
#   prove -v tests/kernels/run.sh :: trixie
#
# KEEP=DIR keeps what the machines answered, below DIR/KERNEL. ONLY=memory runs only the
# machine with swap, ONLY=guest only the other.
# shellcheck disable=SC2016 # jq has variables, too
set -u
here=$(cd "$(dirname "$0")" && pwd -P)
# shellcheck source=tests/e2e/lib.sh
. "$here/../e2e/lib.sh"

versions=(1.19 1.24)
kernels=("$@")
[[ $# -gt 0 ]] || kernels=(bullseye bookworm trixie)

# What maptrace can do under a Linux version: uprobe_multi came with 6.6, values
# given to a probe when it is attached (BPF cookies) with 5.15.
mechanism_of() {
	local major=${1%%.*} minor=${1#*.}

	minor=$((major * 1000 + ${minor%%[!0-9]*}))
	if ((minor >= 6006)); then
		echo uprobe_multi
	elif ((minor >= 5015)); then
		echo perf_event
	else
		echo none
	fi
}

# Points `out`, `err` and `rc` at a case that ran elsewhere.
take() { # CASE
	out=$dir/$1.out err=$dir/$1.err rc=$(<"$dir/$1.rc")
}

# How much free heap Go keeps depends on the moment: it may be enough for a finding.
quiet() { # LABEL
	ok "$1: exit code" test "$rc" -le 1 || diag "got $rc"
	is "$1: silent on stderr" "$(head -c 300 "$err")" ''
}

compared=$tmp/compared.json

compare_zoo() { # LABEL CASE REPORT
	local label=$1 field

	jq -n -L "$e2e" --slurpfile truth "$dir/$2.truth" --slurpfile report "$3" \
		'include "truth"; compare($truth[0]; $report[0])' >"$compared"
	holds "$label: there are maps" "$compared" '.found > 10000'
	none "$label: every map is found" "$compared" '.missing[]'
	for field in live_keys slots buckets tombstones overflow_buckets old_bytes table_bytes; do
		none "$label: $field" "$compared" '.wrong[$field][]' --arg field "$field"
	done
	none "$label: a quiet map is exact" "$compared" '.inexact[]'
	none "$label: no live map is called garbage" "$compared" '.garbage[]'
	none "$label: no more is resident than there is" "$compared" '.too_resident[]'
	none "$label: totals are the sums of the rows" "$compared" '.totals_wrong[]'
}

# The truth is from before the program was written out.
compare_resident() { # LABEL
	none "$1: resident_bytes" "$compared" '.wrong.resident_bytes[]'
}

check_census() { # LABEL VERSION
	local label="$1 census"

	take "zoo-$2"
	quiet "$label"
	compare_zoo "$label" "zoo-$2" "$out"
	compare_resident "$label"
	holds "$label: no trace was asked for" "$out" '.trace.status == "off"'
	take "zoo-$2-text"
	quiet "$label in text"
	ok "$label in text: maps" grep -q '^MAPS ' "$out"
	take "demo-$2-census"
	quiet "$label of the demo"
	ok "$label of the demo: a map to rebuild" grep -q '^ *1\. map.* keeps\? ' "$out"
}

# The maps without any operation $op seen, except the map that moves.
unseen='
	.maps as $maps
	| $truth[0].maps[] | select(.name != "grow[0]") | . as $map
	| select([$maps[] | select(.address == $map.addr).activity[$op].hits // 0] | add // 0 | . == 0)'

# The program counts all that it does. What it did between the two answers is the most that
# the trace can have seen.
check_trace() { # LABEL VERSION CASE MECHANISM
	local label="$1 trace" truth=$dir/$3.truth after=$dir/$3.after

	take "$3"
	quiet "$label"
	holds "$label: mechanism" "$out" '.trace.mechanism == $how' --arg how "$4"
	none "$label: both groups are traced" "$out" \
		'.trace | (.hot, .rare) | select(.status != "ok" or .hits == 0)'
	none "$label: clears of each map" "$out" "$unseen" --arg op clear --slurpfile truth "$truth"
	# With perf events there is one short window. It may see only one side of a burst.
	if [[ $4 != perf_event ]]; then
		none "$label: inserts into each map" "$out" "$unseen" --arg op insert \
			--slurpfile truth "$truth"
		none "$label: deletes from each map" "$out" "$unseen" --arg op delete \
			--slurpfile truth "$truth"
	fi
	none "$label: nothing is made up" "$out" '
		def did(f): ([$after[0].maps[] | f] | add) - ([$truth[0].maps[] | f] | add);
		[(.maps[], .trace.not_in_census[]) | .activity | values] as $seen
		| {insert: did(.inserts_new + .updates), delete: did(.deletes), clear: did(.clears)}
		| to_entries[]
		| . + {seen: (.key as $op | [$seen[][$op].hits] | add)}
		| select(.seen > .value)' \
		--slurpfile truth "$truth" --slurpfile after "$after"
	holds "$label: growths" "$out" '
		[.trace.events[] | select(.operation == "grow")] | length > 0'
	holds "$label: memory calls" "$out" '.memory_calls.status == "ok"'
	holds "$label: memory that was given back" "$out" '
		[.memory_calls.totals[] | select(.call == "madvise" and .advice == "MADV_DONTNEED"
			and .error == null).bytes] | add > 64 * 1024 * 1024'
	holds "$label: and touched again" "$out" '.memory_calls.refaults
		| .status == "ok" and .faults > 0'
	holds "$label: nothing is lost" "$out" '.cost.records_lost == 0'
	holds "$label: the program lives on" "$after" '.ops > 0'
}

check_trace_text() { # LABEL VERSION
	local label="$1 trace in text"

	take "churn-$2-text"
	quiet "$label"
	ok "$label: activity" grep -qE '(insert|delete) from main\.' "$out"
	ok "$label: memory calls" grep -q '^  madvise ' "$out"
	take "demo-$2"
	quiet "$label of the demo"
	ok "$label of the demo: activity" grep -qE '(insert|delete) from main\.' "$out"
}

# What does not need the missing thing still works, and the reason names the thing.
check_partial() { # LABEL CASE SECTION THING
	take "$2"
	quiet "$1"
	holds "$1: refused" "$out" "$3.status == \"refused\""
	holds "$1: the reason names it" "$out" "$3.reason | test(\"$4\")"
	take "$2-census"
	quiet "$1 census"
}

# One sentence with the kernel version that is needed, as for every kernel feature.
check_refusal() { # LABEL VERSION
	local name

	for name in "churn-$2" "churn-$2-text" "churn-$2-perf" "demo-$2"; do
		take "$name"
		refused "$1 $name refused" 6 'Linux [0-9]+\.[0-9]+'
	done
	holds "$1: the program lives on" "$dir/churn-$2-perf.after" '.ops > 0'
}

# ---- where every byte is ----

sum_of() { # KEY FILE
	awk -v key="$1:" '$1 == key { print $2 * 1024 }' "$2"
}

# Each page of the stopped program is in one row or region, wherever it is.
check_sums() { # LABEL CASE
	local label=$1 rss swap huge

	take "$2"
	quiet "$label"
	rss=$(sum_of Rss "$dir/$2.rollup") swap=$(sum_of Swap "$dir/$2.rollup")
	huge=$(sum_of AnonHugePages "$dir/$2.rollup")
	ok "$label: a report moved nothing" cmp -s "$dir/$2.before" "$dir/$2.rollup"
	holds "$label: the rows add up to RSS" "$out" '.memory | .rss_bytes == $rss
		and .unexplained_bytes == 0 and ([.rows[].resident_bytes] | add) == $rss
		and ([.regions[].resident_bytes] | add) == $rss' --argjson rss "$rss"
	holds "$label: the first report's, too" "$dir/$2.first" '.memory | .unexplained_bytes == 0
		and .rss_bytes == ([.rows[].resident_bytes] | add)'
	holds "$label: the regions add up to what is in swap" "$out" '.memory
		| .swap_bytes == $swap and ([.regions[].swap_bytes] | add) == $swap' --argjson swap "$swap"
	holds "$label: and to what is in huge pages" "$out" '.memory | .huge_page_bytes == $huge
		and (.source != "pagemap_scan" or ([.regions[].huge_page_bytes] | add) == $huge)' \
		--argjson huge "$huge"
	none "$label: no row gives back more than it has" "$out" \
		'.memory.rows[] | select(.gives_back_bytes > .resident_bytes)'
	diag "$label: $(sum_of Swap "$dir/$2.squeezed") bytes in swap, $(sum_of Swap \
		"$dir/$2.moved") after the first report"
}

# All memory that the program made is resident or in swap, within 2 % and 1 MiB.
check_region() { # LABEL CASE REGION
	holds "$1: resident or in swap, it is in $3" "$out" '$ready[0].bytes as $want
		| .memory.regions[] | select(.region == $region)
		| .swap_bytes > 0.2 * $want and .resident_bytes + .swap_bytes >= 0.98 * $want
			and .resident_bytes + .swap_bytes <= 1.02 * $want + 4e6' \
		--arg region "$3" --slurpfile ready "$dir/$2.ready"
}

check_memory() {
	local version label release case

	release=$(<"$dir/release")
	for version in "${versions[@]}"; do
		label="$release go$version"
		for case in swap-{zoo,pinned_by_map,not_scavenged,refilled,stacks,files} \
			huge-{zoo,pinned_by_map,not_scavenged,refilled} both-zoo; do
			check_sums "$label $case" "$case-$version"
			case $case in
			*-zoo)
				compare_zoo "$label $case first" "$case-$version" "$dir/$case-$version.first"
				compare_zoo "$label $case" "$case-$version" "$out"
				;;&
			huge-zoo) compare_resident "$label $case" ;;
			swap-not_scavenged) check_region "$label $case" "$case-$version" heap_free ;;
			swap-refilled) check_region "$label $case" "$case-$version" heap_released ;;
			swap-stacks) check_region "$label $case" "$case-$version" stack ;;
			swap-files) check_region "$label $case" "$case-$version" file ;;
			esac
			case $case in
			swap-* | both-*)
				ok "$label $case: something was in swap" \
					test "$(sum_of Swap "$dir/$case-$version.squeezed")" -gt 10000000
				;;
			esac
		done
		# Whether memory comes back in huge pages depends on where it was before.
		holds "$label huge-zoo: there are some" "$dir/huge-zoo-$version.out" \
			'.memory.huge_page_bytes > 10e6'
	done
	check_silence "$release memory"
}

check_silence() { # LABEL
	is "$1: nothing from the kernel" \
		"$(grep -E 'BUG|WARNING|Oops|Call Trace|segfault' "$dir/messages")" ''
	is "$1: nothing from the programs" "$(cat "$dir"/*.target-err 2>/dev/null)" ''
}

check_kernel() { # KERNEL
	local version label mechanism release

	release=$(<"$dir/release")
	mechanism=$(mechanism_of "$release")
	diag "$1 is Linux $release, mechanism $mechanism"
	for version in "${versions[@]}"; do
		label="$release go$version"
		check_census "$label" "$version"
		if [[ $mechanism == none ]]; then
			check_refusal "$label" "$version"
			continue
		fi
		check_trace "$label" "$version" "churn-$version" "$mechanism"
		check_trace "$label forced perf" "$version" "churn-$version-perf" perf_event
		check_trace_text "$label" "$version"
		check_partial "$label without BTF" "nobtf-$version" .memory_calls BTF
	done
	[[ $mechanism == none ]] ||
		check_partial "$release locked down" "locked-$version" .trace.hot lockdown
	check_silence "$release"
}

files=(-f "$here/guest.sh" -f "$here/guest-lib.sh" -f "$here/guest-memory.sh")
for version in "${versions[@]}"; do
	for program in mapzoo churn demo reclaim; do
		build "$version" "$program" stripped
		files+=(-f "$bin")
	done
done

# Runs a script in a machine; what it answered is below `dir`.
machine() { # KERNEL SCRIPT OPTION...
	local kernel=$1 script=$2
	shift 2

	dir=${KEEP:-$tmp}/${kernel##*/}/${script%.sh}
	mkdir -p "$dir" || bail "cannot create $dir"
	if ! MAPTRACE=$maptrace "$top/scripts/vm.sh" -t 400 -m 1536 "$@" "${files[@]}" "$kernel" -- \
		"$script" "${versions[@]}" >"$dir/results.tar.gz" 2>"$dir/vm-err"; then
		ok "$kernel: the machine of $script runs" false
		diag "$(tail -n 30 "$dir/vm-err")"
		return 1
	fi
	ok "$kernel: there are results of $script" tar -xzf "$dir/results.tar.gz" -C "$dir"
}

for kernel in "${kernels[@]}"; do
	if [[ ${ONLY:-guest} == guest ]] && machine "$kernel" guest.sh; then
		check_kernel "$kernel"
	fi
	if [[ ${ONLY:-memory} == memory ]] && machine "$kernel" guest-memory.sh -s 1024; then
		check_memory
	fi
done
finish
