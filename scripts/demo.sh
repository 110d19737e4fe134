#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Starts the bundled Go program, whose maps were filled and emptied, and runs the
# report on it.
#
#   scripts/demo.sh build/maptrace [REPORT OPTION...]
#   scripts/demo.sh --check         only checks that the demo can run
set -euo pipefail

[[ $(id -u) == 0 ]] || {
	echo "demo.sh: reading another process takes root: sudo make demo" >&2
	exit 3
}
[[ ${1-} != --check ]] || exit 0
maptrace=$1
shift
here=$(cd "$(dirname "$0")" && pwd -P)
version=${MAPTRACE_DEMO_GO:-1.24}
dir=$(mktemp -d)
pid=

cleanup() {
	set +e
	if [[ -n $pid ]]; then
		kill "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null # the status is that of the kill: ignored
	fi
	rm -rf "$dir"
	return 0
}
trap cleanup EXIT

echo "building a Go program with Go $version, stripped"
"$here/../tests/targets/build.sh" "$version" demo stripped "$dir/paygate"

"$dir/paygate" >"$dir/out" &
pid=$!
for _ in $(seq 300); do
	grep -q ^ready "$dir/out" && break
	kill -0 "$pid" || { echo "demo.sh: the program ended" >&2; exit 1; }
	sleep 0.1
done
echo "\$ sudo maptrace report${*:+ $*} $pid"
echo
# Exit code 1 means that there are findings, and here there are.
"$maptrace" report "$@" "$pid" || [[ $? == 1 ]]
