#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Commands that maptrace starts itself: they run as they would without it, it ends as they do,
# and its report is of them.
# shellcheck disable=SC2016,SC2317 # jq has variables, too; `ok` calls functions
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

# ---- any command ----

run 30 -- sh -c 'exit 7'
is 'the exit code is that of the command' "$rc" 7
ok 'it is said that there was nothing to look at' grep -q "'sh' ended before" "$err"
is 'input and output are those of the command' "$(echo words | timeout 30 "$maptrace" -- cat 2>/dev/null)" words
timeout 30 sh -c '"$0" -- sh -c "kill -USR1 \$\$"; exit $?' "$maptrace" 2>/dev/null
is 'a signal that ends the command ends maptrace' "$?" $((128 + $(kill -l USR1)))
is 'the command may gain rights as ever' \
	"$(timeout 30 "$maptrace" -- grep NoNewPrivs /proc/self/status 2>/dev/null)" \
	"$(grep NoNewPrivs /proc/self/status)"
is 'and leave a core file as ever' \
	"$(timeout 30 "$maptrace" -- grep core /proc/self/limits 2>/dev/null)" \
	"$(grep core /proc/self/limits)"
run 30 -- "$tmp/no-such-command"
is 'a command that is not there: exit code' "$rc" 2
ok 'it is named' grep -q 'cannot start.*no-such-command' "$err"
run 30 --no-such-option -- sh -c "trap '>$tmp/told; exit 0' TERM; sleep 100 & wait"
is 'a wrong option: exit code' "$rc" 2
ok 'the command was told to end' test -e "$tmp/told"
run 30 report -- sleep 4
is 'not a Go program: exit code' "$rc" 0
ok 'the reason is on stderr' grep -qi 'not a Go program\|no Go' "$err"

# ---- a Go program ----

# Starts maptrace with the program as its command, and waits until it is watched.
launch_go() { # OPTION...
	mkfifo "$tmp/quit"
	sh -c 'exec "$@" <"$0"' "$tmp/quit" "$maptrace" report --json --fail-on never "$@" \
		-- "$bin" >"$out" 2>"$err" &
	mine=$!
	started+=("$mine")
	exec {quit}>"$tmp/quit"
	rm "$tmp/quit"
	timeout 60 sh -c 'until pgrep -P "$0" -f zeroes >/dev/null; do sleep 0.1; done' "$mine"
	target=$(pgrep -P "$mine" -f "^$bin" | head -n 1)
	started+=("$target")
	timeout 60 sh -c 'until head -c 1 "$0" | grep -q .; do sleep 0.1; done' "$out"
}

# The program's own line comes first.
report_only() {
	sed '0,/^{$/ { /^{$/!d }' "$out" >"$tmp/report.json"
}

build 1.24 zeroes stripped
launch_go
sleep 2
echo quit >&"$quit"
wait "$mine"
is 'a watch until the program ends: exit code' "$?" 0
report_only
holds 'it is of that program' "$tmp/report.json" '.target.pid == ($pid | tonumber)
	and .target.gone != null' --arg pid "$target"
holds 'it has its maps' "$tmp/report.json" '.census.status == "ok" and (.maps | length) > 10'
exec {quit}>&-

launch_go --duration 500ms
while ! grep -q '^}' "$out"; do
	sleep 0.1
done
ok 'after the time of the watch the program goes on' kill -0 "$target"
echo quit >&"$quit"
wait "$mine"
is 'and maptrace waits for it' "$?" 0
exec {quit}>&-

launch_go
sleep 2
kill -TERM "$mine"
wait "$mine"
is 'SIGTERM is passed on: exit code' "$?" 143
ok 'the program has ended' bash -c '! kill -0 "$0" 2>/dev/null' "$target"
report_only
holds 'the report is there' "$tmp/report.json" '(.maps | length) > 10'
exec {quit}>&-

finish
