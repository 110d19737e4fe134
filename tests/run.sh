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
# every assertion; else those that were skipped are shown, with the reason. If all tests run,
# up to three end-to-end tests that fail run once more, alone. The last lines are prove's
# totals. The exit code is 0 only if something ran and nothing failed, or not again.
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

# run_tests TEST...: leaves prove's output in $log. prove is content when all tests were
# skipped; this is not.
run_tests() {
	local status

	prove --timer "${show[@]}" --exec '' "$@" 2>&1 | tee "$log"
	status=${PIPESTATUS[0]}
	[[ $status == 0 && $(tail -n 1 "$log") == 'Result: PASS' ]]
}

# The tests that failed, by prove's summary; none where a test stopped the run.
failed_tests() {
	grep -q '^FAILED--' "$log" || sed -nE '/^Test Summary Report/,$ s/^([^ ]+) +\(Wstat: .*/\1/p' "$log"
}

# The end-to-end tests come last: their failures mean little when units fail.
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
run_tests "${sanitized[@]}" "${tests[@]}" && exit
mapfile -t failed < <(failed_tests)

# Tests of live processes depend on the machine, too. Up to three that failed among others run
# once more, alone: a fault fails again.
[[ ${#tests[@]} -gt 10 && ${#failed[@]} -ge 1 && ${#failed[@]} -le 3 ]] || exit 1
for test in "${failed[@]}"; do
	[[ $test == tests/e2e/*.t ]] || exit 1
done
echo "tests/run.sh: failed, and run once more: ${failed[*]}"
show=(--directives --failures)
run_tests "${failed[@]}"
