#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Runs the benchmarks and prints what they measured, beside the goals.
#
#   tests/bench/run.sh [NAME...]
#
# NAME is a file tests/bench/NAME.bench; without a NAME all of them run. Every ratio is of
# two figures of the same run. Leave the machine alone meanwhile. The exit code says whether
# the benchmarks ran, not whether goals were met.
set -u
cd "$(dirname "$0")/../.." || exit 1

die() {
	printf 'tests/bench/run.sh: %s\n' "$*" >&2
	exit 1
}

[[ $(id -u) == 0 ]] || die 'looking into other processes takes root'

names=("$@")
if [[ ${#names[@]} == 0 ]]; then
	for file in tests/bench/*.bench; do
		names+=("$(basename "$file" .bench)")
	done
fi
for name in "${names[@]}"; do
	[[ -x tests/bench/$name.bench ]] || die "no benchmark '$name'"
done

printf 'Linux %s, %d CPUs, %s\n' "$(uname -r)" "$(nproc)" \
	"$(awk '/^MemTotal/ { printf "%.0f GiB", $2 / 1048576 }' /proc/meminfo)"
printf '  %-52s %12s %9s  %-12s %s\n' figure value ratio goal met
status=0
for name in "${names[@]}"; do
	printf '%s: %s\n' "$name" "$(sed -n '4s/^# //p' "tests/bench/$name.bench")"
	"tests/bench/$name.bench" || { echo "  $name: broke off"; status=1; }
done
exit "$status"
