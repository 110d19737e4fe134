#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# vmlinux/vmlinux.h is written by hand. Each declaration in it must be in the running
# kernel, as bpftool prints it from BTF, word by word.
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

btf=/sys/kernel/btf/vmlinux
header=$top/vmlinux/vmlinux.h
kernel=$tmp/kernel ours=$tmp/ours

if [[ ! -r $btf ]]; then
	echo "1..0 # SKIP this kernel has no BTF ($btf)"
	exit
fi

# Prints declarations, one a line, with single spaces between words, and with one spelling
# for types that C can spell in several ways (`long unsigned int` is `unsigned long`):
#
#	struct pt_regs: unsigned long r15
#	enum bpf_map_type: BPF_MAP_TYPE_HASH = 1
#	enum: BPF_ANY = 0
#	typedef unsigned char __u8
#
# Only what is one level deep is a member of the structure itself. Our header marks a
# structure without preserve_access_index as `whole NAME`. No member of it may be missing,
# since the offsets are those of the header.
declarations() {
	sed -E 's,/\*([^*]|\*[^/])*\*/,,g' "$1" | awk -v mark="${2-}" '
		function integer() {
			if (has["char"])
				return (has["unsigned"] ? "unsigned " : has["signed"] ? "signed " : "") "char"
			return (has["unsigned"] ? "unsigned " : "") \
			       (has["short"] ? "short" : has["long"] == 2 ? "long long" : \
				has["long"] ? "long" : "int")
		}
		function spell(text,    word, n, i, out, any) {
			n = split(text, word, /[ \t]+/)
			for (i = 1; i <= n + 1; i++) {
				if (word[i] ~ /^(unsigned|signed|short|long|int|char)$/) {
					has[word[i]]++
					any = 1
					continue
				}
				if (any)
					out = out " " integer()
				delete has
				any = 0
				if (i <= n && word[i] != "")
					out = out " " word[i]
			}
			return substr(out, 2)
		}
		/^#pragma clang attribute push/ { relocated = 1 }
		/^#pragma clang attribute pop/ { relocated = 0 }
		/^ *\/?\*/ || /^#/ { next }
		/^typedef [^{(]*;/ {
			sub(/;.*/, "")
			print spell($0)
			next
		}
		/^(struct|union|enum)( [A-Za-z0-9_]+)? \{/ {
			name = $2 == "{" ? $1 : $1 " " $2
			if (mark && !relocated && $1 == "struct")
				print "whole " name
			depth = 1
			next
		}
		depth && /^}/ { depth = 0; next }
		depth == 1 && /^\t[^\t}].*[;,]?$/ && !/\{$/ {
			sub(/[;,][ \t]*$/, "")
			print name ": " spell($0)
		}'
}

bpftool btf dump file "$btf" format c >"$tmp/kernel.h" || bail "bpftool cannot read $btf"
declarations "$tmp/kernel.h" | sort -u >"$kernel"
declarations "$header" mark >"$ours"

ok "the kernel's BTF has declarations" test "$(wc -l <"$kernel")" -gt 10000
ok "the header has declarations" test "$(grep -c ': ' "$ours")" -gt 5

# What the kernel has under the same name, for the message of a failure.
near() {
	local name=${1%: *} member=${1##*[ *]}

	grep -F "$name: " "$kernel" | grep -w -- "${member%%[\[;]*}" || echo "no such declaration"
}

while read -r line; do
	ok "$line" grep -qxF -- "$line" "$kernel" || diag "the kernel has: $(near "$line")"
done < <(grep -v '^whole ' "$ours")

# Members in their order. The kernel's list above is sorted, so it is read again.
members() { # FILE NAME
	declarations "$1" | grep -F "$2: "
}

while read -r _ name; do
	is "$name is whole" "$(members "$header" "$name")" "$(members "$tmp/kernel.h" "$name")"
done < <(grep '^whole ' "$ours")

finish
