#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Records the memory of a stopped mapzoo, and what it says of its own maps: the input of
# tests/unit/test_recorded.c. The bytes differ each time (seeds, addresses), the truths do
# not. Needs `make build/tests/recorded/record`, and root.
#
#   tests/recorded/record.sh VERSION [VARIANT]    e.g. 1.24, or 1.25 noswissmap
#
# Writes goVERSION[-VARIANT].pages.gz and .truth beside itself.
set -euo pipefail

[[ $# -ge 1 ]] || { sed -n '4,/^set/{/^set/d;s/^# \{0,1\}//p}' "$0" >&2; exit 2; }
version=$1 variant=${2:-stripped}
here=$(cd "$(dirname "$0")" && pwd -P)
record=$here/../../build/tests/recorded/record
out=$here/go$version${2:+-$2}

# All kinds of maps, each small: recordings are part of the repository.
scenarios=growing,churned,cleared,iface,named,nested,structs,sets,stack,dense,ptrkeys

tmp=$(mktemp -d)
trap 'kill -KILL "${target:-}" 2>/dev/null; wait 2>/dev/null; rm -rf "$tmp"' EXIT

"$here/../targets/build.sh" "$version" mapzoo "$variant" "$tmp/mapzoo"
mkfifo "$tmp/in" "$tmp/out"
GODEBUG=asyncpreemptoff=1 "$tmp/mapzoo" -exit-on-eof -scenario "$scenarios" -n 0.02 <"$tmp/in" >"$tmp/out" &
target=$!
exec {to}>"$tmp/in" {from}<"$tmp/out"
head -n 1 <&"$from" >/dev/null # it is ready
sleep 5 # the runtime gives memory back in the background
printf 'truth\n' >&"$to"
head -n 1 <&"$from" >"$tmp/truth"
"$record" "$target" >"$tmp/pages"
printf 'truth\n' >&"$to"
head -n 1 <&"$from" >"$tmp/again"

# Memory that moved meanwhile cannot be a test.
heap='[.memstats | .heap_inuse, .heap_idle, .heap_released]'
[[ $(jq -c "$heap" "$tmp/truth") == "$(jq -c "$heap" "$tmp/again")" ]] ||
	{ echo "${0##*/}: the heap changed, please try again" >&2; exit 1; }

jq -r '
	(.memstats | "heap \(.heap_inuse) \(.heap_idle) \(.heap_released)"),
	(.maps[] | select(.on_heap and .buckets > 0)
		| "map \(.addr) \(.live_keys) \(.slots) \(.buckets) \(.tombstones) "
			+ "\(.overflow_buckets) \(.old_bytes) \(.table_bytes) \(.type)")
	' "$tmp/truth" >"$out.truth"
exec {to}>&- # which ends it
wait "$target"
gzip -9n <"$tmp/pages" >"$out.pages.gz"
ls -l "$out".*
