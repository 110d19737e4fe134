# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What the benchmarks share, on top of tests/e2e/lib.sh (build, start, ask, stop).
# A benchmark tests/bench/NAME.bench sources this, prints its figures and ends:
#
#   figure TEXT VALUE UNIT                          a row of the table
#   figure TEXT VALUE UNIT RATIO                    with a ratio to another figure
#   figure TEXT VALUE UNIT RATIO OPERATOR GOAL      with a ratio that has a goal
#   figure TEXT VALUE UNIT - OPERATOR GOAL          the value itself has a goal
#
# UNIT is ns, bytes, count, or per_s. VALUE and an absolute GOAL are in that unit. OPERATOR is
# '<=' or '>='. Goals are shown, not enforced: a busy machine is not a failure.
#
#   census              sets $census_ns, $census_bytes (read), $census_maps,
#                       $census_rss (peak of maptrace), of a census of $target
#   memory_figure LABEL a row with the memory that maptrace took for the last census
#   bulkread BYTES      prints the ns that it takes to read that many bytes of $target
#   median NUMBER...
#   quotient A B        prints A / B

# shellcheck source=tests/e2e/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib.sh"

figure() {
	awk -f "$top/tests/bench/row.awk" -v text="$1" -v value="$2" -v unit="$3" \
		-v ratio="${4:--}" -v operator="${5-}" -v goal="${6-}"
}

median() {
	printf '%s\n' "$@" | sort -g | sed -n "$((($# + 1) / 2))p"
}

quotient() {
	awk -v a="$1" -v b="$2" 'BEGIN { printf "%.6f\n", b ? a / b : 0 }'
}

# The rows of the maps are the last member of the document, and are not needed. The search for
# holders is left out unless an option asks for it.
census() { # OPTION...
	{
		"$maptrace" report --duration 0 --json --graph off "$@" "$target" 2>"$err" |
			sed '/^"maps":/q'
		echo ']}'
	} >"$out"
	# shellcheck disable=SC2034 # for the benchmarks
	read -r census_ns census_maps census_bytes census_rss < <(jq -r '[.census.duration_ns,
		.census.totals.maps, .cost.bytes_read, .cost.peak_rss_bytes] | @tsv' "$out") ||
		bail "no census: $(cat "$err")"
}

memory_figure() {
	figure "$1: peak memory of maptrace" "$census_rss" bytes - \
		'<=' $(((32 << 20) + 96 * census_maps))
}

bulkread() {
	"$top/build/tests/bench/bulkread" "$target" "$1" || bail 'no bulk read'
}
