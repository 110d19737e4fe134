#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Compares what a rebuild is said to take with the mean of many rebuilds: maps with elems of
# 1 byte to 4 KiB, of many lengths, from nearly empty to nearly full.
#
#   tests/e2e/sizes.t [VERSION VARIANT]...
#
# FLAGS=-large also takes maps that once had half a million keys.
# shellcheck disable=SC2016 # jq has variables, too
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

truth=$tmp/truth.json compared=$tmp/compared.json

# Within one percent, plus what chance does to the mean of these few rebuilds.
compare() {
	jq -n -L "$e2e" --slurpfile truth "$truth" --slurpfile report "$out" '
		include "truth";
		($report[0].maps | by(.address)) as $by_address
		| $truth[0].maps | map({truth: ., got: $by_address[.addr]}) | {
			found: (map(select(.got.rebuild_bytes)) | length),
			unknown: map(select(.got.rebuild_bytes == null and .truth.buckets > 1).truth),
			wrong: map(select(.got.rebuild_bytes)
				| .truth.rebuild_bytes as $mean
				| ($mean / 100 + 4 * .truth.rebuild_bytes_sigma) as $most
				| select(.got.rebuild_bytes - $mean | fabs > $most)
				| .truth + {got: .got.rebuild_bytes,
					percent: (100 * .got.rebuild_bytes / $mean - 100)}),
			gives_back: map(select(.got.rebuild_bytes
				and .got.gives_back_bytes
					!= ([.truth.table_bytes - .got.rebuild_bytes, 0] | max)))
		}' >"$compared"
}

check() { # VERSION VARIANT
	local label="go$1 $2"

	build "$1" sizes "$2"
	# shellcheck disable=SC2086 # several flags
	start "$bin" ${FLAGS-}
	ask truth >"$truth"
	run 60 report --duration 0 --graph off --json "$target"
	stop
	compare
	holds "$label: there are maps" "$compared" '.found > 800'
	none "$label: more than a bucket has a known size" "$compared" '.unknown[]'
	none "$label: a rebuild takes what was said, +-1 %" "$compared" '.wrong[]'
	none "$label: the difference comes back" "$compared" '.gives_back[]'
}

[[ $# -gt 0 ]] || set -- 1.19 plain 1.24 stripped
while [[ $# -gt 0 ]]; do
	check "$1" "$2"
	shift 2
done
finish
