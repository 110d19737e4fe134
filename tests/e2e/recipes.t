#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The manual's recipes for jq, as they stand there, on reports of a program that tells what its maps
# hold: before a rebuild of one, and after it.
# shellcheck disable=SC2016 # jq has variables, too
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

# Prints the recipe below a line that begins with these words.
recipe() { # WORDS
	awk -v words="$1" '/^### / { inside = /Recipes for jq/ }
		!inside { next }
		index($0, words) == 1 { found = 1 }
		found && /^    / { print substr($0, 5); exit }' "$top/docs/manual.md"
}

# Runs a recipe in the directory of the reports. Sets rc; what it prints is in $out.
cook() { # WORDS
	local line
	line=$(recipe "$1")

	(cd "$tmp" && eval "$(recipe '`live`')" && eval "$line") >"$out" 2>"$err"
	rc=$?
	[[ -n $line && ! -s $err ]] || diag "no recipe, or it fails: $line" "$(head -n 3 "$err")"
}

save() { # REPORT
	run 60 report --duration "$2" --fail-on never --json "$target"
	cp "$out" "$tmp/$1"
	keep_document
}

bytes_of() { # TRUTH TYPE
	jq --arg type "$2" '[.maps[] | select(.type == $type).table_bytes] | add' "$1"
}

build 1.24 mapzoo stripped
type='map[string]*main.Session'
start "$bin" -exit-on-eof -scenario filled_emptied,ints,small
ask truth >"$tmp/truth.json"
save before.json 0
ask 'rebuild filled_emptied' >"$tmp/rebuilt.json"
save after.json 0
stop
build 1.24 growers stripped
start "$bin"
save saved.json 5s
stop

cp "$tmp/saved.json" "$tmp/traced.json"
cook 'Who inserts most'
is 'callers: exit code' "$rc" 0
# Ten lines of step() insert all the time, at one rate; a package of Go's inserts as often.
ok 'callers: each line of the program that inserts' \
	test "$(grep -cE '^[0-9]+ main\.step .*main\.go:[0-9]+$' "$out")" -ge 10
ok 'callers: most first' sort -c -s -k 1,1rn "$out"

cp "$tmp/before.json" "$tmp/saved.json"
cook 'The map with most'
is 'most to give back: it is the emptied one' "$(cut -d ' ' -f 2- "$out")" "$type main.<var>$(
	sed 's/.* main.<var>//' "$out")"
cook 'Bytes by type and holder'
is 'by type and holder: bytes as the program says' \
	"$(awk -F '\t' -v type="$type" '$3 == type { sum += $1 } END { print sum }' "$out")" \
	"$(bytes_of "$tmp/truth.json" "$type")"
ok 'by type and holder: most first' sort -c -rn <(cut -f 1 "$out")
cook 'A line for an alert'
ok 'an alert: a line' grep -qE '\[[0-9]+\]: WASTEFUL' "$out"
cook 'A table for a spreadsheet'
is 'a table: a row for each map, and titles' "$(wc -l <"$out")" \
	"$(jq '.census.totals.maps + 1' "$tmp/saved.json")"
ok 'a table: it can be read' python3 -c '
import csv, json, sys
rows = list(csv.DictReader(open(sys.argv[1])))
report = json.load(open(sys.argv[2]))
assert sum(int(r["table_bytes"]) for r in rows) == report["census"]["totals"]["table_bytes"]
' "$out" "$tmp/saved.json"
cook 'Before and after'
is 'before and after: what the rebuild changed' \
	"$(awk -F '\t' -v type="$type" '$2 == type { print $1 }' "$out")" \
	$(($(bytes_of "$tmp/rebuilt.json" "$type") - $(bytes_of "$tmp/truth.json" "$type")))
cook 'A gate for tests'
is 'a gate: closed before' "$rc" 1
cp "$tmp/after.json" "$tmp/saved.json"
cook 'A gate for tests'
is 'a gate: open after' "$rc" 0
finish
