#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Checks that the C files are formatted as .clang-format says; --fix formats them.
#
#   scripts/check-format.sh [--fix]
#
# Where the pinned clang-format is neither installed nor to be had, the check is skipped
# and says so: the code cannot be judged with another version.
set -u
cd "$(dirname "$0")/.." || exit 1

if ! formatter=$(scripts/clang-format.sh); then
	echo 'format: not checked, for lack of clang-format 14'
	exit 0
fi
mapfile -t files < <(find user bpf tests scripts -name '*.[ch]' | sort)
[[ ${#files[@]} -gt 0 ]] || exit 1
case ${1-} in
--fix) "$formatter" -i "${files[@]}" ;;
'')
	"$formatter" --dry-run -Werror "${files[@]}" || exit 1
	printf '%d files are formatted\n' "${#files[@]}"
	;;
*)
	echo "usage: $0 [--fix]" >&2
	exit 2
	;;
esac
