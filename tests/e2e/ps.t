#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The list of Go programs, processes by name, and what the command line makes of slips.
# shellcheck disable=SC2016,SC2317 # jq has variables, too; `ok` calls functions
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

# A program under a name that no other process of this host has.
start_named() { # NAME VERSION VARIANT
	build "$2" zeroes "$3"
	cp "$bin" "$tmp/$1"
	start "$tmp/$1"
}

row_is() { # NAME FILTER
	holds "$1" "$tmp/ps.json" '[.processes[] | select(.pid == ($pid | tonumber))]
		| length == 1 and (.[0] | '"$2"')' --arg pid "$target"
}

list() {
	run 30 ps --json
	is "$1: exit code" "$rc" 0
	cp "$out" "$tmp/ps.json"
}

# ---- the list ----

mine=mt$$
start_named "$mine-old" 1.21 stripped
old=$target
start_named "$mine-new" 1.24 plain
new=$target

list 'ps --json'
target=$old
row_is 'a stripped program of Go 1.21' '.command == "'"$mine"'-old" and .map_kind == "classic"
	and .stripped and (.go_version | startswith("go1.21"))'
target=$new
row_is 'a program of Go 1.24 with symbols' '.map_kind == "swiss" and (.stripped | not)
	and (.go_version | startswith("go1.24"))'
ps_rss=$(jq ".processes[] | select(.pid == $new) | .rss_bytes" "$tmp/ps.json")
now_rss=$(($(awk '/VmRSS/ { print $2 }' "/proc/$new/status") * 1024))
ok "its RSS: $ps_rss, a moment later $now_rss" test $((ps_rss * 2)) -gt "$now_rss" -a \
	"$ps_rss" -lt $((now_rss * 2))
none 'no other program is in the list' "$tmp/ps.json" '.processes[]
	| select(.executable | test("/(bash|jq|maptrace|prove|perl)$"))'

run 30 ps
is 'ps: exit code' "$rc" 0
ok 'ps: a row for people' grep -qE "^ *$new $mine-new +1\.24[^ ]* +swiss +no " "$out"
is 'ps: no line is too long' "$(too_long)" ''

# ---- a process by its name ----

run 60 report --duration 0 --json "$mine-old"
is 'a name: exit code' "$rc" 0
holds 'a name stands for its process' "$out" ".target.pid == $old"

cp "$tmp/$mine-old" "$tmp/$mine-new.2"
mkdir "$tmp/twin" && cp "$tmp/$mine-new" "$tmp/twin/"
start "$tmp/twin/$mine-new"
run 30 report --duration 0 "$mine-new"
is 'a name that two processes have: exit code' "$rc" 2
ok 'it lists both' grep -qE "2 Go processes match '$mine-new': give one of the PIDs ($new, $target|$target, $new)\$" "$err"
run 30 report "container:$mine"
ok 'a container that is not there' grep -q "no Go process is in the container '$mine'" "$err"
is 'it is refused' "$rc" 2

# ---- without a verb ----

run 60 --duration 0 --json "$old"
is 'a PID alone: exit code' "$rc" 0
holds 'a PID alone means a report' "$out" ".target.pid == $old"
run 10 reprot 1
ok 'a slip' grep -q 'did you mean report?' "$err"
is 'a slip: exit code' "$rc" 2
run 10 ps "$old"
is 'ps of a process: exit code' "$rc" 2
run 10 report --no-such-option "$old"
ok 'a wrong option: where the options are' grep -q 'maptrace report --help' "$err"

for ask in -h --help help; do
	run 10 "$ask"
	ok "$ask lists the verbs" grep -qE '^  ps ' "$out"
	is "$ask: exit code" "$rc" 0
done
run 10 report -h
ok 'report -h lists its options' grep -q -e --min-waste "$out"
run 10 help events
ok 'help VERB lists its options' grep -q -e --max-overhead "$out"
run 10 -V
ok '-V tells the version' grep -qE '^maptrace [0-9.]+$' "$out"

finish
