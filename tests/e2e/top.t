#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The live screen: what it shows is what the program has, its keys do what the help says, and the
# terminal is as it was afterwards. tmux is the terminal.
# shellcheck disable=SC2016,SC2317 # jq has variables, too; `ok` calls functions
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

server=0
term() {
	tmux -L "maptrace-$$-$server" "$@"
}
trap 'term kill-server 2>/dev/null; cleanup' EXIT

# Starts top in a terminal of this size; what is there after its end is its exit code.
screen() { # COLUMNS LINES OPTION...
	local columns=$1 lines=$2
	shift 2
	term kill-server 2>/dev/null
	server=$((server + 1))
	term -f /dev/null new-session -d -x "$columns" -y "$lines" \
		"before=\$(stty -g); '$maptrace' top $*; echo \"exit code \$?\"
		 [ \"\$(stty -g)\" = \"\$before\" ] && echo as it was; exec sleep 1000"
}

shows() { # PATTERN
	term capture-pane -p | grep -qE -- "$1"
}

# The screen has it within 30 s.
comes() { # NAME PATTERN
	for _ in $(seq 150); do
		shows "$2" && break
		sleep 0.2
	done
	ok "$1" shows "$2"
	shows "$2" || term capture-pane -p | diag
}

type_keys() {
	term send-keys "$@"
}

keys_of() { # MAP
	ask truth | jq "[.maps[] | select(.name == \"$1\")][0].live_keys"
}

grouped() { # NUMBER
	printf "%'d" "$1" | sed -E ':a; s/^([0-9]+)([0-9]{3})/\1,\2/; ta'
}

build 1.24 mapzoo stripped
start "$bin" -exit-on-eof -scenario all

# ---- one look as text ----

ask 'burst ints 123456' >/dev/null
keys=$(grouped "$(keys_of ints)")
COLUMNS=200 run 60 top --once --duration 0 --filter buildInts --sort keys "$target"
is 'once: exit code' "$rc" 0
ok 'the row has as many keys as the program' grep -qE "MiB +$keys .*main.<var> used by buildInts" "$out"
is 'the filter leaves no other row' "$(grep -c 'held by' "$out")" \
	"$(grep -c 'used by buildInts' "$out")"
is 'no line is too long' "$(awk 'length > 200' "$out" | head -n 1)" ''
LC_ALL=C run 60 top --once --duration 0 "$target"
is 'no line is longer than 80' "$(too_long)" ''
run 60 top --duration 0 "$target" </dev/null
is 'no terminal: exit code' "$rc" 2
ok 'no terminal: what to do' grep -q -- '--once' "$err"
run 60 top --sort nothing "$target"
is 'no such column: exit code' "$rc" 2

# ---- the screen ----

screen 80 24 --every 2s --duration 0 "$target"
comes 'the process' "^mapzoo[^ ]* +pid $target"
comes 'the ledger' '^RSS .*\[k+h+.*\]'
comes 'the maps' '^ *[0-9.]+ MiB +12,041 '
is 'it takes all lines, and no more' "$(term capture-pane -p | wc -l)" 24
type_keys /
type_keys buildInts Enter
comes 'a filter' "^ *[0-9.]+ MiB +$keys "
ok 'and nothing else' test "$(term capture-pane -p | grep -cE '^ *[0-9.]+ [KM]iB ')" = 1
type_keys Enter
comes 'the details: keys' "live keys +$keys\$"
ok 'the details: holder' shows 'held by +main.<var> used by buildInts'
ask 'burst ints 100000' >/dev/null
comes 'the next look has what came' "live keys +$(grouped "$(keys_of ints)")\$"
comes 'and its course' 'keys +[^ ]{2,} .*'"$keys"' to '
type_keys Escape
type_keys Escape
comes 'back to all' '^ *[0-9.]+ MiB +12,041 '
type_keys h
comes 'the help' 'sort by another column'
type_keys h
type_keys p
comes 'pause' PAUSED
type_keys p
type_keys '>'
sleep 0.3
term resize-window -x 200 -y 40
comes 'wider: more columns' 'RETAINED'
is 'higher: all lines' "$(term capture-pane -p | wc -l)" 40
term resize-window -x 30 -y 8
comes 'too small' '^needs 40 columns'
term resize-window -x 80 -y 24
comes 'large again' "^mapzoo[^ ]* +pid $target"
type_keys q
comes 'q: exit code' '^exit code 0'
comes 'q: the terminal' '^as it was'
is 'q: nothing of it goes on' "$(pgrep -f "^$maptrace top")" ''

# ---- a report, signals, and the end of the process ----

cd "$tmp" || exit 1
screen 80 24 --every 2s --duration 0 "$target"
comes 'again' '^RSS'
type_keys w
comes 'a report is written' 'written: maptrace-'
written=$(echo "$tmp"/maptrace-"$target"-*.json)
is 'it is one' "$(jq .target.pid "$written")" "$target"
is 'for its owner alone' "$(stat -c %a "$written")" 600
top_pid=$(pgrep -f "^$maptrace top .*$target" | head -n 1)
kill -TERM "$top_pid"
comes 'SIGTERM: exit code' '^exit code 0'
comes 'SIGTERM: the terminal' '^as it was'
screen 80 24 --every 2s --duration 0 "$target"
comes 'and again' '^RSS'
stop
comes 'the process goes away' 'gone|no process|No such process|went away|exited'
type_keys q
comes 'the process went away: exit code' '^exit code 5'

finish
