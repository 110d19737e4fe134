#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The build itself, in directories of its own: compilers, dependencies, installation, and
# what make says before it builds. The tree must look afterwards as it did before. `make
# lint`, which `make test` runs first, checks the sources.
# shellcheck disable=SC2317 # `ok` calls functions
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$top" || exit 1

# A make that runs this test must not change it. Warnings stay errors.
unset MAKEFLAGS MFLAGS MAKELEVEL CFLAGS LDFLAGS DEBUG V

# Files that nobody added, and those that git ignores. Tracked files may change: somebody
# may be editing them.
listing() {
	git status --porcelain --ignored 2>/dev/null | grep -E '^(\?\?|!!)' | grep -v ' build/$'
}

in_git=0
git rev-parse --is-inside-work-tree >/dev/null 2>&1 && in_git=1
before=$(listing)

# logged COMMAND...: its output matters only when it fails.
logged() {
	"$@" >"$tmp/log" 2>&1 && return
	diag "$(tail -n 20 "$tmp/log")"
	return 1
}

# tests/run.sh has built all with the default compiler before this runs.
compiler=clang
cc --version | grep -q clang && compiler=gcc
dir=$tmp/$compiler
command -v "$compiler" >/dev/null || bail "no $compiler here"
ok "$compiler builds program and unit tests" \
	logged make -s -j2 BUILD="$dir" CC="$compiler" all units
ok "what $compiler built runs" logged "$dir/maptrace" --help

plan() { # ARGUMENT...
	make -n V=1 BUILD="$dir" CC="$compiler" "$@" all
}

ok "a second make has nothing to do" make -q BUILD="$dir" CC="$compiler" all units
plan -W user/process/operand.h >"$tmp/plan"
ok "a newer header compiles what includes it" grep -q -- '-c -o [^ ]*/process/operand\.o ' "$tmp/plan"
ok "... and what does not include it stays" \
	bash -c "! grep -q -- '-c -o [^ ]*/base/units\.o ' '$tmp/plan'"
plan -W bpf/abi.h >"$tmp/plan"
ok "a newer header compiles BPF programs, too" grep -q 'maps\.bpf\.c' "$tmp/plan"

# An architecture that nobody has written yet: one sentence, before anything is compiled.
make -s BUILD="$tmp/none" ARCH=arm64 all >"$tmp/log" 2>&1
is "make for an unknown architecture fails" $? 2
is "... with one sentence" "$(wc -l <"$tmp/log")" 1
ok "... that names it" grep -q "maptrace cannot be built for 'arm64'" "$tmp/log"
ok "... before it compiles anything" test ! -e "$tmp/none"

ok "make install" logged make -s BUILD="$dir" CC="$compiler" DESTDIR="$tmp/root" PREFIX=/usr install
ok "the program is installed" test -x "$tmp/root/usr/bin/maptrace"
ok "make uninstall" logged make -s BUILD="$dir" DESTDIR="$tmp/root" PREFIX=/usr uninstall
is "nothing is left" "$(find "$tmp/root" -type f)" ""

# says_first PATTERN MAKE-ARGUMENT...: make fails, says why, and has built nothing.
says_first() {
	local pattern=$1
	shift

	make BUILD="$tmp/nothing" "$@" >"$tmp/log" 2>&1 && return 1
	grep -q -- "$pattern" "$tmp/log" && [[ ! -e $tmp/nothing ]]
}

ok "make report without PID says so before it builds" says_first 'PID=n' report
mkdir "$tmp/fake"
printf '#!/bin/sh\necho 1000\n' >"$tmp/fake/id"
chmod 755 "$tmp/fake/id"
ok "make demo without root says so before it builds" \
	env PATH="$tmp/fake:$PATH" bash -c "$(declare -f says_first); tmp=$tmp; says_first 'takes root' demo"

if [[ $in_git == 1 ]]; then
	is "the tree stays clean" "$(listing)" "$before"
else
	skip 1 "not a git work tree"
fi

finish
