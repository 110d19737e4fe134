#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Prints the path of the clang-format that the tree is formatted with: version 14.
# Versions differ in details (19 breaks other lines in macros), so everybody uses the
# same: the one on PATH if it fits, else Debian's, unpacked into a cache outside the
# tree, with the libraries that newer releases of Debian no longer have.
#
#   scripts/clang-format.sh
set -euo pipefail
# shellcheck source=scripts/apt-private.sh
. "$(dirname "$0")/apt-private.sh"

version=14
suite=bookworm

for name in "clang-format-$version" clang-format; do
	if found=$(command -v "$name") && [[ $("$found" --version) == *"version $version."* ]]; then
		printf '%s\n' "$found"
		exit
	fi
done

root=$(cache_root)/clang-format/$version
program=$root/clang-format
if [[ ! -x $program ]]; then
	[[ -d $root ]] || apt_private_unpack "$suite" "$root" "clang-format-$version" \
		"libclang-cpp$version" "libllvm$version" libz3-4 libedit2 libbsd0 libmd0 libffi8 \
		libtinfo6 libxml2 libicu72 liblzma5 zlib1g libgcc-s1 libstdc++6
	# Its own libraries are found first; the C library is the system's.
	tmp=$(mktemp "$root/.clang-format.XXXXXX")
	cat >"$tmp" <<-WRAPPER
		#!/bin/sh
		LD_LIBRARY_PATH=\$(echo '$root'/usr/lib/*-linux-gnu):\$(echo '$root'/lib/*-linux-gnu) \\
			exec '$root/usr/bin/clang-format-$version' "\$@"
	WRAPPER
	chmod 755 "$tmp"
	mv "$tmp" "$program"
fi
printf '%s\n' "$program"
