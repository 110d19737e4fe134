#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The checks of the sources find what they look for: each gets a copy of the tree with one
# mistake in it. `make lint` runs them on the tree itself.
# shellcheck disable=SC2317 # `ok` calls functions
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$top" || exit 1

tree=$tmp/tree

# What the checks read, without git's own files and without what was built.
fresh_copy() {
	rm -rf "$tree"
	mkdir "$tree"
	cp -r bpf docs scripts tests user vmlinux .ci .clang-format Makefile LICENSE ./*.md "$tree/"
}

passes() { # CHECK
	"$tree/scripts/check-$1.sh" >"$tmp/log" 2>&1 && return
	diag "$(tail -n 20 "$tmp/log")"
	return 1
}

# found CHECK PATTERN: the check fails and says so.
found() {
	! "$tree/scripts/check-$1.sh" >"$tmp/log" 2>&1 && grep -q -- "$2" "$tmp/log" && return
	diag "$(tail -n 20 "$tmp/log")"
	return 1
}

fresh_copy
ok 'layers: the copy passes' passes layers
echo '#include "model/finding.h"' >>"$tree/user/base/log.c"
ok 'layers: base includes model' found layers 'user/base/log.c:.*base/ is left of model/'

fresh_copy
echo '#include "trace/rate.h"' >>"$tree/user/maps/mapinfo.h"
ok 'layers: maps includes trace' found layers 'mapinfo.h:.*is left of\|must not know each other'
fresh_copy
sed -i 's/^report_is_apart=.*/report_is_apart=yes/' "$tree/scripts/check-layers.sh"
echo '#include "heap/heap.h"' >>"$tree/user/report/flow.h"
ok 'layers: report includes more than the result' found layers 'report/flow.h:.*report/ shows the finished result'
fresh_copy
mkdir "$tree/user/extra"
echo >"$tree/user/extra/extra.c"
ok 'layers: a folder without a place' found layers 'extra is not in the order'

fresh_copy
printf 'struct one_more {\n\tstruct err *err;\n};\n' >"$tree/user/model/one_more.h"
ok 'headers: one that needs another' found headers 'model/one_more.h does not stand alone'

fresh_copy
printf 'int  badly_formatted( void );\n' >"$tree/user/base/badly.h"
if scripts/clang-format.sh >/dev/null 2>&1; then
	ok 'format: a file that is not formatted' found format 'base/badly.h'
else
	skip 1 'no clang-format 14'
fi

fresh_copy
printf 'struct err {\n\tint kind;\n};\n' >"$tree/user/model/twice.h"
ok 'names: a tag stands for two things' found names '^tag err:'

fresh_copy
ok 'documents: the copy passes' passes docs
sed -i 's/^### 5\.4 /### 5.44 /' "$tree/docs/go-runtime.md"
ok 'documents: a section that comments refer to is missing' found docs 'no section 5.4'
printf '\n[a link](missing.md) and [another](go-runtime.md#no-such-heading)\n' >>"$tree/docs/manual.md"
ok 'documents: a link leads nowhere' found docs 'missing.md, which is not there'
ok 'documents: a link leads to no heading' found docs 'no heading for #no-such-heading'
# shellcheck disable=SC2016 # Markdown
printf '\n`user/base/no_such_file.c`\n' >>"$tree/README.md"
ok 'documents: a path is not there' found docs 'there is no user/base/no_such_file.c'

finish
