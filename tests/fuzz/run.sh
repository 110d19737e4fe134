#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Runs the fuzzers that `make fuzz` has built, as many side by side as there are processors:
#
#   tests/fuzz/run.sh [NAME...]     fuzz_heap, or heap; all without a name
#
# SECONDS_EACH: how long each runs (5). First the inputs that failed once are run (tests/fuzz/kept/NAME),
# then new ones, from those and from seeds that are made here. An input that fails is left in
# build/fuzz/found/NAME. Put it into tests/fuzz/kept/NAME when it is mended.
set -u
cd "$(dirname "$0")/../.." || exit 1

seconds=${SECONDS_EACH:-5}
built=build/fuzz
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1

# Inputs that get beyond the first check.
make_seeds() { # NAME DIR
	case $1 in
	fuzz_json) cp tests/fuzz/seeds/*.json "$2/" 2>/dev/null ;;
	fuzz_text)
		printf '\1%s' "$(cat /proc/self/maps)" >"$2/maps"
		printf '\0%s' "$(head -c 3000 /proc/self/smaps)" >"$2/smaps"
		printf '\2%s' '1.5GiB' >"$2/size"
		;;
	fuzz_heap)
		for i in 0 1 2 3 4 5; do
			# shellcheck disable=SC2059 # the format is the byte
			printf "\\$i" >"$2/recording-$i"
		done
		;;
	esac
}

run_one() { # FUZZER
	local name corpus found
	name=$(basename "$1")
	corpus=$built/corpus/$name
	found=$built/found/$name
	mkdir -p "$corpus" "$found"
	make_seeds "$name" "$corpus"
	if [[ -d tests/fuzz/kept/$name ]]; then
		"$1" tests/fuzz/kept/"$name"/* >"$found/log" 2>&1 || {
			tail -n 40 "$found/log"
			echo "$name: an input that was mended fails again"
			return 1
		}
	fi
	"$1" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 -max_len=16384 -print_final_stats=1 \
		-artifact_prefix="$found/" "$corpus" >"$found/log" 2>&1 || {
		tail -n 60 "$found/log"
		echo "$name: FAILED, see $found"
		return 1
	}
	printf '%-12s %s runs, no failure\n' "$name" \
		"$(sed -n 's/^stat::number_of_executed_units: *//p' "$found/log")"
}

# The names as they are files.
fuzzers=()
for source in tests/fuzz/fuzz_*.c; do
	name=$(basename "$source" .c)
	[[ $# == 0 || " $* " == *" $name "* || " $* " == *" ${name#fuzz_} "* ]] && fuzzers+=("$built/$name")
done
[[ ${#fuzzers[@]} -gt 0 ]] || {
	echo "no such fuzzer: $*" >&2
	exit 2
}

export -f run_one make_seeds
export seconds built
printf '%s\n' "${fuzzers[@]}" | xargs -P "$(nproc)" -I{} bash -c 'run_one {}'
