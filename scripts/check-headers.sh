#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Checks that every header compiles on its own, and twice in one file.
#
#   scripts/check-headers.sh
#
# Flags and include paths are those of the Makefile. A header of the BPF side may rely on what
# every BPF source starts with: vmlinux.h and libbpf's helpers.
set -u
cd "$(dirname "$0")/.." || exit 1

# variable NAME: its value in the Makefile.
variable() {
	make -s --no-print-directory --eval="print-variable: ; @echo '\$(subst ','\'',\$($1))'" \
		print-variable
}

failures=0

# check HEADER COMPILER...: the header as the compiler's only input.
check() {
	local header=$1 log
	shift

	log=$(printf '#include "%s"\n#include "%s"\n' "$header" "$header" |
		"$@" -fsyntax-only -x c - 2>&1) && return
	failures=$((failures + 1))
	printf '%s does not stand alone:\n%s\n' "$header" "$log" | head -n 20 >&2
}

# The values are words of a shell command, quotes included.
cc=() user_flags=() clang=() bpf_flags=()
eval "cc=($(variable CC)) user_flags=($(variable USER_FLAGS))"
eval "clang=($(variable CLANG)) bpf_flags=($(variable BPF_FLAGS))"
[[ ${#user_flags[@]} -gt 0 && ${#bpf_flags[@]} -gt 0 ]] || exit 1

checked=0
while read -r header; do
	checked=$((checked + 1))
	case $header in
	user/*)
		check "${header#user/}" "${cc[@]}" "${user_flags[@]}"
		;;
	*)
		check "${header#bpf/}" "${clang[@]}" "${bpf_flags[@]}" \
			-include vmlinux.h -include bpf/bpf_helpers.h
		;;
	esac
	# The one header that both sides include.
	[[ $header == bpf/abi.h ]] && check "abi.h" "${cc[@]}" "${user_flags[@]}"
done < <(find user bpf -name '*.h' | sort)

printf '%d headers, %d failures\n' "$checked" "$failures"
[[ $checked -gt 0 && $failures == 0 ]]
