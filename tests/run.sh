#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Runs the tests: the unit tests, the unit tests built with ASan and UBSan, and the
# end-to-end tests.
#
#   tests/run.sh [TEST...]
#
# TEST is the name or the path of a test, such as test_swiss or tests/e2e/trace.t. Without
# one all tests run; with MATRIX set the matrix runs, too, with CI a part of it. V=1 shows
# every assertion; else those that were skipped are shown, with the reason. The last lines
# are prove's totals. The exit code is 0 only if something ran and nothing failed.
set -u
cd "$(dirname "$0")/.." || exit 1

die() {
	printf 'tests/run.sh: %s\n' "$*" >&2
	exit 1
}

command -v prove >/dev/null || die "prove is missing (Debian package: perl)"

# The job server of a `make -jN test` that runs this is out of reach.
MAKEFLAGS=$(sed -E 's/(^| )(--jobserver[^ ]*|-j[0-9]*)//g' <<<"${MAKEFLAGS-}")
export MAKEFLAGS

# By default UBSan reports what it finds and goes on, and the test would pass.
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
export CMOCKA_MESSAGE_OUTPUT=TAP

units=() e2e=()
for source in tests/unit/test_*.c; do
	units+=("$(basename "$source" .c)")
done
for test in tests/e2e/*.t; do
	[[ -x $test ]] && e2e+=("$test")
done

# is_wanted TEST: whether the command line asks for it, by name or by path.
is_wanted() {
	local arg

	[[ ${#wanted[@]} == 0 ]] && return
	for arg in "${wanted[@]}"; do
		[[ $(basename "$arg") == "$(basename "$1")" ]] && return
	done
	return 1
}

wanted=("$@")
tests=() sanitized=()
for unit in "${units[@]}"; do
	is_wanted "$unit" || continue
	tests+=("build/tests/unit/$unit")
	sanitized+=("build/debug/tests/unit/$unit")
done
for test in "${e2e[@]}"; do
	is_wanted "$test" && tests+=("$test")
done
[[ -n ${MATRIX-}${CI-} || ${#wanted[@]} -gt 0 ]] && is_wanted tests/matrix.t && tests+=(tests/matrix.t)
[[ ${#tests[@]} -gt 0 ]] || die "no such test: $*"

jobs=$(nproc)
make -s -j "$jobs" all units || exit 1
if [[ ${#sanitized[@]} -gt 0 ]]; then
	make -s -j "$jobs" DEBUG=1 units || exit 1
fi

# Assertions of tests that run side by side would be mixed.
show=(--directives --failures -j "$jobs")
[[ -n ${V-} ]] && show=(-v)
export HARNESS_RULESFILE=tests/order.yml

# The end-to-end tests come last: their failures mean little when units fail.
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
prove --timer "${show[@]}" --exec '' "${sanitized[@]}" "${tests[@]}" 2>&1 | tee "$log"
status=${PIPESTATUS[0]}

# prove is content when all tests were skipped.
[[ $status == 0 && $(tail -n 1 "$log") == 'Result: PASS' ]]
