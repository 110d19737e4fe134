#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The page for browsers: one file that loads nothing, says what the other formats say and what the
# program says of itself, and is no danger where names of the program look like markup.
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

made=$top/build/tests/e2e/made_reports
PAGE_MAX=400000

fits() { # NAME PAGE [REPORT [TRUTH]]
	local name=$1
	shift

	ok "$name" python3 "$e2e/html_fits.py" "$@"
}

page_of() { # REPORT PAGE
	run 20 report --from "$1" --fail-on never --html "$2"
	is "a page of ${1##*/}: exit code" "$rc" 0
}

check_look() {
	build 1.24 mapzoo stripped
	start "$bin" -exit-on-eof -scenario filled_emptied,ints,small,reflected
	ask truth >"$tmp/truth.json"
	run 60 report --duration 2s --fail-on never --html "$tmp/page.html" --json "$target"
	stop
	is 'JSON and a page: exit code' "$rc" 0
	cp "$out" "$tmp/report.json"
	keep_document
	fits 'the page agrees with the report, and with the program' \
		"$tmp/page.html" "$tmp/report.json" "$tmp/truth.json"
	page_of "$tmp/report.json" "$tmp/again"
	ok 'a saved report makes the same page' cmp "$tmp/page.html" "$tmp/again"
	run 20 report --from "$tmp/report.json" --fail-on never --html -
	ok '--html - prints it' cmp "$out" "$tmp/page.html"
}

# Markup, quotes and marks that turn text around in each name: what they do is seen, and no more.
check_hostile_names() {
	python3 "$e2e/html_fits.py" --spoil "$tmp/report.json" "$tmp/spoilt.json"
	page_of "$tmp/spoilt.json" "$tmp/spoilt.html"
	fits 'hostile names: well-formed, nothing new runs, and they are told' \
		"$tmp/spoilt.html" "$tmp/spoilt.json"
	"$made" full >"$tmp/full"
	page_of "$tmp/full" "$tmp/made"
	fits 'made up, full: well-formed' "$tmp/made"
	"$made" bare >"$tmp/bare"
	page_of "$tmp/bare" "$tmp/made"
	fits 'made up, bare: well-formed' "$tmp/made"
}

check_size() {
	python3 "$e2e/html_fits.py" --many "$tmp/report.json" 10000 "$tmp/many.json"
	page_of "$tmp/many.json" "$tmp/many"
	fits '10,000 maps, no two alike: well-formed, same sums' "$tmp/many" "$tmp/many.json"
	ok '10,000 maps: all in rows' grep -q '"rest":{"maps":0,' "$tmp/many"
	ok "10,000 maps: at most $PAGE_MAX bytes" test "$(wc -c <"$tmp/many")" -le $PAGE_MAX
	python3 "$e2e/html_fits.py" --many "$tmp/report.json" 50000 "$tmp/many.json"
	page_of "$tmp/many.json" "$tmp/many"
	fits '50,000 maps: same sums' "$tmp/many" "$tmp/many.json"
	ok "50,000 maps: at most $PAGE_MAX bytes" test "$(wc -c <"$tmp/many")" -le $PAGE_MAX
}

check_browser() {
	local browser line
	browser=$(command -v chromium chromium-browser google-chrome | head -n 1)

	if [[ -z $browser ]]; then
		skip 1 'there is no Chromium to drive the page in; make test-html installs it'
		return
	fi
	timeout 90 python3 "$e2e/browser.py" "$browser" "$tmp/page.html" "$tmp/report.json" \
		"$tmp/spoilt.html" >"$tmp/driven" 2>&1
	is 'in Chromium: exit code' $? 0
	while read -r line; do
		[[ $line == 'ok '* ]]
		result $? "in Chromium: ${line#ok }"
	done <"$tmp/driven"
}

check_look
check_hostile_names
check_browser
check_size
finish
