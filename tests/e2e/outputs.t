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
			--json="$d/report.json" --prometheus "$d/link" --pprof "$d/maps.pb.gz" \
			"$target"
		echo "$rc" >"$tmp/rc"
	)
	ask 'rebuild filled_emptied' >"$tmp/rebuilt.json"
	run 60 report --duration 0 --fail-on never --pprof "$tmp/rebuilt.pb.gz" "$target"
	stop
	is 'all at once: exit code' "$(cat "$tmp/rc")" 0
	is 'nothing on stdout' "$(wc -c <"$out")" 0
	holds 'JSON in its file' "$d/report.json" '.census.status == "ok"'
	ok 'the text in its file' grep -q ^VERDICT "$d/report.txt"
	ok 'the metrics are valid, agree with the report, and with the program' \
		python3 "$e2e/prometheus_fits.py" "$d/link" "$d/report.json" "$tmp/truth.json"
	ok 'a link stays one' test -L "$d/link" -a -s "$d/metrics.prom"
	is 'the mode follows the umask' "$(stat -c %a "$d/report.json" "$d/metrics.prom" | sort -u)" 640
	is 'nothing else is left' "$(ls -A "$d" | tr '\n' ' ')" 'link maps.pb.gz metrics.prom report.json report.txt '
	cp "$d/report.json" "$out"
	keep_document
}

check_saved() {
	run 20 report --from "$d/report.json" --fail-on never --prometheus -
	is 'a saved report as metrics: exit code' "$rc" 0
	ok 'a saved report as metrics: the same' cmp "$out" "$d/metrics.prom"
	run 20 report --from "$d/report.json" --fail-on never --pprof -
	ok 'a saved report as a profile: the same' cmp "$out" "$d/maps.pb.gz"
	run 20 report --from "$d/report.json" --fail-on never --json --prometheus "$d/again"
	ok 'JSON on stdout, metrics in a file' cmp "$out" "$d/report.json"
	ok 'these are the same, too' cmp "$d/again" "$d/metrics.prom"
	run 20 report --from "$d/report.json" --fail-on never --output "$d/to" --json
	ok '--output takes the JSON' cmp "$d/to" "$d/report.json"
}

# pprof VALUE OPTION... PROFILE: "BYTES NAME" of each line of -top.
profile_top() {
	local value=$1
	shift

	"$go" tool pprof -top -nodecount=1000 -nodefraction=0 -unit=B -sample_index="$value" "$@" |
		sed -n '/^ *flat /,$p' | awk 'NR > 1 { sub("B$", "", $1); bytes = $1
			$1 = $2 = $3 = $4 = $5 = ""; sub("^ +", ""); print bytes, $0 }'
}

bytes_of_type() { # TRUTH TYPE
	jq --arg type "$2" '[.maps[] | select(.type == $type).table_bytes] | add' "$1"
}

# What Go's own reader makes of the profile.
check_profile() {
	local value type='map[string]*main.Session' grew=0

	go=$("$top/scripts/go-toolchain.sh" 1.24)
	for value in 'map_hole hole_bytes' 'map_rebuild gives_back_bytes' 'maps maps'; do
		is "pprof: ${value% *}: the sum is that of the report" \
			"$(profile_top "${value% *}" "$d/maps.pb.gz" | awk '{ sum += $1 } END { print sum }')" \
			"$(jq ".census.totals.${value#* }" "$d/report.json")"
	done
	for value in map_live map_hole; do
		grew=$((grew + $(profile_top "$value" -diff_base "$d/maps.pb.gz" "$tmp/rebuilt.pb.gz" |
			awk -v type="$type" 'substr($0, index($0, " ") + 1) == type { print $1 }' |
			grep . || echo 0)))
	done
	is 'pprof -diff_base: what a rebuild gave back' "$grew" \
		$(($(bytes_of_type "$tmp/rebuilt.json" "$type") - $(bytes_of_type "$tmp/truth.json" "$type")))
	"$go" tool pprof -traces -sample_index=maps "$d/maps.pb.gz" >"$tmp/traces"
	ok 'pprof: a type, and below it what holds it' \
		grep -A1 -E 'B? +map\[int64\]string$' "$tmp/traces" -q
}

# The maps of a sync.Map give nothing back by themselves, and garbage is in no sum.
check_left_out() { # VERSION PROGRAM
	local value

	build "$1" "$2" stripped
	start "$bin"
	run 60 report --duration 0 --fail-on never --json="$tmp/left.json" --pprof "$tmp/left.pb.gz" \
		--html "$tmp/left.html" "$target"
	stop
	for value in 'map_hole hole_bytes' 'map_rebuild gives_back_bytes' 'maps maps'; do
		is "$2: ${value% *} in the profile" \
			"$(profile_top "${value% *}" "$tmp/left.pb.gz" | awk '{ sum += $1 } END { print sum + 0 }')" \
			"$(jq ".census.totals.${value#* }" "$tmp/left.json")"
	done
	ok "$2: the page has the same sums" \
		python3 "$e2e/html_fits.py" "$tmp/left.html" "$tmp/left.json"
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
	run 10 report --from "$tmp/bare" --fail-on never --pprof "$d/made"
	"$go" tool pprof -raw "$d/made" >"$tmp/raw"
	is 'made up, bare: an empty profile can be read' $? 0
	ok 'made up, bare: no samples' test "$(grep -c '^ *[0-9]*: ' "$tmp/raw")" -le 1
	sed 's/"garbage":true/"garbage":false/' "$tmp/full" >"$tmp/live" # jq has no 64 bits
	run 10 report --from "$tmp/live" --fail-on never --pprof "$d/made"
	"$go" tool pprof -raw "$d/made" >"$tmp/raw"
	ok 'made up, full: calls are in the stacks' grep -q 'function .*file .*:[0-9]' "$tmp/raw"
	is 'made up, full: all maps' "$(profile_top maps "$d/made" | awk '{ sum += $1 } END { print sum }')" \
		"$(jq '[.census.totals.maps, 3] | max' "$tmp/full")"
	run 10 report --from "$tmp/bare" --fail-on never --prometheus "$d/made"
	ok 'made up, bare: no map families' test "$(grep -c maptrace_map "$d/made")" = 0
}

# What maptrace prints on a terminal of 80 columns: on both streams.
on_terminal() { # ARGUMENT...
	timeout 60 python3 - "$tmp/typed" "$maptrace" "$@" >/dev/null <<-'PTY'
		import os, pty, sys
		with open(sys.argv[1], 'wb') as typed:
		    def read(fd):
		        data = os.read(fd, 4096)
		        typed.write(data)
		        return data
		    os.environ.setdefault('TERM', 'xterm')
		    status = pty.spawn(sys.argv[2:], read, lambda fd: b'')
		sys.exit(os.waitstatus_to_exitcode(status))
	PTY
}

plain() {
	sed $'s/\x1b\\[[0-9;]*m//g' "$1"
}

# How many lines have an escape sequence.
escapes() {
	grep -c $'\x1b' "$1"
}

has_escapes() {
	test "$(escapes "$1")" -gt 0
}

check_color() {
	local saved=(report --from "$d/report.json" --fail-on never)

	run 20 "${saved[@]}"
	cp "$out" "$tmp/text"
	is 'not on a terminal: no colours' "$(escapes "$out")" 0
	run 20 "${saved[@]}" --color=always
	ok '--color=always: colours' has_escapes "$out"
	plain "$out" >"$tmp/plain"
	ok '--color=always: else the same text' cmp "$tmp/plain" "$tmp/text"
	TERM=xterm on_terminal "${saved[@]}"
	ok 'on a terminal: colours' has_escapes "$tmp/typed"
	plain "$tmp/typed" | tr -d '\r' >"$tmp/plain"
	ok 'on a terminal: else the same text' cmp "$tmp/plain" "$tmp/text"
	TERM=xterm on_terminal "${saved[@]}" --color=never
	is '--color=never: none' "$(escapes "$tmp/typed")" 0
	TERM=xterm NO_COLOR=1 on_terminal "${saved[@]}"
	is 'NO_COLOR: none' "$(escapes "$tmp/typed")" 0
	TERM=dumb on_terminal "${saved[@]}"
	is 'a dumb terminal: none' "$(escapes "$tmp/typed")" 0
	run 20 "${saved[@]}" --color=blue
	is '--color=blue: exit code' "$rc" 2
	run 20 diff "$d/report.json" "$d/report.json" --color=always
	ok 'diff --color=always: colours' has_escapes "$out"
}

# A line on the terminal while it looks; nothing of it is left.
check_progress() {
	build 1.24 mapzoo stripped
	start "$bin" -exit-on-eof -scenario ints
	TERM=xterm on_terminal report --duration 3s --fail-on never --output "$tmp/text" "$target"
	tr '\r' '\n' <"$tmp/typed" >"$tmp/lines"
	ok 'progress: what is left' grep -q "process $target: watching, .* left" "$tmp/lines"
	is 'progress: nothing is left of it' "$(tail -c 4 "$tmp/typed")" $'\r\x1b[K'
	is 'progress: no line of it ends' "$(tr -cd '\n' <"$tmp/typed" | wc -c)" 0
	TERM=dumb on_terminal report --duration 1s --fail-on never --output "$tmp/text" "$target"
	is 'progress: not on a dumb terminal' "$(escapes "$tmp/typed")" 0
	run 60 report --duration 1s --fail-on never --output "$tmp/text" "$target"
	is 'progress: not in a file' "$(cat "$err")" ''
	stop
}

check_command_line
check_look
check_color
check_progress
check_saved
check_profile
check_left_out 1.21 syncmaps
check_left_out 1.24 garbage
check_failure
check_made_up
finish
