#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Checks that a name says where one is: in user/ no two files have the same name, no two
# struct, union or enum tags are alike, and no function, static or not, has a namesake in
# another file. So a backtrace, a profile or a search leads to one place.
#
#   scripts/check-names.sh [DIR...]      (user)
set -u
cd "$(dirname "$0")/.." || exit 1
[[ $# -gt 0 ]] || set -- user

mapfile -t files < <(find "$@" -name '*.[ch]' | sort)
[[ ${#files[@]} -gt 0 ]] || exit 1

# Prints "KIND NAME FILE" for each definition. The code is in kernel style: a definition
# begins in the first column, and the brace of a function stands alone there.
definitions() {
	awk '
		FNR == 1 { name = "" }
		/^(static )?(const )?(struct|union|enum) [a-z_0-9]+ \{/ {
			match($0, /(struct|union|enum) [a-z_0-9]+ \{/)
			split(substr($0, RSTART, RLENGTH), word, " ")
			print "tag", word[2], FILENAME
			next
		}
		/^[a-z_].*[a-z_0-9]\(/ && !/^(typedef|return|else|extern)/ {
			name = $0
			sub(/\(.*/, "", name)
			sub(/.*[ *]/, "", name)
			if (/;[ \t]*$/) name = ""
			next
		}
		/^\{/ && name != "" { print "function", name, FILENAME; name = "" }
		/^[^ \t{]/ { name = "" }
		/;[ \t]*$/ { name = "" }
	' "${files[@]}"
	printf '%s\n' "${files[@]}" | sed -E 's#(.*/)?([^/]*)$#file \2 &#'
}

all=$(definitions | sort -u)
printf '%s\n' "$all" | awk '
	{ where[$1 " " $2] = where[$1 " " $2] "  " $3; cnt[$1 " " $2]++; total[$1]++ }
	END {
		for (name in cnt)
			if (cnt[name] > 1) {
				print name ":" where[name] > "/dev/stderr"
				failures++
			}
		printf "%d files, %d tags, %d functions: %d names stand for two things\n",
			total["file"], total["tag"], total["function"], failures
		exit !(total["file"] && total["tag"] && total["function"]) || failures > 0
	}'
