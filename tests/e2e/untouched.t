#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Looking at a program does not make it larger: pages of its file that nobody used do not
# become resident, by the kernel's own count. Yet types and lines, which are in these pages,
# are known. After a trace its code and its mappings are what they were, and the kernel did not
# complain.
# shellcheck disable=SC2016 # jq has variables, too
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

# A stopped process maps nothing by itself.
census_adds_nothing() {
	local before

	pause "$target"
	before=$(file_kib "$target" '^...p$' Rss)
	run 60 report --duration 0 --json --fail-on never "$target"
	is "$label: exit code of a census" "$rc" 0
	is "$label: no page of a file by a census" "$(file_kib "$target" '^...p$' Rss)" "$before"
	kill -CONT "$target"
}

# Those that have a name: of files and of the kernel ([uprobes], [uprobes-trampoline]). Go maps
# others at any time.
mappings() {
	awk '$6 && $6 != "[stack]" { print $1, $2, $6 }' "/proc/$target/maps"
}

# The program has 4 MiB that it does not use. What it uses may become resident, 64 KiB at a
# time. The kernel copies a page of code before it writes a breakpoint into it.
trace_adds_nothing() {
	local before after copied mapped

	mapped=$(mappings)
	before=$(file_kib "$target" '^r-.p$' Rss)
	ok "$label: starts to trace" watch --json --fail-on never --duration 5s --max-overhead 5% \
		"$target"
	copied=$(file_kib "$target" '^r-xp$' Anonymous)
	watch_ended
	after=$(file_kib "$target" '^r-.p$' Rss)
	is "$label: exit code of a trace" "$rc" 0
	ok "$label: $((after - before)) KiB of files by a trace" test $((after - before)) -lt 256
	ok "$label: $copied KiB of code copied for its probes" test "$copied" -lt 128
	copied=$(file_kib "$target" '^r-xp$' Anonymous)
	ok "$label: $copied KiB of these stay" test "$copied" -lt 64
	is "$label: its mappings are what they were" "$(mappings)" "$mapped"
	ok "$label: its code is what it was" text_is_clean "$target"
	is "$label: no warning of the kernel" "$(cat /proc/sys/kernel/tainted)" "$tainted"
}

tainted=$(cat /proc/sys/kernel/tainted)

start_inlined() { # FILE
	launch "$1"
	answer >"$tmp/truth.json"
}

frames_are_known() { # MAP OP NAME
	local addr

	addr=$(jq -r ".$1" "$tmp/truth.json")
	is "$label: frames of $3" "$(jq -c --arg map "$addr" --arg op "$2" '.maps[]
		| select(.address == $map) | .activity[$op]
		| [{function: .caller, file, line}] + (.inlined_into // [])' "$out")" \
		"$(jq -c ".$3" "$tmp/truth.json")"
}

check() { # VERSION VARIANT
	label="go$1, $2"
	build "$1" inlined "$2"
	start_inlined "$bin"
	census_adds_nothing
	holds "$label: the type of a map" "$out" \
		'any(.maps[]; .type == "map[string][]runtime.Frame")'
	stop
	start_inlined "$bin"
	trace_adds_nothing
	frames_are_known deep insert insert
	frames_are_known flat insert set
	stop
}

# The runtime is in a library, and other libraries are searched for it.
check_library() { # VERSION
	label="go$1, c-shared"
	build "$1" mapzoo c-shared
	start "$bin"
	census_adds_nothing
	stop
}

# No path leads to the file.
check_deleted() { # VERSION
	label="go$1, deleted"
	build "$1" inlined stripped
	cp "$bin" "$tmp/deleted"
	start_inlined "$tmp/deleted"
	rm "$tmp/deleted"
	census_adds_nothing
	stop
}

for version in 1.19 1.24; do
	for variant in plain stripped pie debian; do
		check "$version" "$variant"
	done
	check_library "$version"
done
check_deleted 1.24
finish
