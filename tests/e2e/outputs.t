#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# One look, written in several formats at once: each says the same, and what the program says of
# itself. Files are replaced as a whole, or stay as they were.
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

made=$top/build/tests/e2e/made_reports
d=$tmp/d
mkdir "$d"

usage() { # NAME MESSAGE OPTION...
	local name=$1 message=$2
	shift 2

	run 10 report "$@"
	is "$name: exit code" "$rc" 2
	ok "$name: it says what is wrong" grep -q "$message" "$err"
}

check_command_line() {
	usage 'two formats on stdout' 'standard output' --json --prometheus - 1
	usage 'two formats in one file' "can't both go to" --output "$d/x" --prometheus "$d/x" 1
	usage 'no file' 'is not a file' --prometheus '' 1
	usage 'a dry run in a file' 'dry-run' --dry-run --prometheus "$d/x" 1
	run 10 report --prometheus "$d/none/x" 1
	is 'no directory: exit code' "$rc" 7
	ok 'no directory: it says so' grep -q "can't be written" "$err"
}

# At once: what a format says must not depend on another one.
check_look() {
	build 1.24 mapzoo stripped
	start "$bin" -exit-on-eof -scenario filled_emptied,ints,small,reflected
	ask truth >"$tmp/truth.json"
	echo old >"$d/report.json"
	echo old >"$d/metrics.prom"
	ln -s metrics.prom "$d/link"
	(
		umask 027
		run 60 report --duration 0 --fail-on never --output "$d/report.txt" \
			--json="$d/report.json" --prometheus "$d/link" "$target"
		echo "$rc" >"$tmp/rc"
	)
	stop
	is 'all at once: exit code' "$(cat "$tmp/rc")" 0
	is 'nothing on stdout' "$(wc -c <"$out")" 0
	holds 'JSON in its file' "$d/report.json" '.census.status == "ok"'
	ok 'the text in its file' grep -q ^VERDICT "$d/report.txt"
	ok 'the metrics are valid, agree with the report, and with the program' \
		python3 "$e2e/prometheus_fits.py" "$d/link" "$d/report.json" "$tmp/truth.json"
	ok 'a link stays one' test -L "$d/link" -a -s "$d/metrics.prom"
	is 'the mode follows the umask' "$(stat -c %a "$d/report.json" "$d/metrics.prom" | sort -u)" 640
	is 'nothing else is left' "$(ls -A "$d" | tr '\n' ' ')" 'link metrics.prom report.json report.txt '
	cp "$d/report.json" "$out"
	keep_document
}

check_saved() {
	run 20 report --from "$d/report.json" --fail-on never --prometheus -
	is 'a saved report as metrics: exit code' "$rc" 0
	ok 'a saved report as metrics: the same' cmp "$out" "$d/metrics.prom"
	run 20 report --from "$d/report.json" --fail-on never --json --prometheus "$d/again"
	ok 'JSON on stdout, metrics in a file' cmp "$out" "$d/report.json"
	ok 'these are the same, too' cmp "$d/again" "$d/metrics.prom"
	run 20 report --from "$d/report.json" --fail-on never --output "$d/to" --json
	ok '--output takes the JSON' cmp "$d/to" "$d/report.json"
}

# A full disk is a small one here.
check_failure() {
	echo old >"$d/kept"
	(
		ulimit -f 8
		trap '' XFSZ
		run 20 report --from "$d/report.json" --fail-on never --json="$d/kept" \
			--prometheus "$d/other"
		echo "$rc" >"$tmp/rc"
	)
	is 'no room: exit code' "$(cat "$tmp/rc")" 7
	is 'no room: the old file stays' "$(cat "$d/kept")" old
	is 'no room: nothing is left' "$(find "$d" -name '.maptrace*')" ''
	run 20 report --from "$d/report.json" --fail-on never --prometheus /dev/full
	is 'a full device: exit code' "$rc" 7
	run 20 report --json="$d/kept" 999999999
	is 'no process: exit code' "$rc" 5
	is 'no process: the old file stays' "$(cat "$d/kept")" old
}

# What is made up has quotes, backslashes and control characters everywhere.
check_made_up() {
	"$made" full >"$tmp/full"
	run 10 report --from "$tmp/full" --fail-on never --prometheus "$d/made"
	ok 'made up, full: valid metrics' python3 "$e2e/prometheus_fits.py" "$d/made"
	"$made" bare >"$tmp/bare"
	run 10 report --from "$tmp/bare" --fail-on never --prometheus "$d/made"
	ok 'made up, bare: valid metrics' python3 "$e2e/prometheus_fits.py" "$d/made"
	ok 'made up, bare: no map families' test "$(grep -c maptrace_map "$d/made")" = 0
}

check_command_line
check_look
check_saved
check_failure
check_made_up
finish
