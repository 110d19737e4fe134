#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Writes the table of runtime layouts from the DWARF of programs that each known Go
# toolchain builds. The same toolchains give the same bytes. Needs build/scripts/layout_row,
# so call it with `make layouts`.
#
#   scripts/gen-layouts.sh LAYOUT_ROW OUT
#   scripts/gen-layouts.sh LAYOUT_ROW --row VERSION [VARIANT]    print one row
set -euo pipefail

[[ $# -ge 2 ]] || { sed -n '4,/^set/{/^set/d;s/^# \{0,1\}//p}' "$0" >&2; exit 2; }
layout_row=$1
here=$(cd "$(dirname "$0")" && pwd -P)

# Versions that can also be built with classic maps.
noswissmap=(1.24 1.25)

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# Any program with maps will do, but it is built now. A program that a test left may be of an
# older toolchain than the present one.
program() { # VERSION VARIANT
	"$here/../tests/targets/build.sh" "$1" demo "$2" "$tmp/$1-$2"
	printf '%s\n' "$tmp/$1-$2"
}

row() { # VERSION VARIANT
	local bin

	bin=$(program "$1" "$2")
	"$layout_row" "${1#1.}" "$bin"
}

toolchain() { # VERSION
	local go

	go=$("$here/go-toolchain.sh" "$1")
	GOTOOLCHAIN=local "$go" env GOVERSION
}

table() {
	local version versions

	mapfile -t versions < <("$here/go-toolchain.sh" --list)
	cat <<-'HEAD'
		/* SPDX-License-Identifier: GPL-2.0-only */
		/*
		 * Made by `make layouts` from the DWARF of linux/amd64 programs that these
		 * toolchains built; not to be edited:
		 *
	HEAD
	for version in "${versions[@]}"; do
		printf ' *\t%s\n' "$(toolchain "$version")"
	done
	printf ' */\n'
	for version in "${versions[@]}"; do
		if [[ " ${noswissmap[*]} " == *" $version "* ]]; then
			row "$version" noswissmap
		fi
		row "$version" plain
	done
}

if [[ $2 == --row ]]; then
	row "$3" "${4:-plain}"
	exit
fi
table >"$tmp/table"
# A file whose content is the same keeps its time, so that make builds nothing again.
cmp -s "$tmp/table" "$2" || cp "$tmp/table" "$2"
