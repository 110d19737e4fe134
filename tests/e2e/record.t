#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Reports that are made again and again: what is kept of them, when it ends, and the course that
# they show, which is what the program did.
# shellcheck disable=SC2016,SC2317 # jq has variables, too; `ok` calls functions
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

dir=$tmp/reports

reports() {
	find "$dir" -name 'maptrace-*.json.gz' | wc -l
}

# Nothing but reports.
others() {
	find "$dir" -mindepth 1 ! -name 'maptrace-*.json.gz'
}

keys_of() { # MAP
	ask truth | jq "[.maps[] | select(.name == \"$1\")][0].live_keys"
}

# ---- a program that does things in between ----

build 1.24 mapzoo stripped
start "$bin" -exit-on-eof -scenario all
before=$(keys_of ints)
run 120 record --every 1s --for 1500ms --duration 0 -o "$dir" "$target"
is 'the time is over: exit code' "$rc" 0
is 'so many reports' "$(reports)" 2
is 'nothing else is left' "$(others)" ''
is 'for its owner alone' "$(stat -c %a "$dir")" 700
ask 'burst ints 300000' >/dev/null
after=$(keys_of ints)
run 120 record --every 1s --for 500ms --duration 0 -o "$dir" "$target"
is 'a directory can be used again' "$(reports)" 3

run 60 report --from "$dir" --json
is 'the course: exit code' "$rc" 0
holds 'it has each report, oldest first' "$out" '(.reports | length) == 3
	and ([.reports[].unix_time_ns] | sort) == [.reports[].unix_time_ns]
	and all(.reports[]; .pid == ($pid | tonumber))' --arg pid "$target"
holds 'keys grew as the program says' "$out" \
	'.reports[2].live_keys - .reports[0].live_keys == $grew and $grew > 100000' \
	--argjson grew $((after - before))
run 60 report --from "$dir"
is 'the text: exit code' "$rc" 0
is 'a line for each report' "$(grep -cE '^  [0-9]{2}:[0-9]{2}:[0-9]{2} +[0-9.]+ MiB' "$out")" 3
ok 'and what changed' grep -qE '^  grew +\+.*-> 400,000 keys' "$out"
is 'no line is too long' "$(too_long)" ''
run 60 report --from "$dir" --json
keys=$(jq -r '.reports | "\(.[0].live_keys) to \(.[2].live_keys)"' "$out")
run 60 report --from "$dir" --html "$tmp/page.html"
is 'a page of them: exit code' "$rc" 0
is 'a page of them: no text' "$(cat "$out")" ''
ok 'a page of them: well-formed' python3 "$e2e/html_fits.py" "$tmp/page.html"
is 'a page of them: from the first to the last' \
	"$(grep -o 'live keys<span class="dim"> [0-9,]* to [0-9,]*' "$tmp/page.html" | tr -d , | sed 's/.*> //')" "$keys"
is 'a page of them: a point for each report' \
	"$(grep -o 'class="line l0" d="[^"]*' "$tmp/page.html" | head -n 1 | grep -o '[ML][0-9]' | wc -l)" 3
run 10 report --from "$dir" --pprof "$tmp/no"
is 'a profile of a directory: exit code' "$rc" 2
first=$(find "$dir" -name '*.gz' | sort | head -n 1)
run 60 report --from "$first" --json
is 'each file is a report' "$(jq .target.pid "$out")" "$target"
run 60 diff "$first"
ok 'that can be compared' grep -q '^VERDICT' "$out"

run 120 record --every 1s --for 500ms --duration 0 --keep 2 -o "$dir" "$target"
is '--keep: the newest stay' "$(reports)" 2
ok '--keep: the oldest is gone' test ! -e "$first"
run 120 record --every 1s --for 500ms --duration 0 --max-size 1 -o "$dir" "$target"
is '--max-size: the newest stays' "$(reports)" 1

# ---- ends ----

timeout 60 "$maptrace" record --every 1s --duration 0 -o "$dir" "$target" 2>"$err" &
mine=$!
timeout 60 sh -c 'until [ $(ls "$0" | wc -l) -ge 3 ]; do sleep 0.1; done' "$dir"
run 20 record --for 1s -o "$dir" "$target"
is 'two at once: exit code' "$rc" 2
ok 'two at once: the reason' grep -q 'another maptrace' "$err"
kill -TERM "$mine"
wait "$mine"
is 'SIGTERM: exit code' "$?" 0
is 'SIGTERM: nothing but reports' "$(others)" ''

timeout 60 "$maptrace" record --every 1s --duration 500ms -o "$dir" "$target" 2>"$err" &
mine=$!
have=$(reports)
timeout 60 sh -c 'until [ $(ls "$0" | grep -c gz) -gt "$1" ]; do sleep 0.1; done' "$dir" "$have"
stop
wait "$mine"
is 'the process goes away: exit code' "$?" 5

printf 'not a report' >"$dir/maptrace-19700101T000000Z.json.gz"
run 60 report --from "$dir" --json
holds 'a damaged report is counted' "$out" '.unreadable_reports == 1 and (.reports | length) > 1'
mkdir "$tmp/empty"
run 10 report --from "$tmp/empty"
is 'no report at all: exit code' "$rc" 4

# ---- until a finding ----

build 1.24 growers stripped
start "$bin"
run 300 record --every 6s --duration 5s --for 4m --until growing_map -o "$tmp/leak" "$target"
is 'a leak ends it: exit code' "$rc" 1
ok 'it is named' grep -qE '^maptrace: found after [0-9]+ reports?: .*(leakKey|shardKey|burstKey|canceler)' "$err"
run 60 report --from "$tmp/leak" --json
holds 'the last report has it' "$out" '.reports[-1].findings | index("growing_map") != null'
stop

# ---- slips ----

sleep 100 &
started+=($!)
run 10 record -o "$tmp/none" --until everything $!
is 'no such finding: exit code' "$rc" 2
mkdir -m 777 "$tmp/open"
run 10 record --for 1s -o "$tmp/open" $!
is 'a directory that others may write to: exit code' "$rc" 2
run 10 record --for 1s $!
is 'no directory: exit code' "$rc" 2
run 20 record --for 5s -d 0 -o "$tmp/none" $!
is 'not a Go program: exit code' "$rc" 4

finish
