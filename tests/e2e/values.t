#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Zero values in maps, against a program that counts its own.
# shellcheck disable=SC2016,SC2317 # jq has variables, too; `ok` calls functions
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

truth=$tmp/truth.json rows=$tmp/rows.json

# Pairs of the target's maps and what the report says of them.
pair() {
	jq -c --slurpfile truth "$truth" '
		(reduce .maps[] as $m ({}; .[$m.address] = $m)) as $by
		| $truth[0].maps[] | {name, truth: .} + {got: $by[.address]}' "$out" >"$rows"
}

scan() { # OPTION...
	run 60 report --duration 0 --graph off --min-waste 0 --json "$@" "$target"
	pair
}

named() { # NAME...
	local IFS='|'

	printf '^(%s)$' "$*"
}

# The allocator's note or the shape of the table tells the type. Where several types remain
# that store their values differently, there is a reason instead of a figure.
check_exact() { # LABEL KIND
	local told=(strings interfaces slices bytes bools structs floats one growing emptied
		pointers pointers_dense maps chans thinned all_zero small)

	[[ $2 == swiss ]] && told+=(no_zero wide records big_keys)
	scan --scan-values
	is "$1: exit code" "$rc" 1
	is "$1: silent on stderr" "$(complaints)" ''
	holds "$1: how it went" "$out" '.values | .status == "ok" and .maps_sampled == 0
		and .budget_bytes == 268435456 and .bytes > 4000000 and .maps_counted >= 17'
	none "$1: every map is found" "$rows" 'select(.got == null)'
	none "$1: maps whose values must be told" "$rows" 'select((.name | test($told))
		and .got.zero_values == null)' --arg told "$(named "${told[@]}")"
	none "$1: the counts are the truth" "$rows" 'select(.got.zero_values
		and (.got.zero_values.count != .truth.zero
			or .got.zero_values.low != .truth.zero or .got.zero_values.high != .truth.zero))'
	none "$1: nothing moved" "$rows" 'select(.got.zero_values
		and (.got.zero_values | .consistency != "exact" or .sampled))'
	none "$1: all entries were looked at" "$rows" 'select(.got.zero_values
		and .got.zero_values.slots_read != .truth.live_keys)'
	none "$1: no count, a reason" "$rows" 'select((.got.zero_values == null)
		!= (.got.zero_values_reason != null))'
	holds "$1: struct{} has no values" "$rows" 'select(.name == "sets")
		| .got.zero_values == null and .got.zero_values_reason == "values have no bytes"'
	none "$1: dropping them never takes more" "$rows" 'select(.got.zero_values
		and .got.zero_values.rebuild_bytes > .got.rebuild_bytes)'
}

# A rebuild without the zero values must take what a rebuild of a map with that many keys
# takes. The map without a zero must give back nothing.
check_findings() { # LABEL
	holds "$1: there is a finding" "$out" '[.findings[] | select(.kind == "zero_values")] | length > 3'
	none "$1: findings are sums over their maps" "$out" '. as $report
		| .findings[] | select(.kind == "zero_values" and .type) | . as $f
		| [$report.maps[] | select(.type == $f.type and .zero_values)
			| (.resident_bytes - .zero_values.rebuild_bytes) as $all
			| select($all > .gives_back_resident_bytes and .zero_values.count > 0)
			| {all: $all, holes: .gives_back_resident_bytes, zero: .zero_values.count, live_keys}]
		| select(length != $f.maps or (map(.all) | add) != $f.bytes_with_rebuild
			or (map(.all - .holes) | add) != $f.bytes or (map(.zero) | add) != $f.zero_values
			or (map(.live_keys) | add) != $f.live_keys)'
	run 60 report --duration 0 --min-waste 64k --scan-values --top 100 "$target"
	is "$1, text: exit code" "$rc" 1
	ok "$1, text: a row says so" grep -qE '^     7,200 of 12,000 values are zero$' "$out"
	ok "$1, text: the verdict says what to do" grep -q 'm\[k\] = zero frees nothing[.] Call delete(m, k)' "$out"
	is "$1, text: 80 columns" "$(too_long)" ''
	run 60 report --duration 0 --json "$target"
	none "$1: not without the option" "$out" '.maps[] | select(has("zero_values"))'
	holds "$1: off without the option" "$out" '.values.status == "off"
		and all(.findings[]; .kind != "zero_values")'
}

# Of 100 intervals of 95 %, 5 miss the truth. Of 160 of them more than 136 (85 %) have it,
# except in one run of a hundred thousand. What is read stays within the budget.
check_samples() { # LABEL
	local seed in=0 of=0

	for seed in 1 2 3 4; do
		scan --scan-values=8M --scan-seed "$seed"
		in=$((in + $(jq -s '[.[] | select((.name | startswith("large_")) and .got.zero_values.sampled
			and .got.zero_values.low <= .truth.zero and .truth.zero <= .got.zero_values.high)]
			| length' "$rows")))
		of=$((of + $(jq -s '[.[] | select((.name | startswith("large_"))
			and .got.zero_values.sampled)] | length' "$rows")))
		holds "$1, seed $seed: the budget holds" "$out" '.values
			| .bytes <= 8 * 1048576 and .bytes > 6 * 1048576 and .maps_sampled >= 38'
		none "$1, seed $seed: an interval is one" "$rows" '.got.zero_values
			| select(. and .sampled and (.low > .count or .count > .high or .slots_read == 0))'
		none "$1, seed $seed: and says something" "$rows" 'select(.name | startswith("large_"))
			| select(.got.zero_values.sampled
				and .got.zero_values.high - .got.zero_values.low > 2400)'
	done
	ok "$1: samples were taken" test "$of" -ge 140
	ok "$1: the truth lies within $in of $of intervals" test $((100 * in)) -ge $((85 * of))
	# Small maps are read whole or not at all.
	holds "$1: what does not fit is said" "$out" '[.maps[]
		| select(.zero_values_reason == "over the budget")] | length > 0'
	none "$1: no sample of a small map" "$out" '.maps[]
		| select(.zero_values.sampled and .table_bytes < 65536)'
}

# Compares what is said to come back when the zeroes are deleted and the map is rebuilt with
# what does. A table more or less is chance, so many maps of one size are summed.
check_dropped() { # LABEL
	local dropped=$tmp/dropped.json all=$tmp/all.json

	scan --scan-values
	ask drop >"$dropped"
	jq -s --slurpfile dropped "$dropped" '
		(reduce $dropped[0].maps[] as $m ({}; .[$m.name] = $m)) as $by
		| map(select(.got.zero_values) | $by[.name] + {zero: .got.zero_values.count,
			said: .got.zero_values.rebuild_bytes, census: .got.table_bytes})' "$rows" >"$all"
	holds "$1, dropped: maps with zeroes" "$all" 'map(select(.zero > 0)) | length >= 40'
	none "$1, dropped: they were of the size that the census says" "$all" \
		'.[] | select(.census != .table_bytes)'
	# With 16 buckets, one overflow bucket more or less is 32 bytes, and a longer list another 32.
	none "$1, dropped: each takes what was said, but for a table in eight" "$all" '.[] | select(
		(.said - .rebuilt_bytes | fabs) > ([(([.said, .rebuilt_bytes] | max) / 8), 256] | max))'
	holds "$1, dropped: all of them within 3 %" "$all" \
		'(map(.table_bytes - .rebuilt_bytes) | add) as $back
		| $back > 1e6 and ((map(.table_bytes - .said) | add) - $back | fabs) < $back * 0.03'
}

# A map that others write to: 1,000 of its values are always nil, others are nil while they
# are put in or taken out. The map may be suspect, but not each time.
check_busy() { # LABEL
	local i told=0

	ask churn >/dev/null
	for i in 1 2 3; do
		scan --scan-values
		none "$1, $i: quiet maps are exact beside a busy one" "$rows" 'select(.name != "churned"
			and .got.zero_values and (.got.zero_values.count != .truth.zero
				or .got.zero_values.consistency != "exact"))'
		none "$1, $i: what stays in a busy map is told" "$rows" 'select(.name == "churned") | .got
			| select(.zero_values_reason == null)
			| select((.zero_values | .count >= 1000 and .count <= 1010
				and .slots_read >= .count) | not)'
		none "$1, $i: exact is only what stood still" "$rows" 'select(.got.zero_values
			and .got.zero_values.consistency == "exact"
			and (.got.consistency != "exact" or .got.zero_values.slots_read != .got.live_keys))'
		told=$((told + $(jq -s '[.[] | select(.name == "churned" and .got.zero_values)]
			| length' "$rows")))
	done
	ok "$1: the busy map is told $told times of 3" test "$told" -gt 0
}

check() { # VERSION KIND
	local label=go$1

	build "$1" zeroes stripped
	start "$bin" -large 40
	ask truth >"$truth"
	check_exact "$label" "$2"
	check_findings "$label"
	check_samples "$label"
	check_busy "$label"
	stop
	start "$bin" -large 40
	ask truth >"$truth"
	check_dropped "$label"
	stop
}

check_usage() {
	run 10 report --scan-values=0 1
	refused 'a budget of nothing' 2 'scan-values'
	run 10 report --scan-values=much 1
	refused 'a budget that is none' 2 'scan-values.*not a size'
	run 10 report --help
	ok 'report --help: --scan-values' grep -q -- --scan-values "$out"
}

check 1.19 classic
check 1.24 swiss
check 1.27 swiss
check_usage
finish
