#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The form of the report: the members that programs rely on, and a text that fits a
# terminal.
# shellcheck disable=SC2016,SC2317 # jq has variables, too; `ok` calls functions
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

has_keys() { # NAME FILTER KEY...
	local name=$1 filter=$2
	shift 2

	none "$name" "$out" "$filter"' as $object | $keys | split(" ")[]
		| select(. as $key | $object | type != "object" or (has($key) | not))' --arg keys "$*"
}

check_keys() { # LABEL
	has_keys "$1: document" . schema maptrace target memory heap census values findings trace \
		gc memory_calls cost maps
	has_keys "$1: target" .target pid command command_line executable executable_deleted \
		start_time_unix_s uptime_ns go_version go_experiments main_package map_kind layout \
		layout_is_of_this_version stripped has_dwarf rss_bytes swap_bytes cgroup_limit_bytes \
		cgroup_left_bytes \
		other_pid_namespace other_mount_namespace stopped_by gone
	has_keys "$1: memory" .memory rss_bytes map_live_bytes map_hole_bytes other_heap_bytes \
		free_slot_bytes free_bytes released_resident_bytes huge_excess_bytes stack_bytes \
		runtime_bytes file_bytes anon_bytes unexplained_bytes swap_bytes huge_page_bytes \
		hugetlb_bytes lazy_free_bytes locked_bytes source coarse_because missing rows regions
	has_keys "$1: each row of the memory" '.memory.rows[]' row resident_bytes remedy \
		gives_back_bytes
	has_keys "$1: each region of the memory" '.memory.regions[]' region resident_bytes \
		swap_bytes huge_page_bytes
	has_keys "$1: fragmentation" .fragmentation span_classes pages
	has_keys "$1: each class of spans" '.fragmentation.span_classes[]' slot_bytes pointers \
		spans span_bytes slots objects object_bytes map_table_bytes resident_bytes \
		free_resident_bytes pinned_bytes unswept_spans spans_by_tenths_in_use
	has_keys "$1: free pages" .fragmentation.pages free_ranges largest_free_bytes \
		busy_chunk_bytes partial_page_bytes huge_excess_bytes
	has_keys "$1: reclaim" .reclaim causes scavenger returned_bytes returned_bytes_per_s \
		failed_calls failed_bytes failed_error lazy_free_by_page
	has_keys "$1: each cause" '.reclaim.causes[]' cause bytes not_yet_bytes never_bytes \
		not_yet_because never_because age_ns ranges_total ranges
	has_keys "$1: each range of a cause" '.reclaim.causes[].ranges[]' address bytes
	has_keys "$1: the scavenger" .reclaim.scavenger retained_bytes retained_goal_bytes \
		mapped_bytes mapped_goal_bytes pending_bytes
	has_keys "$1: heap" .heap in_use_bytes manual_bytes free_bytes released_bytes \
		spans_in_use object_bytes unused_bytes
	has_keys "$1: census" .census status reason duration_ns censuses lookalikes_rejected \
		headers_without_table totals
	has_keys "$1: totals" .census.totals maps exact moving suspect garbage unknown_bucket_size \
		live_keys slots table_bytes resident_bytes hole_bytes old_bytes gives_back_bytes \
		gives_back_resident_bytes
	has_keys "$1: each map" '.maps[]' address type type_source type_candidates consistency \
		garbage live_keys slots buckets tables load tombstones overflow_buckets old_bytes \
		table_bytes resident_bytes bucket_bytes hole_bytes rebuild_bytes gives_back_bytes \
		gives_back_resident_bytes
	has_keys "$1: each finding" '.findings[]' kind bytes map type
	has_keys "$1: each finding about maps" '(.findings[] | select(.kind == "map_holes"))' \
		maps live_keys slots resident_bytes
	has_keys "$1: cost" .cost probe_hits attached_ns records_lost cpu_ns peak_rss_bytes bytes_read
	has_keys "$1: trace" .trace status reason
	has_keys "$1: values" .values status reason
	has_keys "$1: memory calls" .memory_calls status reason totals calls
}

check_values_keys() { # LABEL
	has_keys "$1: values" .values duration_ns budget_bytes bytes maps_counted maps_sampled
	has_keys "$1: each map" '.maps[]' zero_values zero_values_reason
	has_keys "$1: each count" '(.maps[].zero_values | select(.))' count sampled low high \
		slots_read consistency rebuild_bytes
	has_keys "$1: each finding about them" '(.findings[] | select(.kind == "zero_values"))' \
		maps live_keys slots resident_bytes zero_values sampled bytes_with_rebuild
}

check_trace_keys() { # LABEL
	has_keys "$1: trace of some time" .trace duration_ns mechanism hot rare sites events \
		not_in_census left_out
	has_keys "$1: each group" '(.trace | .hot, .rare)' status reason windows \
		windows_ended_by_hits hits late_hits open_ns attached_ns quota_hits period_ns
	has_keys "$1: each site" '.trace.sites[]' function operation probe instruction reason
	has_keys "$1: each event" '.trace.events[]' time_ns operation map on_stack type live_keys \
		slots_from slots_to thread goroutine caller caller_pc
	has_keys "$1: each activity" '(.maps[].activity // empty)' make insert delete clear grow clone
	has_keys "$1: each operation" '(.maps[].activity // empty | .[])' hits per_s \
		per_s_reason per_s_is_rough per_s_low per_s_high
	has_keys "$1: each set of histograms" '(.maps[].histograms // empty)' censuses observed_ns \
		live_keys buckets resident_bytes
	has_keys "$1: each histogram" \
		'(.maps[].histograms // empty | .live_keys, .buckets, .resident_bytes)' min max bins
	has_keys "$1: each bin" '(.maps[].histograms // empty | .live_keys.bins[])' ge lt ns
	has_keys "$1: each next growth" '(.maps[].next_growth // empty)' event at_live_keys \
		allocates_bytes keys_per_s in_ns fits_cgroup
	has_keys "$1: each growth" '(.trace.events[] | select(.operation == "grow"))' growth \
		bytes_from bytes_to tables tombstones overflow_buckets because
	has_keys "$1: each caller" '(.trace.events[] | select(.caller))' file line
	has_keys "$1: collector" .gc status reason cycles forced_cycles pause_total_ns \
		pause_last_ns last_gc_unix_ns cpu_share cpu_gc_ns cpu_all_ns gogc_percent \
		memory_limit_bytes heap_live_bytes heap_marked_bytes heap_goal_bytes \
		heap_in_use_bytes heap_free_bytes heap_released_bytes scannable_bytes \
		last_scannable_bytes map_scannable_bytes watched
	has_keys "$1: collector, watched" .gc.watched cycles forced_cycles pause_total_ns \
		pause_max_ns pause_last_ns cpu_share
	has_keys "$1: each sum of memory calls" '.memory_calls.totals[]' call error calls bytes \
		duration_ns calls_per_s bytes_per_s
	has_keys "$1: each memory call" '.memory_calls.calls[]' time_ns call address bytes error \
		result thread duration_ns reason caller caller_pc
	has_keys "$1: page faults on what was given back" .memory_calls.refaults status reason \
		watched_ns pauses faults faults_per_s page_bytes watched_bytes not_watched_bytes \
		times_all_forgotten ages_ns by_reason
	has_keys "$1: each reason" '.memory_calls.refaults.by_reason[]' reason watched_bytes faults
	has_keys "$1: each age" '.memory_calls.refaults.ages_ns[]' ge lt faults
	has_keys "$1: cost of page faults" .cost page_faults page_faults_ns \
		page_fault_price_ns other_page_fault_price_ns
	holds "$1: there are all of these to look at" "$out" '(.trace.sites | length > 5)
		and (.trace.events | length > 5) and (.memory_calls.totals | length > 0)
		and (.memory_calls.calls | length > 0) and any(.maps[]; .activity)'
}

check_values() { # LABEL PID VERSION KIND
	holds "$1: the target" "$out" '.schema == "maptrace.report/2" and (.target | .pid == $pid and .map_kind == $kind
		and (.go_version | startswith($version)) and .stripped and .gone == null
		and .executable == $bin and .command_line == $command_line
		and .layout_is_of_this_version and (.other_pid_namespace | not))' \
		--argjson pid "$2" --arg version "go$3" --arg kind "$4" --arg bin "$bin" \
		--arg command_line "$(tr '\0' ' ' <"/proc/$2/cmdline" | sed 's/ $//')"
	holds "$1: its start" "$out" '.target.start_time_unix_s - $start | fabs <= 2' \
		--argjson start "$(stat -c %Y "/proc/$2")"
	none "$1: addresses are strings" "$out" '.maps[].address | select(test("^0x[0-9a-f]+$") | not)'
	none "$1: each map once" "$out" '.maps | group_by(.address)[] | select(length > 1)'
	holds "$1: all numbers are finite, and only one may be negative" "$out" \
		'del(.memory.unexplained_bytes) | [.. | numbers | select(isnan or isinfinite or . < 0)] == []'
	ok "$1: no control characters" test -z "$(tr -d '\n' <"$out" | tr -dc '\000-\037\177')"
	ok "$1: one document" test "$(jq -s length "$out")" = 1
}

check_text() { # NAME
	is "$1: silent on stderr" "$(complaints)" ''
	is "$1: 80 columns" "$(too_long | head -n 3)" ''
	is "$1: no control characters" "$(tr -d '\n' <"$out" | tr -dc '\000-\037\177' | od -An -c)" ''
	ok "$1: no trailing blanks" test -z "$(grep -n '[[:blank:]]$' "$out")"
	for section in RSS MAPS GC VERDICT COST; do
		ok "$1: $section" grep -q "^$section" "$out"
	done
}

# What the text says must be what the JSON says.
check_same() { # LABEL
	local maps

	maps=$(jq .census.totals.maps "$tmp/json" | sed ':a; s/\([0-9]\)\([0-9]\{3\}\)\($\|,\)/\1,\2\3/; ta')
	is "$1: the text counts the same maps" "$(sed -nE 's/^MAPS  ([0-9,]*[0-9]).*/\1/p' "$out")" "$maps"
	is "$1: --top says how many" "$(sed -n '/^MAPS/,/^$/p' "$out" | grep -cE '^ +[1-9][0-9]* .*[0-9]%')" 4
}

# Equal maps share the text of their rows, unless the map was followed. Sharing must not
# change any row.
check_rows() { # LABEL
	local rows='.maps[] | del(.histograms)'

	pause "$target"
	run 60 report --duration 0 --json "$target"
	jq -c "$rows" "$out" >"$tmp/common"
	run 60 report --duration 500ms --json "$target"
	jq -c "$rows" "$out" >"$tmp/alone"
	holds "$1: maps are followed, of which several are of a kind" "$out" '[.maps[]
		| select(.histograms) | del(.address, .id)] | length > 100 and (unique | length < 50)'
	ok "$1: a row is the same with a text of its own" cmp "$tmp/common" "$tmp/alone"
}

check() { # VERSION KIND
	local label=go$1

	build "$1" mapzoo stripped
	start "$bin" -exit-on-eof -scenario filled_emptied,ints,small,named,reflected
	run 60 report --duration 0 --json "$target"
	is "$label: exit code" "$rc" 1
	cp "$out" "$tmp/json"
	check_keys "$label"
	check_values "$label" "$target" "$1" "$2"
	run 60 report --duration 0 --json --min-waste 0 --scan-values "$target"
	is "$label, values: exit code" "$rc" 1
	check_keys "$label, values"
	check_values_keys "$label, values"
	run 60 report --duration 0 --top 4 "$target"
	is "$label, text: exit code" "$rc" 1
	check_text "$label, text"
	check_same "$label"
	ok "$label: the verdict names the map" grep -qE '^  [12][.] map.* keeps? ' "$out"
	check_rows "$label"
	stop

	# A command line may have any bytes, and so may the name of a program.
	build "$1" churn stripped
	cp "$bin" "$tmp/$(printf 'bad\033[31mname')"
	start "$tmp/$(printf 'bad\033[31mname')" -every 0 -kind 'fast64,faststr,generic' -maps 3 \
		-inserts-per-s 3000 -clear 300ms -grow 2000 -grow-every 1s -madvise 500ms
	run 60 report --duration 3s --json "$target"
	is "$label, traced: exit code" "$rc" 0
	check_keys "$label, traced"
	check_trace_keys "$label, traced"
	ok "$label, traced: no control characters" \
		test -z "$(tr -d '\n' <"$out" | tr -dc '\000-\037\177')"
	run 60 report --duration 3s "$target"
	is "$label, traced, text: exit code" "$rc" 0
	check_text "$label, traced, text"
	for section in ACTIVITY 'MEMORY CALLS'; do
		ok "$label, traced, text: $section" grep -q "^$section" "$out"
	done
	run 60 report --duration 1s --verbose "$target"
	is "$label, verbose: 80 columns" "$(too_long | head -n 3)" ''
	stop
}

check_help() {
	run 10 --version
	is '--version: exit code' "$rc" 0
	ok '--version' grep -qE '^maptrace [0-9]+[.][0-9]+' "$out"
ok '--version: layouts' grep -qE '^Go +1[.][0-9]+ to 1[.][0-9]+ have' "$out"
ok '--version: how probes go in' grep -qE '^probes +by (uprobe_multi|perf events)$' "$out"
	run 10 --help
	is '--help: exit code' "$rc" 0
	ok '--help: on stdout' grep -q report "$out"
	run 10 report --help
	is 'report --help: exit code' "$rc" 0
	for option in duration top json min-waste fail-on scan-values; do
		ok "report --help: --$option" grep -q -- "--$option" "$out"
	done
}

check 1.19 classic
check 1.24 swiss
check_help
finish
