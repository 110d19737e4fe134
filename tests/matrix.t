#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Compares the census with the truth for every Go version and every way to build.
#
#   tests/matrix.t [TEST VERSION VARIANT]...
#
# A cell is a test of tests/e2e with a version and a variant. TAP, with a line for each cell
# and for what failed in it. Without arguments all cells run. JOBS cells run at a time
# (default: the number of processors). With CI set and MATRIX not, the versions between take
# fewer cells: see is_chosen(). V=1 keeps the tests' output in build/matrix. The programs
# are built into the cache of tests/e2e.
set -u
cd "$(dirname "$0")/.." || exit 1
self=tests/${0##*/}

variants=(plain sw stripped pie pie-stripped cgo-external debian race noopt pgo c-shared)
logs=build/matrix

# exists VERSION VARIANT: whether that Go can make such a build.
exists() {
	case $2 in
	pgo) [[ $1 != 1.19 ]] ;;
	noswissmap) [[ $1 == 1.24 || $1 == 1.25 ]] ;;
	mapsplitgroup) [[ $1 == 1.27 ]] ;;
	esac
}

# is_chosen TEST VERSION VARIANT: whether a short run has that cell. The last version has every
# one; the first one, and the first with Swiss maps, the builds that differ most; the others a
# stripped one. tests/e2e runs 1.19 and 1.24 by themselves, too.
is_chosen() {
	[[ -n ${MATRIX-} || -z ${CI-} || $2 == 1.27 ]] && return 0
	case $1/$2/$3 in
	*/noswissmap | */mapsplitgroup | census/*/stripped) return 0 ;;
	census/1.19/* | census/1.24/*) [[ $3 =~ ^(pie-stripped|cgo-external|race|c-shared)$ ]] ;;
	random/1.19/* | random/1.24/*) return 1 ;;
	random/*) return 0 ;;
	*) return 1 ;;
	esac
}

# Busy programs come last, and one at a time: they take all processors.
all_cells() { # parallel|alone
	local test version variant

	known_cells "$1" | while read -r test version variant; do
		if is_chosen "$test" "$version" "$variant"; then
			echo "$test $version $variant"
		fi
	done
}

known_cells() { # parallel|alone
	local version variant

	for version in $(scripts/go-toolchain.sh --list); do
		for variant in "${variants[@]}" noswissmap mapsplitgroup; do
			exists "$version" "$variant" || continue
			[[ $1 == alone ]] || echo "census $version $variant"
			case $1/$variant in
			parallel/plain | parallel/noswissmap | parallel/mapsplitgroup)
				echo "random $version $variant"
				echo "sizes $version $variant"
				;;
			alone/plain | alone/noswissmap | alone/mapsplitgroup)
				echo "busy $version $variant"
				;;
			esac
		done
	done
}

# Tests in a cell may take longer than in `make test`. All output of a cell is one write,
# since other cells write, too.
run_cell() { # TEST VERSION VARIANT
	local log="$logs/$1-$2-$3" start=$SECONDS try status good bad
	local seeds=${SEEDS:-$RANDOM$RANDOM $RANDOM$RANDOM $RANDOM$RANDOM $RANDOM$RANDOM}

	# What fails once more, with the same seeds, is a fault, not the machine.
	for try in '' ', second try'; do
		FLAGS=-large SEEDS=$seeds CENSUSES=20 "tests/e2e/$1.t" "$2" "$3" >"$log" 2>&1
		status=$?
		good=$(grep -c '^ok' "$log")
		bad=$(grep -c '^not ok' "$log")
		[[ $status == 0 && $good -gt 0 || $bad -gt 0 ]] || bad=1 # it broke off
		((bad)) || break
	done
	{
		printf '%s - %s %s %s: %d of %d assertions, %d s%s\n' \
			"$( ((bad)) && echo 'not ok' || echo ok)" "$1" "$2" "$3" \
			"$good" $((good + bad)) $((SECONDS - start)) "$try"
		((bad == 0)) || grep -A 6 -E '^not ok|^Bail out' "$log" | head -n 40 |
			cut -c 1-300 | sed 's/^/# /'
	} | dd bs=64K iflag=fullblock status=none
}

if [[ ${1-} == --cell ]]; then
	shift
	run_cell "$@"
	exit
fi

# Failed cells have lines of their own. The exit code only says whether all cells ran.
run_cells() { # JOBS, cells from standard input
	xargs -r -L 1 -P "$1" "$self" --cell
}

make -s all >/dev/null || exit 1
rm -rf "$logs"
mkdir -p "$logs"
if [[ $# -gt 0 ]]; then
	echo "1..$(($# / 3))"
	printf '%s %s %s\n' "$@" | run_cells "${JOBS:-$(nproc)}"
else
	echo "1..$( (all_cells parallel && all_cells alone) | wc -l)"
	all_cells parallel | run_cells "${JOBS:-$(nproc)}" && all_cells alone | run_cells 1
fi
status=$?
[[ -n ${V-} ]] || rm -rf "$logs"
exit $status
