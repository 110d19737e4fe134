#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Where the layout of the runtime comes from: the program's DWARF, a separate debug file,
# the table. And the table is what `make layouts` makes from the DWARF.
# shellcheck disable=SC2016,SC2317 # jq has variables, too; `ok` calls functions
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

truth=$tmp/truth.json
debug_dir=/usr/lib/debug

start_zoo() { # COMMAND...
	start "$@" -exit-on-eof -n 0.05 -scenario ints,nested,small,churned,cleared
	ask truth >"$truth"
}

figures_are_right() {
	jq -e -n -L "$e2e" --slurpfile truth "$truth" --slurpfile report "$out" \
		'include "truth"; compare($truth[0]; $report[0])
		| .found > 500 and .missing == [] and .tables == [] and .totals_wrong == []
			and .inexact == [] and (.wrong | all(.[]; . == []))' >/dev/null
}

check_report() { # NAME SOURCE
	is "$1: exit code" "$rc" 0
	is "$1: silent on stderr" "$(complaints)" ''
	is "$1: source of the layout" "$(jq -r .target.layout_source "$out")" "$2"
	ok "$1: figures are right" figures_are_right
}

check() { # NAME SOURCE PROGRAM
	start_zoo "$3"
	run 30 report --duration 0 --graph off --json "$target"
	check_report "$1" "$2"
	stop
}

# A version that the table does not have. DWARF tells its layout, so nothing is guessed.
check_unknown_version() { # VERSION CLAIMED
	build "$1" mapzoo plain
	LC_ALL=C sed "s/go${1//./\\.}/go$2/g" "$bin" >"$tmp/claims-$2"
	chmod 755 "$tmp/claims-$2"
	check "go$1 that claims to be go$2" dwarf "$tmp/claims-$2"
	holds "go$1 that claims to be go$2: known by its DWARF" "$out" \
		".target.go_version[0:6] == \"go$2\" and .target.layout_is_of_this_version"
}

# Debug files are in one fixed place. maptrace gets a place of its own by a mount.
run_with_debug_dir() { # DIRECTORY PID
	timeout --foreground -k 5 30 unshare -m \
		sh -c 'mount --bind "$1" "$2" && shift 2 && exec "$@"' sh "$1" "$debug_dir" \
		"$maptrace" report --duration 0 --json "$2" >"$out" 2>"$err"
	rc=$?
}

# A program as a distribution ships it: its DWARF is in another package.
split() { # PROGRAM DEBUG-FILE
	objcopy --only-keep-debug "$bin" "$2" && strip -o "$1" "$bin" &&
		objcopy --add-gnu-debuglink="$2" "$1"
}

check_separate() { # NAME DEBUG-FILE
	start_zoo "$tmp/split"
	run_with_debug_dir "$tmp/debug" "$target"
	check_report "$1" dwarf
	mv "$2" "$tmp/away"
	run_with_debug_dir "$tmp/debug" "$target"
	check_report "$1, when it is away" table
	stop
}

# Toolchains before 1.24 make no build id, so the debug link is the only way.
check_by_link() {
	mkdir -p "$tmp/debug$tmp"
	build 1.19 mapzoo plain
	split "$tmp/split" "$tmp/debug$tmp/split.debug"
	check_separate 'a file by its link' "$tmp/debug$tmp/split.debug"
}

check_by_build_id() {
	local id

	build 1.24 mapzoo plain
	id=$(readelf -n "$bin" | sed -n 's/.*Build ID: //p')
	mkdir -p "$tmp/debug/.build-id/${id:0:2}"
	split "$tmp/split" "$tmp/debug/.build-id/${id:0:2}/${id:2}.debug"
	check_separate 'a file by its build id' "$tmp/debug/.build-id/${id:0:2}/${id:2}.debug"
}

# The row of a name, as the table has it.
row_of() { # NAME
	awk -v name="\"$1\"," '
		$0 == "\t{" { row = "" }
		{ row = row $0 "\n" }
		$1 == ".name" { wanted = $3 == name }
		$0 == "\t}," && wanted { printf "%s", row }' "$top/user/process/layout_rows.inc"
}

check_row() { # VERSION
	local made

	made=$("$top/scripts/gen-layouts.sh" "$top/build/scripts/layout_row" --row "$1" 2>&1)
	ok "go$1: there is a row" [ -n "$(row_of "go$1")" ]
	is "go$1: the row is that of the DWARF" "$made" "$(row_of "go$1")"
}

make -s -C "$top" build/scripts/layout_row >&2 || bail "cannot build layout_row"
check_row 1.19
check_row 1.24

for version in 1.19 1.24; do
	build "$version" mapzoo plain
	check "go$version plain" dwarf "$bin"
	build "$version" mapzoo stripped
	check "go$version stripped" table "$bin"
done
check_unknown_version 1.19 1.98
check_unknown_version 1.24 1.98

if [[ -d $debug_dir ]] && unshare -m mount --bind "$tmp" "$debug_dir" 2>/dev/null; then
	check_by_link
	check_by_build_id
else
	skip 16 "cannot mount on $debug_dir"
fi
finish
