#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Compares callers with file and line, also inlined ones, with what the program's own
# runtime.Callers says at the same place.
# shellcheck disable=SC2016 # jq has variables, too
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

# The frames of an operation, as the report has them.
frames_of() { # MAP OP
	jq -c --arg map "$1" --arg op "$2" '.maps[] | select(.address == $map) | .activity[$op]
		| [{function: .caller, file, line}] + (.inlined_into // [])' "$out"
}

check_operation() { # MAP OP NAME DEPTH
	local addr

	addr=$(jq -r ".$1" "$tmp/truth.json")
	is "$label: frames of $3" "$(frames_of "$addr" "$2")" "$(jq -c ".$3" "$tmp/truth.json")"
	holds "$label: $3 is in $4 functions" "$tmp/truth.json" ".$3 | length == $4"
}

# The frames of a hit reach eight calls up; those that were inlined come on top.
check_stack() { # MAP OP NAME DEPTH
	local addr

	addr=$(jq -r ".$1" "$tmp/truth.json")
	jq --arg map "$addr" --arg op "$2" --argjson depth "$4" --slurpfile truth "$tmp/truth.json" '
		(.maps[] | select(.address == $map) | .activity[$op]) as $did
		| {got: ([{function: $did.caller} + ($did | {file, line})] + ($did.inlined_into // []) + ($did.stack // [])
			| map({function, file, line})), want: $truth[0].'"$3"'_all[:$depth]}' "$out" >"$tmp/stack.json"
	none "$label: calls that led to $3" "$tmp/stack.json" 'select(.got != .want)'
}

# A library's insert is told from that of another caller, by the map.
check_users() {
	local map

	for map in parsed:main.parse loaded:main.load; do
		holds "$label: who has the library fill ${map%:*}" "$out" '.maps[]
			| select(.address == $truth[0][$map]) | .activity.insert
			| .user_frame.function == $user and (.stack | length > 2)' \
			--slurpfile truth "$tmp/truth.json" --arg map "${map%:*}" --arg user "${map#*:}"
	done
}

check() { # VERSION VARIANT
	label="go$1, $2"
	build "$1" inlined "$2"
	launch "$bin"
	answer >"$tmp/truth.json"
	run 60 report --json --duration 3s --max-overhead 5% "$target"
	is "$label: exit code" "$rc" 0
	check_operation deep insert insert 4
	check_operation deep delete delete 2
	check_operation flat insert set 1
	check_stack deep insert insert 6
	check_stack deep delete delete 4
	check_stack flat insert set 8
	check_users
	run 60 report --duration 3s --max-overhead 5% "$target"
	line=$(jq '.insert[0].line' "$tmp/truth.json")
	ok "$label: the line is in the text" \
		grep -qF "insert from main.(*store).put main.go:$line (" "$out"
	stop
}

for version in 1.19 1.21 1.24 1.27; do
	check "$version" stripped
done
check 1.24 pie-stripped
finish
