#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Real daemons under load, as Debian ships them: the rows of the ledger sum to RSS, its
# figures of the heap are those of the daemon's own /metrics, and the report fits a
# terminal.
# shellcheck disable=SC2016 # jq has variables, too
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

command -v curl >/dev/null || {
	echo '1..0 # SKIP curl is not installed'
	exit 0
}

port=$((20000 + RANDOM % 20000))
report=$tmp/report.json

daemon() { # COMMAND...
	"$@" >"$tmp/daemon.log" 2>&1 &
	target=$!
	started+=("$target")
}

metrics() { # FILE
	curl -sf --max-time 10 "http://127.0.0.1:$port/metrics" >"$1"
}

# The value of a metric without labels, as a whole number.
metric() { # FILE NAME
	awk -v name="$2" '$1 == name { printf "%.0f\n", $2 }' "$1"
}

# Queries over all series for prometheus, writes for etcd.
load_prometheus() {
	while :; do
		curl -sf --max-time 5 -o /dev/null --data-urlencode 'query=sum by (__name__) ({__name__=~".+"})' \
			"http://127.0.0.1:$port/api/v1/query"
		sleep 0.1
	done
}

load_etcd() {
	local value n=0

	value=$(head -c 3000 /dev/zero | base64 -w 0)
	while :; do
		n=$((n + 1))
		printf '{"key":"%s","value":"%s"}' "$(printf 'k%d' $((n % 500)) | base64)" "$value" |
			curl -sf --max-time 5 -o /dev/null -d @- "http://127.0.0.1:$port/v3/kv/put"
	done
}

# A look that no collection ended in: after one, the heap can be smaller than what the
# metrics said before and after. The metrics alone tell. If none of 20 is one, the last counts.
quiet_look() {
	local cycles=go_gc_duration_seconds_count try

	for try in {1..20}; do
		metrics "$tmp/before"
		# The graph takes longer than the heap of a busy daemon keeps its size.
		run 60 report --duration 0 --graph off --fail-on never --json "$target"
		metrics "$tmp/after"
		[[ $(metric "$tmp/before" $cycles) == "$(metric "$tmp/after" $cycles)" ]] && break
	done
	echo "# look $try"
}

# between NAME FILTER METRIC: a figure of a busy daemon moves. It must lie near what the
# metrics said before and after.
between() {
	local low high

	low=$(metric "$tmp/before" "$3") high=$(metric "$tmp/after" "$3")
	holds "$1" "$report" "$2"' as $got | ([$a, $b] | min) as $low | ([$a, $b] | max) as $high
		| $low > 0 and $got >= $low - 0.05 * $high - 2e6 and $got <= 1.05 * $high + 2e6' \
		--argjson a "${low:-0}" --argjson b "${high:-0}"
}

check_report() { # LABEL
	quiet_look
	cp "$out" "$report"
	is "$1: exit code" "$rc" 0
	holds "$1: the rows add up to RSS" "$report" \
		'.memory | .rss_bytes == ([.rows[].resident_bytes] | add) + .unexplained_bytes'
	holds "$1: less than 1 % is unexplained" "$report" \
		'.memory | (.unexplained_bytes | fabs) < 0.01 * .rss_bytes'
	holds "$1: nothing is missing" "$report" '.memory.missing == null and .reclaim.scavenger'
	between "$1: heap in use" .heap.in_use_bytes go_memstats_heap_inuse_bytes
	between "$1: objects" .heap.object_bytes go_memstats_heap_alloc_bytes
	between "$1: idle heap" '(.heap | .free_bytes + .released_bytes)' go_memstats_heap_idle_bytes
	between "$1: stacks" .heap.manual_bytes go_memstats_stack_inuse_bytes
	between "$1: RSS" .memory.rss_bytes process_resident_memory_bytes
}

# Real programs have types and callers with long paths in their names.
check_text() { # LABEL
	run 60 report --duration 3s --verbose --fail-on never "$target"
	is "$1, text: exit code" "$rc" 0
	is "$1, text: 80 columns" "$(too_long | head -n 3)" ''
	ok "$1, text: callers" grep -qE '^ +(insert|make) from [^ ]+' "$out"
	is "$1, text: no whole path of a package" \
		"$(grep -E '(github[.]com|golang[.]org|go[.]etcd[.]io)/' "$out" | head -n 3)" ''
}

# A stopped daemon is quiet. This is the first look at it.
check_stopped() { # LABEL
	local before

	pause "$target"
	before=$(file_kib "$target" '^...p$' Rss)
	run 60 report --duration 0 --fail-on never --json "$target"
	is "$1, stopped: no page of a file by looking" "$(file_kib "$target" '^...p$' Rss)" "$before"
	kill -CONT "$target"
	holds "$1, stopped: no byte is unexplained" "$out" '.memory.unexplained_bytes == 0'
}

check() { # LABEL LOAD COMMAND...
	local label=$1 loader

	"$2" >/dev/null 2>&1 &
	loader=$!
	started+=("$loader")
	sleep 4
	check_stopped "$label"
	check_report "$label"
	check_text "$label"
	kill -KILL "$loader" "$target" 2>/dev/null
	wait "$loader" "$target" 2>/dev/null
}

prometheus() { # SUITE
	local root label="$1 prometheus"

	root=$("$top/scripts/debian-daemon.sh" "$1" prometheus 2>/dev/null) || {
		skip 15 "$label cannot be had"
		return
	}
	printf 'global: {scrape_interval: 1s}\nscrape_configs:\n- job_name: self\n' >"$tmp/prometheus.yml"
	printf '  static_configs: [{targets: ["127.0.0.1:%d"]}]\n' "$port" >>"$tmp/prometheus.yml"
	daemon "$root/usr/bin/prometheus" --config.file="$tmp/prometheus.yml" \
		--storage.tsdb.path="$tmp/tsdb-$1" --web.listen-address="127.0.0.1:$port"
	wait_for 20 metrics "$tmp/before" || bail "$label did not start: $(tail -n 3 "$tmp/daemon.log")"
	check "$label" load_prometheus
}

etcd() { # SUITE
	local root label="$1 etcd"

	root=$("$top/scripts/debian-daemon.sh" "$1" etcd-server 2>/dev/null) || {
		skip 15 "$label cannot be had"
		return
	}
	daemon "$root/usr/bin/etcd" --data-dir "$tmp/etcd-$1" \
		--listen-client-urls "http://127.0.0.1:$port" \
		--advertise-client-urls "http://127.0.0.1:$port" \
		--listen-peer-urls "http://127.0.0.1:$((port + 1))"
	wait_for 20 metrics "$tmp/before" || bail "$label did not start: $(tail -n 3 "$tmp/daemon.log")"
	check "$label" load_etcd
}

for suite in bookworm trixie; do
	prometheus "$suite"
	etcd "$suite"
done
finish
