#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The manual pages: each verb has one, with all its options, and mandoc finds no error.
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

pages=$tmp/man

ok 'the pages are made' "$top/scripts/man.sh" "$maptrace" "$pages"
is 'no page has a gap' "$(grep -lE '^@|@[A-Z]+@' "$pages"/*)" ''
is 'mandoc finds no error' "$(mandoc -T lint -W error "$pages"/* 2>&1)" ''
verbs=$("$maptrace" --help | sed -nE 's/^  ([a-z]+) .*/\1/p')
ok 'there are verbs' test "$(wc -w <<<"$verbs")" -ge 7
for verb in $verbs; do
	page=$pages/maptrace-$verb.1
	ok "$verb has a page" test -s "$page"
	MANWIDTH=1000 man -l "$page" 2>/dev/null | col -b >"$tmp/text"
	is "$verb: all options are in it" "$("$maptrace" "$verb" --list-options | cut -f 2 | sort)" \
		"$(grep -oE '^ +(-[a-z], )?--[a-z-]+' "$tmp/text" | grep -oE -- '--[a-z-]+' | sort)"
	ok "$verb: exit codes" grep -qE '^ +0$' "$tmp/text"
	ok "$verb: the page of all verbs names it" grep -q "maptrace-$verb" "$pages/maptrace.1"
done
MANWIDTH=1000 man -l "$pages/maptrace-json.5" 2>/dev/null | col -b >"$tmp/text"
for member in findings verdict maps gives_back_bytes mmap_lock_ns_max; do
	ok "JSON: $member" grep -qE "^ +$member\$" "$tmp/text"
done
finish
