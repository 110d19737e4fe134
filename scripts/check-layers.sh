#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Checks that a folder of user/ includes only headers of itself and of the folders to its
# left, so that each can be read, tested and replaced without those to its right. main.c
# is to the right of all. Only trace/ and what is to the right of it includes abi.h, the
# records that BPF programs send, and only trace/ includes their skeletons.
#
#   scripts/check-layers.sh [TREE]       (the tree that this script is in)
set -u
cd "${1:-$(dirname "$0")/..}" || exit 1

# The folders from left to right. Neither of maps and trace may include the other.
layers=(base arch process heap maps graph trace model report cmd)
apart='maps:trace'

# Renderers show a finished result and read nothing else: report/ may include only base/,
# report/, and the headers of model/ whose names begin with "result".
report_is_apart=yes

awk -v order="${layers[*]}" -v apart="$apart" -v strict="$report_is_apart" '
	BEGIN {
		cnt = split(order, names, " ")
		for (i = 1; i <= cnt; i++)
			place[names[i]] = i
		split(apart, pair, ":")
	}
	function fail(why) {
		printf "%s:%d: %s\n", FILENAME, FNR, why > "/dev/stderr"
		failures++
	}
	FNR == 1 {
		files++
		split(FILENAME, part, "/")
		layer = part[3] == "" ? "main" : part[2]
		at = layer == "main" ? cnt + 1 : place[layer]
		if (!at)
			fail("the folder " layer " is not in the order of scripts/check-layers.sh")
	}
	/^#[ \t]*include[ \t]*"/ {
		split($0, quoted, "\"")
		header = quoted[2]
		includes++
		if (header ~ /\.skel\.h$/) {
			if (layer != "trace")
				fail(header " is for trace/ only")
			next
		}
		if (header == "abi.h") {
			if (at < place["trace"] || (strict == "yes" && layer == "report"))
				fail(layer "/ must not know the records of BPF programs")
			next
		}
		if (header !~ /\//) { # such as layout_rows.inc
			if (header !~ /\.inc$/)
				fail(header " without its folder")
			next
		}
		used = header
		sub(/\/.*/, "", used)
		if (!(used in place)) # a BPF header that user space shares
			next
		if (place[used] > at)
			fail(layer "/ is left of " used "/")
		if ((layer == pair[1] && used == pair[2]) || (layer == pair[2] && used == pair[1]))
			fail(layer "/ and " used "/ must not know each other")
		if (strict == "yes" && layer == "report" && used != "base" && used != "report" &&
		    header !~ /^model\/result[a-z_0-9]*\.h$/)
			fail("report/ shows the finished result: base/, report/ and model/result*.h")
	}
	END {
		printf "%d files, %d includes, %d upward\n", files, includes, failures
		exit !files || !includes || failures > 0
	}' user/*.[ch] user/*/*.[ch]
