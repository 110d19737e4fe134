#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Makes the manual pages of docs/man. Options, verbs and exit codes come from the program
# itself, the members of the JSON document from its schema, so that no page falls behind.
#
#   scripts/man.sh MAPTRACE DIR
set -euo pipefail

[[ $# == 2 ]] || { echo "usage: $0 MAPTRACE DIR" >&2; exit 2; }
maptrace=$1 dir=$2
source_dir=$(dirname "$0")/../docs/man
schema=$(dirname "$0")/../user/report/report.schema.json
command -v scdoc >/dev/null || { echo "man.sh: scdoc is missing (Debian package: scdoc)" >&2; exit 1; }

# What scdoc would take for markup.
escape() {
	sed -E 's/[\\_*#[]/\\&/g'
}

verbs() {
	"$maptrace" --help | sed -nE 's/^  ([a-z]+) +(.*)$/\1\t\2/p' | escape |
		awk -F'\t' '{ printf "*maptrace-%s*(1)\n\t%s\n\n", $1, toupper(substr($2, 1, 1)) substr($2, 2) "." }'
}

# options VERB
options() {
	"$maptrace" "$1" --list-options | escape | sort -t $'\t' -k 2,2 | awk -F'\t' '{
		argument = $3
		optional = sub(/^\\\[/, "", argument) && sub(/\]$/, "", argument)
		if (argument != "")
			argument = optional ? "[=_" argument "_]" : "=_" argument "_"
		printf "%s*%s*%s\n\t%s.\n\n", $1 == "" ? "" : "*" $1 "*, ", $2, argument, $4
	}'
}

# exit_codes VERB: the paragraph of its --help.
exit_codes() {
	"$maptrace" "$1" --help | sed -n '/^Exit codes: /,/^$/p' | tr '\n' ' ' |
		sed -E 's/^Exit codes: //; s/ *$//' | escape | sed -E 's/; ([0-9]|else|others)/\n\1/g' |
		sed -E 's/^([0-9]) (.*[^.])\.?$/*\1*\n\t\2\n/; t; s/^(.*[^.])\.?$/*other*\n\t\1\n/'
}

# Each object of the schema with its members.
members() {
	jq -r '."$defs" | del(.failure) | (["report"] + (keys - ["report"]))[] as $name
		| select(.[$name].properties)
		| "\u0001\($name)", (.[$name].properties | to_entries[]
			| "\(.key)\t\(.value.description // "")")' "$schema" | escape |
		awk -F'\t' '/^\001/ { print "## " substr($0, 2) "\n"; next }
			{ printf "*%s*\n\t%s\n\n", $1, $2 == "" ? "As its name says." : $2 }'
}

also() { # PAGE
	local page

	for page in "$source_dir"/*.scd; do
		page=$(basename "$page" .scd)
		[[ $page == "$1" ]] || printf '*%s*(%s)\n' "${page%.*}" "${page##*.}"
	done | paste -sd, | sed 's/,/, /g'
}

mkdir -p "$dir"
for source in "$source_dir"/*.scd; do
	page=$(basename "$source" .scd)
	verb=${page%.*} verb=${verb#maptrace} verb=${verb#-}
	while IFS= read -r line; do
		case $line in
		@VERBS@) verbs ;;
		@OPTIONS@) options "$verb" ;;
		@EXIT@) exit_codes "${verb:-report}" ;;
		@MEMBERS@) members ;;
		@ALSO@) also "$page" ;;
		*) printf '%s\n' "$line" ;;
		esac
	done <"$source" | cat -s | scdoc >"$dir/$page"
done
